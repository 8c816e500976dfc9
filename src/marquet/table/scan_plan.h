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
#include "marquet/parquet/decode/reader.h"
#include "marquet/table/late_columns.h"
#include "marquet/table/scan.h"
#include "marquet/table/scan_columns.h"
#include "marquet/table/table_state.h"

namespace marquet::table {

// Counted by all threads of a stream.
struct ScanCounters {
  std::atomic<int64_t> files{0}, files_read{0}, row_groups{0}, row_groups_read{0}, rows_decoded{0},
      rows_returned{0}, peak_bytes{0};
  ScanStatistics Read() const {
    return {files, files_read, row_groups, row_groups_read, rows_decoded, rows_returned, peak_bytes};
  }
  void NotePeak(int64_t bytes) {
    int64_t known = peak_bytes;
    while (known < bytes && !peak_bytes.compare_exchange_weak(known, bytes)) {
    }
  }
};

// The bound, unchanging part of a scan.
struct ScanSpec {
  std::shared_ptr<TableState> table;
  std::shared_ptr<const FileIndex> index;
  ScanColumns columns;
  predicate::Predicate where;  // bound, the time range included
  std::vector<std::string> sort_by;
  std::optional<int64_t> limit;
  int64_t batch_rows = 0;
  int64_t memory = 0;
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
  mutable std::atomic<bool> counted{false};  // among the files read
};

// One row group to be read.
struct ScanPiece {
  std::shared_ptr<const ScanFile> file;
  int row_group = 0;
  int64_t rows = 0;
  predicate::Truth truth = predicate::Truth::kMaybe;
};

// The pieces of a scan, file by file in the table's order.
class ScanPieces {
 public:
  ScanPieces(std::shared_ptr<const ScanSpec> spec, std::shared_ptr<ScanCounters> counters);
  // Of these files only.
  ScanPieces(std::shared_ptr<const ScanSpec> spec, std::shared_ptr<ScanCounters> counters,
             std::vector<FileIndex::Match> matches);

  // How many files are left to look at.
  size_t files() const { return matches_.size(); }

  // Rows of these files, where the log says; otherwise a large number.
  int64_t EstimatedRows() const;

  // Opens one of them: its row groups that can hold rows. Thread safe, and files are opened side by side.
  arrow::Result<std::vector<ScanPiece>> Open(size_t file) const;

  // Counts a piece that is to be read. Thread safe.
  void Count(const ScanPiece& piece) const;

  // One after another, counted; nothing after the last one. For one thread.
  arrow::Result<std::optional<ScanPiece>> Next();

 private:
  bool TellsOfValues(const FileIndex::Match& match, const std::string& column) const;
  arrow::Result<std::shared_ptr<const ScanFile>> OpenFile(const FileIndex::Match& match) const;

  const std::shared_ptr<const ScanSpec> spec_;
  const std::shared_ptr<ScanCounters> counters_;
  const std::vector<FileIndex::Match> matches_;
  // Of Next():
  size_t next_file_ = 0;
  std::vector<ScanPiece> pieces_;
  size_t next_piece_ = 0;
};

// What reading a piece takes, as far as its footer tells.
struct PieceCost {
  int64_t open_bytes = 0;  // held from its first row to its last: compressed pages, columns of the filter
  int64_t row_bytes = 0;   // of one row that is being decoded and filtered

  // Rows of a batch that keeps within `bytes`; a thousand all the same, for less makes no sense.
  int64_t RowsWithin(int64_t bytes, int64_t most) const;
};

// The batches of one piece in stored columns, filtered exactly. Owned by one thread.
class PieceReader {
 public:
  // Finds the rows that the page index cannot rule out, and decodes nothing yet.
  static arrow::Result<std::unique_ptr<PieceReader>> Open(std::shared_ptr<const ScanSpec> spec,
                                                          ScanPiece piece,
                                                          std::shared_ptr<ScanCounters> counters);

  const PieceCost& cost() const { return cost_; }
  int64_t rows() const { return rows_at_most_; }

  // Before the first row: how many rows are decoded at a time, and whether the columns of the piece are, on
  // several threads. Decodes the columns of the filter where that may spare others.
  arrow::Status Start(int64_t batch_rows, bool parallel);

  // Null after the last batch. Batches are not empty.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next();

  // The rows that are left, without making them.
  arrow::Result<int64_t> Count();

  // Of the decoded rows so far, the most bytes that one took: what the footer can only guess.
  int64_t seen_row_bytes() const { return seen_row_bytes_; }

 private:
  PieceReader(std::shared_ptr<const ScanSpec> spec, ScanPiece piece, std::shared_ptr<ScanCounters> counters)
      : spec_(std::move(spec)), piece_(std::move(piece)), counters_(std::move(counters)) {}

  arrow::Status Plan();
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Decoded();
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> NextUnfiltered();

  const std::shared_ptr<const ScanSpec> spec_;
  const ScanPiece piece_;
  const std::shared_ptr<ScanCounters> counters_;
  std::vector<std::string> columns_;  // in the file
  std::vector<pq::RowRange> ranges_;  // that the page index leaves over
  bool narrow_ = false;               // whether the columns of the filter are read first
  int64_t rows_at_most_ = 0;          // in these
  PieceCost cost_;
  int64_t seen_row_bytes_ = 0;

  int64_t batch_rows_ = 0;
  std::shared_ptr<arrow::RecordBatchReader> rows_;  // null when no column is left to be read in the file
  int64_t rows_left_ = 0;                           // then, rows without columns to give out
  std::vector<LateRange> late_;                     // what was found where narrow_: a batch of rows_ each
  size_t next_late_ = 0;
  std::vector<uint8_t> selected_;  // of the last batch
};

}  // namespace marquet::table
