// What a Table, its scans and its appenders share. Internal to the room.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "arrow/result.h"
#include "marquet/delta/log.h"
#include "marquet/file/file_system.h"
#include "marquet/parquet/encode/file_format.h"
#include "marquet/table/file_index.h"
#include "marquet/table/reader_cache.h"
#include "marquet/table/table.h"

namespace marquet::table {

// Makes Arrow's kernels available; the first call does the work.
arrow::Status InitializeKernels();

class TableState {
 public:
  TableState(std::shared_ptr<file::FileSystem> fs, std::string path);

  const std::string path;
  const std::shared_ptr<file::FileSystem> fs;
  delta::Log log;
  ReaderCache readers;

  std::shared_ptr<const delta::Snapshot> snapshot() const;
  // Steps to another version. Never back from a newer one, unless `force`.
  void Advance(std::shared_ptr<const delta::Snapshot> snapshot, bool force = false);

  // Of the snapshot; made on first use.
  arrow::Result<std::shared_ptr<const FileIndex>> index() const;

  // The format of data files of these columns. Made anew only when columns or options are others than the
  // last time.
  arrow::Result<std::shared_ptr<const pq::FileFormat>> FormatOf(const std::shared_ptr<arrow::Schema>& schema,
                                                                const pq::WriteOptions& options);

  // Makes sure that a directory under the table exists and survives a power cut. Only the first call for a
  // directory that no committed file lies in touches the file system.
  arrow::Status EnsureDirectory(const std::string& relative);

  // How often a path of the snapshot was looked at for that. A commit of many new directories must not look
  // at every file for each of them.
  int64_t paths_looked_at() const;

 private:
  // Whether a committed file lies right in this directory. Under the lock.
  bool HoldsFiles(const std::string& directory);

  mutable std::mutex mutex_;
  std::shared_ptr<const delta::Snapshot> snapshot_;
  mutable std::shared_ptr<const FileIndex> index_;
  std::unordered_set<std::string> directories_;
  // Of the snapshot: how many directories were asked for, and, once they are many, those that its files lie
  // in (views of its paths).
  int asked_ = 0;
  int64_t paths_looked_at_ = 0;
  bool parents_known_ = false;
  std::unordered_set<std::string_view> parents_;
  std::shared_ptr<const pq::FileFormat> format_;
};

struct Table::Impl {
  std::shared_ptr<TableState> state;
};

}  // namespace marquet::table
