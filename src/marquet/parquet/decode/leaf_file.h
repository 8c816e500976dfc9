// The leaves of a Parquet file as they lie there, values with their levels: for small files of a known,
// nested shape (a log's checkpoints), where Arrow's arrays would cost more than the reading. For rows of data
// use FileReader.
#pragma once

#include <memory>
#include <string>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "marquet/file/file_system.h"

namespace parquet {
class ColumnReader;
class FileMetaData;
}  // namespace parquet

namespace marquet::pq {

// Immutable; thread safe.
class LeafFile {
 public:
  // Reads the footer, and the whole file when it is small. kCorruptData for a file that is not Parquet or
  // whose footer claims what cannot be.
  static arrow::Result<std::unique_ptr<LeafFile>> Open(file::FileSystem& fs, const std::string& path);

  const ::parquet::FileMetaData& footer() const { return *footer_; }
  arrow::io::RandomAccessFile& bytes() const { return *file_; }  // in memory when it is small

  // A reader of one column chunk, pages checked against their CRCs and the chunk's sizes. Belongs to one
  // thread. Here and from the reader damage also comes as a ::parquet::ParquetException.
  arrow::Result<std::shared_ptr<::parquet::ColumnReader>> Leaf(int row_group, int leaf) const;

 private:
  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  std::shared_ptr<::parquet::FileMetaData> footer_;
};

}  // namespace marquet::pq
