// SQL's LIKE: % stands for any text, _ for one character (a UTF-8 code point), and the escape character,
// where one is named, makes the next % or _ stand for itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"

namespace marquet::predicate {

class LikePattern {
 public:
  LikePattern() = default;

  // `escape` is empty or one character. kInvalidInput for a longer one, and for a pattern that ends in it.
  static arrow::Result<LikePattern> Make(std::string pattern, std::string_view escape);

  bool Matches(std::string_view text) const;

  // What every match begins with, and whether that alone decides ("abc%").
  const std::string& prefix() const { return prefix_; }
  bool prefix_decides() const { return prefix_decides_; }
  bool literal() const { return literal_; }  // no % and no _: a match is equal to the prefix

  const std::string& pattern() const { return pattern_; }
  const std::string& escape() const { return escape_; }

 private:
  enum class Step : uint8_t { kByte, kOne, kAny };
  struct Piece {
    Step step;
    char byte;
  };

  std::string pattern_;
  std::string escape_;
  std::vector<Piece> pieces_;
  std::string prefix_;
  bool prefix_decides_ = false;
  bool literal_ = true;
};

}  // namespace marquet::predicate
