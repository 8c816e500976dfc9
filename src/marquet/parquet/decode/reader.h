// Reads one Parquet file: some columns, some row groups, some rows, without touching the pages in between.
//
// Damage ends in kCorruptData naming the file and the place (row group, column, page where known), never in a
// crash. A FileReader is immutable once opened and thread safe; each stream that it gives out belongs to one
// thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "marquet/file/file_system.h"
#include "marquet/parquet/format/options.h"
#include "marquet/schema/column_statistics.h"

namespace parquet {
class FileMetaData;
}

namespace marquet::pq {

// Half-open, in rows of one row group.
struct RowRange {
  int64_t begin = 0;
  int64_t end = 0;
};

// One data page of a column, out of the column index and the offset index.
struct PageBounds {
  int64_t first_row = 0;  // within the row group
  int64_t rows = 0;
  schema::ColumnStatistics statistics;
};

// What one top-level column of a row group takes, by its footer: a guess where its values are of no fixed
// length.
struct ColumnSize {
  int64_t compressed = 0;  // bytes in the file
  int64_t row_bytes = 0;   // of one decoded row
};
// However many rows are asked for at once: what a footer claims to have must not decide how much memory is
// taken.
inline constexpr int64_t kMostBatchRows = int64_t{1} << 24;

struct ReadRequest {
  std::vector<std::string> columns;  // top-level names, in the order wanted
  struct Part {
    int row_group = 0;
    std::vector<RowRange> rows;  // ascending and disjoint; empty means all of the row group
  };
  std::vector<Part> parts;       // in the order wanted
  int64_t batch_rows = 262'144;  // at most; more than kMostBatchRows are not given at once
  bool use_threads = true;       // decode columns in parallel
};

class FileReader {
 public:
  // `footer` spares reading it again when the caller kept it from an earlier FileReader of the same
  // (immutable) file; `size` spares asking for the file's length.
  static arrow::Result<std::shared_ptr<FileReader>> Open(
      std::shared_ptr<file::FileSystem> fs, std::string path,
      std::shared_ptr<::parquet::FileMetaData> footer = nullptr, std::optional<int64_t> size = {});
  ~FileReader();

  const std::string& path() const;
  const std::shared_ptr<arrow::Schema>& schema() const;  // field metadata included
  std::shared_ptr<::parquet::FileMetaData> footer() const;
  int64_t rows() const;  // of all row groups
  int num_row_groups() const;
  int64_t row_group_rows(int row_group) const;

  // By its footer's word. Only then do statistics decide: bounds of other writers may be wider than the
  // values, their null counts are not given, and what they say of all rows is no reason to pass over a look
  // at them.
  bool written_by_marquet() const;

  // Bounds of one top-level column in one row group, from the footer; kNotFound for a column that is not
  // there.
  arrow::Result<schema::ColumnStatistics> Statistics(int row_group, const std::string& column) const;

  // kNotFound for a column that is not there, kInvalidInput for a row group that is not.
  arrow::Result<ColumnSize> SizeOf(int row_group, const std::string& column) const;

  // The pages of one flat column, or nothing when the file has no page index for it.
  arrow::Result<std::optional<std::vector<PageBounds>>> Pages(int row_group, const std::string& column) const;

  // A stream of the rows asked for; kNotFound for a column that is not there, kInvalidInput for row groups or
  // rows that are not. Memory: up to three batches per column (four when there are few), because decoding
  // runs ahead, besides the compressed pages of one column chunk each.
  arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> Read(ReadRequest request) const;

 private:
  struct Impl;
  explicit FileReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquet::pq
