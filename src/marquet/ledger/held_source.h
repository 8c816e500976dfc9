// A source as a version of the table holds it: the whole of it, or what others left.
//
// A replacement that takes away a part of a source writes what is left of it, durable, into
// "_marquet/sources/left/ID-N.json" before its commit, and records N in the commit, in a txn action of the
// application RemainderAppId(ID). So each version of the table has its own, and a file that no version names
// is what an interrupted replacement left behind. Format: docs/format.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "marquet/delta/log.h"
#include "marquet/file/file_system.h"
#include "marquet/ledger/source_description.h"

namespace marquet::ledger {

inline constexpr std::string_view kRemainderAppPrefix = "marquet.left.";

struct HeldSource {
  SourceDescription description;        // its `rows` and `ranges` are of what is left
  int64_t rows_ingested = 0;            // of this table, once
  std::vector<ReplacedRange> replaced;  // what is not left, in the order in which it went

  bool is_whole() const { return replaced.empty(); }
};

// What went of the rows that sources, or the parts of one, have brought.
class SourceLosses {
 public:
  // `has_files`: whether the table has files of its rows; of a source that was replaced as a whole none says
  // so.
  void Add(const HeldSource& source, bool has_files);

  bool none() const { return rows_ == rows_left_; }
  // "7 of 10 rows were replaced by a.dbn, b.dbn".
  std::string ToText() const;

 private:
  int64_t rows_ = 0;
  int64_t rows_left_ = 0;
  std::vector<std::string> by_;  // without those that replaced a source as a whole
};

// Its ranges do not reach across what earlier parts of the same bytes brought. kNotFound when the description
// or the remainder is missing.
arrow::Result<HeldSource> ReadHeldSource(file::FileSystem& fs, const std::string& table,
                                         const delta::Snapshot& snapshot, const std::string& id);

// The newest ingest of these bytes, of which rows are in the table; nothing when none are. It tells of the
// others, too: a part counts as brought as long as any rows of these bytes are there. Errors as above.
arrow::Result<std::optional<SourceDescription>> ReadNewestIngest(file::FileSystem& fs,
                                                                 const std::string& table,
                                                                 const delta::Snapshot& snapshot,
                                                                 const std::string& digest);

std::string RemainderAppId(std::string_view id);
// The file's path, relative to the table.
std::string RemainderPath(std::string_view id, int64_t number);

// Writes what is left of a source under a number above that of the snapshot which nothing has yet, and gives
// the number. Durable when it returns OK.
arrow::Result<int64_t> WriteRemainder(const std::shared_ptr<file::FileSystem>& fs, const std::string& table,
                                      const delta::Snapshot& snapshot, const HeldSource& source);

}  // namespace marquet::ledger
