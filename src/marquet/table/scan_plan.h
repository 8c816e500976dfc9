// What a scan reads, piece by piece: row groups of the files that the log's statistics leave over, cut down
// to the pages that can match. Internal to the room.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "marquet/parquet/reader.h"
#include "marquet/table/scan.h"
#include "marquet/table/scan_columns.h"
#include "marquet/table/table_state.h"

namespace marquet::table {

// Counted by all threads of a stream.
struct ScanCounters {
  std::atomic<int64_t> files{0}, files_read{0}, row_groups{0}, row_groups_read{0}, rows_decoded{0},
      rows_returned{0};
  ScanStatistics Read() const {
    return {files, files_read, row_groups, row_groups_read, rows_decoded, rows_returned};
  }
};

// The bound, unchanging part of a scan.
struct ScanSpec {
  std::shared_ptr<TableState> table;
  std::shared_ptr<const FileIndex> index;
  ScanColumns columns;
  Predicate where;  // bound, the time range included
  std::vector<std::string> sort_by;
  std::optional<int64_t> limit;
  int64_t batch_rows = 0;
  bool use_threads = true;
  const StopFlag* stop = nullptr;

  // Of the stored batches; what streams read where nothing is given out (Count) has fewer columns.
  std::shared_ptr<arrow::Schema> stored;
};

// One opened file of a scan.
struct ScanFile {
  std::shared_ptr<pq::FileReader> reader;
  std::vector<std::string> columns;  // of the stored ones, those that lie in the file
  std::map<std::string, std::shared_ptr<arrow::Scalar>> partition;
};

// One row group to be read.
struct ScanPiece {
  std::shared_ptr<const ScanFile> file;
  int row_group = 0;
  int64_t rows = 0;
  Truth truth = Truth::kMaybe;
};

// Gives out the pieces of a scan in the table's order. Thread safe.
class ScanPieces {
 public:
  ScanPieces(std::shared_ptr<const ScanSpec> spec, std::shared_ptr<ScanCounters> counters);
  // Of these files only.
  ScanPieces(std::shared_ptr<const ScanSpec> spec, std::shared_ptr<ScanCounters> counters,
             std::vector<FileIndex::Match> matches);

  // Nothing after the last piece.
  arrow::Result<std::optional<ScanPiece>> Next();

  // Rows of the files left to look at, where the log says; otherwise a large number.
  int64_t EstimatedRows() const;

 private:
  arrow::Status OpenNextFile();

  const std::shared_ptr<const ScanSpec> spec_;
  const std::shared_ptr<ScanCounters> counters_;
  std::vector<FileIndex::Match> matches_;
  std::mutex mutex_;
  size_t next_match_ = 0;
  std::shared_ptr<const ScanFile> file_;
  Truth file_truth_ = Truth::kMaybe;
  int next_row_group_ = 0;
  bool file_counted_ = false;
};

// The batches of one piece in stored columns, filtered exactly. Owned by one thread.
class PieceReader {
 public:
  // `parallel` decodes the columns of the piece on several threads.
  static arrow::Result<std::unique_ptr<PieceReader>> Open(std::shared_ptr<const ScanSpec> spec,
                                                          ScanPiece piece,
                                                          std::shared_ptr<ScanCounters> counters,
                                                          bool parallel);

  // Null after the last batch. Batches are not empty.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next();

  // The rows that are left, without making them.
  arrow::Result<int64_t> Count();

 private:
  PieceReader(std::shared_ptr<const ScanSpec> spec, ScanPiece piece, std::shared_ptr<ScanCounters> counters)
      : spec_(std::move(spec)), piece_(std::move(piece)), counters_(std::move(counters)) {}

  arrow::Status Start(bool parallel);
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> NextUnfiltered();

  const std::shared_ptr<const ScanSpec> spec_;
  const ScanPiece piece_;
  const std::shared_ptr<ScanCounters> counters_;
  std::shared_ptr<arrow::RecordBatchReader> rows_;  // null when no column lies in the file
  int64_t rows_left_ = 0;                           // then, rows without columns to give out
  std::vector<uint8_t> selected_;
};

}  // namespace marquet::table
