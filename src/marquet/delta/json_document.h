// Reads JSON (RFC 8259) strictly, into a flat list of nodes over the text.
//
// Written here because the libraries that pyarrow ships export a simdjson of their own: a second one in the
// same process would have its symbols mixed up with theirs. What the log needs is little: strings as views of
// the text wherever they hold no escape, and numbers as they are spelt, so that decimals lose nothing.
//
// A document refers to the text it was parsed from, which must outlive it; a JsonValue refers to its
// document. Const methods are thread safe.
#pragma once

#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"

namespace marquet::delta {

enum class JsonKind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

class JsonDocument;

// One value. All accessors give nothing for a value of another kind.
class JsonValue {
 public:
  JsonKind kind() const;
  bool is_null() const { return kind() == JsonKind::kNull; }
  std::optional<std::string_view> String() const;
  std::optional<bool> Bool() const;
  std::optional<int64_t> Integer() const;  // nothing for 1.0, 1e2 and what does not fit
  // A number as it is spelt; the source text of an array or object; a string's content.
  std::string_view Text() const;

  // The first member of this name, with a value other than null.
  std::optional<JsonValue> Find(std::string_view key) const;
  bool IsObject() const { return kind() == JsonKind::kObject; }
  bool IsArray() const { return kind() == JsonKind::kArray; }

  // each(std::string_view key, JsonValue) for members, each(JsonValue) for elements, in order.
  template <typename Each>
  void ForEachMember(Each&& each) const;
  template <typename Each>
  void ForEachElement(Each&& each) const;

 private:
  friend class JsonDocument;
  JsonValue(const JsonDocument* document, uint32_t at) : document_(document), at_(at) {}
  const JsonDocument* document_;
  uint32_t at_;
};

class JsonDocument {
 public:
  JsonDocument() = default;  // holds nothing, and has no root, before Parse

  // kCorruptData that says what was found where the text stops being JSON, and what was expected; also for
  // text that is not UTF-8, for more than 4 GiB and for nesting deeper than 256. The byte at which that is
  // goes into the message, or into `failed_at`.
  static arrow::Result<JsonDocument> Parse(std::string_view text, size_t* failed_at = nullptr);
  // The same into a document whose memory is used again: what it held before is gone.
  static arrow::Status Parse(std::string_view text, JsonDocument* into, size_t* failed_at = nullptr);

  JsonValue root() const { return JsonValue(this, 0); }

 private:
  friend class JsonValue;
  friend class JsonParser;
  struct Node {
    std::string_view text;
    uint32_t end = 0;  // one past the last node inside
    JsonKind kind = JsonKind::kNull;
  };
  std::vector<Node> nodes_;            // a member is its key, then its value
  std::unique_ptr<char[]> unescaped_;  // content of strings that hold escapes
  size_t unescaped_size_ = 0;
};

template <typename Each>
void JsonValue::ForEachMember(Each&& each) const {
  const auto& nodes = document_->nodes_;
  if (nodes[at_].kind != JsonKind::kObject) return;
  for (uint32_t key = at_ + 1; key < nodes[at_].end; key = nodes[key + 1].end) {
    each(nodes[key].text, JsonValue(document_, key + 1));
  }
}

template <typename Each>
void JsonValue::ForEachElement(Each&& each) const {
  const auto& nodes = document_->nodes_;
  if (nodes[at_].kind != JsonKind::kArray) return;
  for (uint32_t at = at_ + 1; at < nodes[at_].end; at = nodes[at].end) each(JsonValue(document_, at));
}

}  // namespace marquet::delta
