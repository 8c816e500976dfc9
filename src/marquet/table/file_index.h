// The live files of one snapshot, arranged so that a scan finds the few it needs without looking at the rest.
// Whatever takes time is done when it is first needed: a table that is opened for one scan pays for that
// alone.
//
// Immutable but for what is filled in; thread safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/delta/log.h"
#include "marquet/delta/statistics.h"
#include "marquet/predicate/predicate.h"
#include "marquet/table/partition_column.h"

namespace marquet::table {

// One live file with what is known of it. Lives in its index.
class IndexedFile {
 public:
  const delta::AddFile& add() const { return *add_; }

  // Parsed once. Damaged statistics count as none: they only spare work.
  const delta::FileStatistics& statistics(const arrow::Schema& schema) const;

 private:
  friend class FileIndex;
  const delta::AddFile* add_ = nullptr;                                 // the snapshot's
  mutable std::atomic<const delta::FileStatistics*> parsed_ = nullptr;  // of statistics_
  mutable std::shared_ptr<const delta::FileStatistics> statistics_;     // indexes of later snapshots share it
};

class FileIndex {
 public:
  struct Match {
    const IndexedFile* file = nullptr;
    predicate::Truth truth = predicate::Truth::kMaybe;
  };

  // `previous`, which may be null, is an index of another snapshot of the same table: what it has parsed is
  // taken over. kCorruptData for a partition column that is not in the schema.
  static arrow::Result<std::shared_ptr<const FileIndex>> Make(std::shared_ptr<const delta::Snapshot> snapshot,
                                                              const FileIndex* previous);

  const delta::Snapshot& snapshot() const { return *snapshot_; }
  const std::vector<IndexedFile>& files() const { return files_; }

  // Schema of the columns that data files hold: all but the partition columns.
  const std::shared_ptr<arrow::Schema>& data_schema() const { return data_schema_; }

  // Makes ready what pruning by a bound predicate needs. kCorruptData for a partition value that its column's
  // type cannot hold.
  arrow::Status Prepare(const predicate::Predicate& predicate) const;

  // The files that may hold rows for which a bound predicate is true, in the snapshot's order. Partition
  // columns that Prepare failed at rule nothing out.
  std::vector<Match> Prune(const predicate::Predicate& predicate) const;

  // The value of a partition column in a file; a null scalar for null. kCorruptData as Prepare.
  arrow::Result<std::shared_ptr<arrow::Scalar>> PartitionValue(const IndexedFile& file,
                                                               const std::string& column) const;

 private:
  struct LazyColumn {
    std::string name;
    std::shared_ptr<arrow::DataType> type;
    std::once_flag made;
    arrow::Status status;
    std::unique_ptr<const PartitionColumn> column;
  };

  arrow::Status FindPartitionColumns();
  // A null pointer for another column than those of the partition, or one that cannot be made.
  const PartitionColumn* Column(const std::string& name) const;
  const LazyColumn* Made(const std::string& name) const;

  // Places in files_ that can match by the equalities on partition columns alone; nothing when there are
  // none.
  std::optional<std::vector<uint32_t>> Candidates(const predicate::Predicate& predicate) const;

  std::shared_ptr<const delta::Snapshot> snapshot_;
  std::shared_ptr<arrow::Schema> data_schema_;
  std::vector<IndexedFile> files_;
  std::vector<std::unique_ptr<LazyColumn>> columns_;
};

}  // namespace marquet::table
