// Whether a book had a source when samples were made of it.
//
// Rows that are replaced by as many leave the first and the last row of every window where they were: that a
// window holds other rows than its sample was made of, only the sources of the rows between tell.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "arrow/result.h"
#include "marquet/table/table.h"

namespace marquet::sampling {

class BookHistory {
 public:
  explicit BookHistory(const table::Table& book) : book_(book) {}  // which outlives it

  // That the book had the source at the version, as a sample says that was made of it and begins or ends
  // there.
  void Note(const std::string& source, int64_t version);

  // Why a sample that was made of `version` had no rows of the source, in words; nothing where it may have
  // had them. What was noted, of the version or an earlier one, answers at once; else the book's log is read,
  // once a version.
  arrow::Result<std::optional<std::string>> WhyNew(const std::string& source, int64_t version);

 private:
  bool Had(const std::string& source, int64_t version) const;
  arrow::Status Read(int64_t version);

  const table::Table& book_;
  std::unordered_map<std::string, int64_t> since_;  // the least version noted, by source
  std::set<int64_t> read_;                          // versions whose sources are all noted
  std::set<int64_t> out_of_reach_;                  // those that the log does not tell of
};

}  // namespace marquet::sampling
