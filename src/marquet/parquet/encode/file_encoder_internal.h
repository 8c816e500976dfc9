// Turns record batches into the bytes of a Parquet file: row groups, page index, footer.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/encode/file_format_internal.h"

namespace parquet {
class FileMetaData;
}  // namespace parquet

namespace marquet::pq {

// Rows taken at once: enough to make a task of a column worth its hand-over to another thread, and few enough
// that `memory` is looked at often.
constexpr int64_t kSliceRows = 1 << 16;

// Where rows go, and in which form.
struct FileTarget {
  std::string path;
  std::shared_ptr<arrow::io::OutputStream> file;
  std::shared_ptr<const FileFormat> format;
  bool parallel = true;  // encode columns on several threads
  // Called when a row group has been written and the file goes on; perhaps more than once.
  std::function<arrow::Status()> row_group_ended;

  const FormatParts& parts() const { return format->parts(); }
};

// Belongs to one thread at a time. Errors and exceptions are Arrow's; the caller gives them their place.
class FileEncoder {
 public:
  virtual ~FileEncoder() = default;

  // Encodes rows that are decoded, and without nulls where the schema allows none; the batch's schema is the
  // file's. Row groups end when they have
  // WriteOptions::row_group_rows, or sooner when they would take more than WriteOptions::memory.
  virtual arrow::Status Append(const arrow::RecordBatch& batch) = 0;
  // Ends the row group in the making, so that its pages need no memory any more.
  virtual arrow::Status EndRowGroup() = 0;
  // Writes what is left, and the footer, which it returns.
  virtual arrow::Result<std::shared_ptr<::parquet::FileMetaData>> Finish() = 0;

  // Of the row group in the making, encoded or not.
  virtual int64_t buffered_bytes() const = 0;
  // Of these, what takes no part of the file.
  virtual int64_t lookup_bytes() const { return 0; }
  // Held besides, until the file ends: what its footer will tell of the row groups, and what each column
  // takes however few rows it has. An estimate; see kChunkBytes.
  virtual int64_t kept_bytes() const = 0;
};

// What Arrow's builders of footer and page index hold of a column chunk with one page, what each further page
// adds, and what a column has in objects. Measured; a test holds them against an allocator's count.
constexpr int64_t kChunkBytes = 1'280;
constexpr int64_t kFurtherPageBytes = 128;
constexpr int64_t kColumnBytes = 2'048;

// For schemas without nested columns, with a page index and pages that end by counts. A null pointer for
// others.
arrow::Result<std::unique_ptr<FileEncoder>> MakeFlatFileEncoder(const FileTarget& target);

// For every schema: Arrow's own writer.
arrow::Result<std::unique_ptr<FileEncoder>> MakeArrowFileEncoder(const FileTarget& target);

}  // namespace marquet::pq
