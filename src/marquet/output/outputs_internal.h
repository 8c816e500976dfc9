// What a rolling writer has in hand and has not published: outputs by name, within a budget of memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "arrow/status.h"
#include "marquet/output/output_parts_internal.h"
#include "marquet/output/row_schema_internal.h"

namespace marquet::output {

// `parts` of a name that is published already hold rows that are written again, beside the folder's files.
struct Output {
  std::unique_ptr<OutputParts> parts;
  int64_t rows = 0;
  bool again = false;
};

// Not thread safe.
class Outputs {
 public:
  // `memory`: what rows that are in no file yet may take.
  explicit Outputs(int64_t memory) : memory_(memory) {}

  Output* Find(const std::string& name);  // a null pointer for none
  bool contains(const std::string& name) const { return outputs_.contains(name); }
  Output& Add(const std::string& name, Output output);
  void Remove(const std::string& name) { outputs_.erase(name); }
  std::set<std::string> Names() const;
  // Names of files that are complete, whether they are listed or not.
  std::set<std::string> PublishedFiles() const;

  // Ends row groups where rows take more memory than they may.
  arrow::Status BoundMemory();
  // Ends all row groups.
  arrow::Status Flush();
  // Writes again what lacks types that are known now. What comes again to be compared is in no file that
  // anybody reads.
  arrow::Status Decide(const RowSchema& rows);
  // Removes all of them; the first error.
  arrow::Status Abort();

  // As OutputParts, of those of the names that there are.
  void Release(const std::set<std::string>& names) noexcept;
  void TakeBack(const std::set<std::string>& names) noexcept;
  // Forgets what is published for good, and no replay.
  void Settle(const std::set<std::string>& names) noexcept;

 private:
  const int64_t memory_;
  std::map<std::string, Output> outputs_;
};

}  // namespace marquet::output
