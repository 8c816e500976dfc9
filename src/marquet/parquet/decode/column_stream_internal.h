// One column of a file, decoded piece by piece in the order of a plan.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "arrow/type.h"
#include "marquet/parquet/decode/reader.h"

namespace parquet {
class FileMetaData;
}

namespace marquet::pq {

// Times of twelve bytes (INT96, of Spark, Hive and Impala) hold more than any of Arrow's types. In
// microseconds none of Spark's is out of range or changes.
constexpr arrow::TimeUnit::type kInt96Unit = arrow::TimeUnit::MICRO;

// Of so many rows memory is taken on the footer's word; of more, once pages are there that say that they hold
// them.
constexpr int64_t kMostTrustedRows = int64_t{1} << 20;

// What all the columns of one read have in common; immutable, and shared by their threads.
struct ReadSource {
  std::string path;
  std::shared_ptr<arrow::io::RandomAccessFile> file;
  std::shared_ptr<::parquet::FileMetaData> footer;
  std::vector<ReadRequest::Part> parts;
  int64_t batch_rows = 0;
  arrow::TimeUnit::type int96_unit = kInt96Unit;
};

// The rows of one batch: of one part, without a gap.
struct Piece {
  int part = 0;
  int64_t begin = 0;  // within the row group
  int64_t rows = 0;
};

// Belongs to one thread at a time. The pieces asked for must ascend. Errors and exceptions are Arrow's; the
// caller gives them their place.
class ColumnStream {
 public:
  virtual ~ColumnStream() = default;
  virtual arrow::Result<std::shared_ptr<arrow::Array>> Decode(const Piece& piece) = 0;
};

// For a flat numeric or temporal column whose values Parquet stores as Arrow does: decodes straight into the
// array's buffer, and reads only the pages that hold rows asked for where there is an offset index. A null
// pointer for every other kind of column.
std::unique_ptr<ColumnStream> MakeFlatColumn(std::shared_ptr<const ReadSource> source, int leaf,
                                             const std::shared_ptr<arrow::Field>& field);

// For any column, which is the leaves [first_leaf, end_leaf): Arrow's own reader, over the whole row group.
std::unique_ptr<ColumnStream> MakeAnyColumn(std::shared_ptr<const ReadSource> source, int first_leaf,
                                            int end_leaf, const std::shared_ptr<arrow::Field>& field);

// The first of these that takes the column.
std::unique_ptr<ColumnStream> MakeColumn(const std::shared_ptr<const ReadSource>& source, int first_leaf,
                                         int end_leaf, const std::shared_ptr<arrow::Field>& field);

}  // namespace marquet::pq
