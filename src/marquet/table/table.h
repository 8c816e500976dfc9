// A table: durable, transactional, partitioned Parquet under a Delta log.
//
// Data files are immutable, published and verified before the commit that names them; a reader sees a whole
// version or none of it. A Table object stands at one version (the newest when it was opened, unless another
// was asked for) and moves on when it commits or is refreshed. Thread safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/base/progress.h"
#include "marquet/delta/log.h"
#include "marquet/file/file_system.h"
#include "marquet/parquet/format/options.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/table/scan.h"

namespace marquet::table {

struct CreateOptions {
  std::vector<std::string> partition_by = {};
  std::string name = {};
  std::string description = {};
  std::map<std::string, std::string> configuration = {};  // Delta table properties
};

enum class AppendMode { kAppend, kOverwrite, kErrorIfExists };

struct AppendOptions {
  AppendMode mode = AppendMode::kAppend;
  pq::WriteOptions file = {};  // codec, row group size, memory, verify
  int64_t max_rows_per_file = 16 << 20;
  int threads = 0;  // that write data files; 0: as many as there are processors
  std::optional<delta::Transaction> transaction =
      {};  // makes the append happen once; see AppendReport::already_applied
  std::string operation = "WRITE";
  std::map<std::string, std::string> commit_metadata = {};  // further strings of the commit's info
  std::function<void(const pq::WrittenFile&)> on_file = {};
  const StopFlag* stop = nullptr;
};

struct AppendReport {
  int64_t version = -1;  // unchanged when there was nothing to commit
  int64_t rows = 0;      // added; those that were kept out of files written anew are not counted
  int64_t bytes = 0;
  std::vector<pq::WrittenFile> files;
  // Rows whose empty string became null, by partition column: the log spells both alike.
  std::map<std::string, int64_t> empty_as_null;
  bool already_applied = false;
};

// Collects rows of one future commit: batches in any number and order, split by partition, written by several
// threads within a memory budget. Nothing is visible before Commit(). After Abort() (or destruction) nothing
// is left behind. Owned by one thread at a time.
class Appender {
 public:
  virtual ~Appender() = default;

  // Rows with the table's columns (in any order; absent nullable ones are null). Splits them by partition
  // values.
  virtual arrow::Status Write(const arrow::RecordBatch& batch) = 0;

  // Rows that all belong to one partition, without partition columns, in the order of the data schema: no
  // splitting. An empty text in a column of strings counts in AppendReport::empty_as_null, no text is null.
  virtual arrow::Status WritePartition(const delta::PartitionValues& partition,
                                       const arrow::RecordBatch& batch) = 0;

  // Files that this commit takes away (its rows replaced). Makes the commit no blind append.
  virtual void Remove(const std::shared_ptr<const delta::AddFile>& file) = 0;

  // Rows of a file that stay when others of it go: with Remove(file), the file is written anew without those.
  // They are in the order of the data schema, as for WritePartition(), and get files of their own, with the
  // tags and partition of `file`: those of each `part`, in the order in which they come.
  virtual arrow::Status Keep(const std::shared_ptr<const delta::AddFile>& file, int part,
                             const arrow::RecordBatch& rows) = 0;

  // What is only known once all rows were seen; before Commit(). RecordOnce: the commit's own transaction, as
  // AppendOptions::transaction. Record: what the commit means to another application; stored meanwhile, it is
  // a kConflict. Tag: of each file that the commit adds, but for those of Keep(). Note: a further string of
  // the commit's info, as AppendOptions::commit_metadata.
  virtual void RecordOnce(delta::Transaction transaction) = 0;
  virtual void Record(delta::Transaction transaction) = 0;
  virtual void Tag(const std::string& name, const std::string& value) = 0;
  virtual void Note(const std::string& name, const std::string& value) = 0;

  // Asked with the newest snapshot when others committed since the append began and nothing else stands
  // against committing behind them; its error is the commit's. Must not use the table. Before Commit().
  virtual void FollowOnlyIf(std::function<arrow::Status(const delta::Snapshot&)> may_follow) = 0;

  // Publishes and verifies the open files; nothing can be written after it. What the commit rests on is then
  // durable, and nothing but the commit is left to fail. Commit() does it where it was not done.
  virtual arrow::Status Finish() = 0;

  // Finishes, then commits.
  virtual arrow::Result<AppendReport> Commit() = 0;
  virtual arrow::Status Abort() = 0;
};

struct PartitionInfo {
  delta::PartitionValues values;
  int64_t files = 0, rows = 0, bytes = 0;
};

struct TableInfo {
  std::string path;
  int64_t version = 0;
  int64_t timestamp_ms = 0;
  std::string id, name, description;
  std::vector<std::string> partition_columns;
  std::shared_ptr<arrow::Schema> schema;
  int64_t files = 0, rows = 0, bytes = 0;       // rows is -1 when a file lacks statistics
  std::optional<__int128> latest_timestamp_ns;  // of the time column; times past 2262 take more than 64 bits
  std::vector<PartitionInfo> partitions;
};

struct TableVerdict {
  bool ok = true;
  int64_t files = 0, rows = 0, rows_intact = 0, bytes = 0;
  std::vector<pq::Damage> damage;
  std::vector<pq::Damage> odd;  // what the writers of files got wrong, while all rows can be read (verify.h)
  std::vector<std::string> missing;  // named by the log, not there
  // Data files that no version in the log names (information, not damage); none are told where the newest
  // version cannot be read, which may name them.
  std::vector<std::string> orphans;
};

class Table {
 public:
  // kAlreadyExists when there is a table; kInvalidInput when the directory holds other things, or for bad
  // partitions.
  static arrow::Result<std::shared_ptr<Table>> Create(std::shared_ptr<file::FileSystem> fs, std::string path,
                                                      const arrow::Schema& schema, CreateOptions options);
  // A table that comes to be with its first append, in one commit, so that nobody sees it empty. Its version
  // is -1 until then. When another writer creates a table with the same columns and partitions first, the
  // append goes there; another table, or another mode than kAppend, is a kConflict. Errors as for Create; a
  // directory that an interrupted attempt left behind is taken up.
  static arrow::Result<std::shared_ptr<Table>> CreateWithFirstAppend(std::shared_ptr<file::FileSystem> fs,
                                                                     std::string path,
                                                                     const arrow::Schema& schema,
                                                                     CreateOptions options);
  // The errors of these, without making anything.
  static arrow::Status CheckCreate(std::shared_ptr<file::FileSystem> fs, std::string path,
                                   const arrow::Schema& schema, const CreateOptions& options);
  // kNotFound when there is no table. At most one of `version` and `as_of_ns`. The newest version is opened
  // with what a killed writer left to be done behind its commit (follow_up.h), which never makes it fail.
  static arrow::Result<std::shared_ptr<Table>> Open(std::shared_ptr<file::FileSystem> fs, std::string path,
                                                    std::optional<int64_t> version = {},
                                                    std::optional<int64_t> as_of_ns = {});
  ~Table();

  const std::string& path() const;
  const std::shared_ptr<file::FileSystem>& fs() const;
  delta::Log& log();
  std::shared_ptr<const delta::Snapshot> snapshot() const;
  int64_t version() const;
  std::shared_ptr<arrow::Schema> schema()
      const;  // as stored: int64 with field metadata for nanoseconds and prices

  arrow::Status Refresh();  // to the newest version; a table that has none yet stays as it is

  arrow::Result<std::unique_ptr<Appender>> NewAppender(AppendOptions options = {});
  arrow::Result<AppendReport> Append(arrow::RecordBatchReader& rows, AppendOptions options = {});

  arrow::Result<Scan> NewScan(ScanOptions options = {}) const;

  TableInfo Info() const;
  arrow::Result<std::vector<delta::CommitEntry>> History(std::optional<int64_t> limit = {});
  // The largest value of the time column ("ts", or the one named), in nanoseconds, whatever its year; nothing
  // when empty. Out of statistics, or rows where a file is another writer's.
  arrow::Result<std::optional<__int128>> LatestTimestamp(const std::string& column = {}) const;

  arrow::Result<TableVerdict> Verify(pq::VerifyLevel level, int jobs = 0,
                                     const ProgressCallback& progress = {},
                                     const StopFlag* stop = nullptr) const;

 private:
  struct Impl;
  explicit Table(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The Hive-style directory of a partition ("symbol=ESH4/date=2024-01-02"), values escaped so that any symbol
// is one safe path component, column names as they are. What would be longer than file systems hold, and is
// refused in new rows, is shortened with a hash. The log's partition values decide, never this name.
std::string PartitionDirectory(const std::vector<std::string>& columns, const delta::PartitionValues& values);

}  // namespace marquet::table
