// The live files of one snapshot, arranged so that a scan finds the few it needs without looking at the rest:
// partition values in a dictionary with the files of each, statistics parsed on first use.
//
// Immutable but for the statistics that are filled in; thread safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/delta/log.h"
#include "marquet/delta/statistics.h"
#include "marquet/table/predicate.h"

namespace marquet::table {

// One live file with what is known of it.
class IndexedFile {
 public:
  explicit IndexedFile(std::shared_ptr<const delta::AddFile> add) : add_(std::move(add)) {}

  const delta::AddFile& add() const { return *add_; }
  const std::shared_ptr<const delta::AddFile>& shared_add() const { return add_; }

  // Parsed once. Damaged statistics count as none: they only spare work.
  const delta::FileStatistics& statistics(const arrow::Schema& schema) const;

 private:
  std::shared_ptr<const delta::AddFile> add_;
  mutable std::once_flag parsed_;
  mutable delta::FileStatistics statistics_;
};

class FileIndex {
 public:
  struct Match {
    std::shared_ptr<const IndexedFile> file;
    Truth truth = Truth::kMaybe;
  };

  // `previous`, which may be null, is an index of another snapshot of the same table: what it has parsed is
  // taken over. kCorruptData for a partition value that its column's type cannot hold.
  static arrow::Result<std::shared_ptr<const FileIndex>> Make(std::shared_ptr<const delta::Snapshot> snapshot,
                                                              const FileIndex* previous);

  const delta::Snapshot& snapshot() const { return *snapshot_; }
  const std::vector<std::shared_ptr<const IndexedFile>>& files() const { return files_; }

  // Schema of the columns that data files hold: all but the partition columns.
  const std::shared_ptr<arrow::Schema>& data_schema() const { return data_schema_; }

  // The files that may hold rows for which a bound predicate is true, in the snapshot's order.
  std::vector<Match> Prune(const Predicate& predicate) const;

  // The value of a partition column in a file; a null scalar for null.
  arrow::Result<std::shared_ptr<arrow::Scalar>> PartitionValue(const IndexedFile& file,
                                                               const std::string& column) const;

 private:
  struct PartitionColumn {
    std::string name;
    std::shared_ptr<arrow::DataType> type;
    std::vector<std::shared_ptr<arrow::Scalar>> values;  // by code
    std::vector<std::vector<uint32_t>> files;            // by code: places in files_
    std::unordered_map<std::string, uint32_t> by_text;   // as the log spells it
    std::unordered_map<std::string, std::vector<uint32_t>>
        by_key;  // codes of a value; see KeyOf in predicate_node.h
  };

  arrow::Status AddPartitionColumns();
  // Places in files_ that can match by the equalities on partition columns alone; nothing when there are
  // none.
  std::optional<std::vector<uint32_t>> Candidates(const Predicate& predicate) const;

  std::shared_ptr<const delta::Snapshot> snapshot_;
  std::shared_ptr<arrow::Schema> data_schema_;
  std::vector<std::shared_ptr<const IndexedFile>> files_;
  std::vector<PartitionColumn> columns_;
  std::vector<uint32_t> codes_;  // by file, then partition column
};

}  // namespace marquet::table
