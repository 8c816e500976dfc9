// One flat column of a row group, encoded into pages that stay in memory until the row group ends.
//
//   rows -> definition levels + values (delta, dictionary or plain) -> compressed -> page
//
// Pages are written by Arrow's PageWriter, which gives them headers, checksums and their place in the page
// index.
#pragma once

#include <memory>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/encode/page_compressor_internal.h"

namespace parquet {
class ArrowWriterProperties;
class ColumnChunkMetaDataBuilder;
class ColumnDescriptor;
class ColumnIndexBuilder;
class OffsetIndexBuilder;
class PageWriter;
class WriterProperties;
}  // namespace parquet

namespace marquet::pq {

// What the columns of a file have in common.
struct EncodingContext {
  std::shared_ptr<::parquet::WriterProperties> properties;
  std::shared_ptr<::parquet::ArrowWriterProperties> arrow_properties;
  std::shared_ptr<const PageCompressor> compressor;
  std::shared_ptr<arrow::io::OutputStream> file;
};

// Where a column chunk is described.
struct ChunkPlace {
  int16_t row_group = 0;
  int16_t column = 0;
  ::parquet::ColumnChunkMetaDataBuilder* metadata = nullptr;
  ::parquet::ColumnIndexBuilder* column_index = nullptr;
  ::parquet::OffsetIndexBuilder* offset_index = nullptr;
};

// Belongs to one thread at a time. Errors and exceptions are Arrow's; the caller gives them their place.
class ColumnEncoder {
 public:
  virtual ~ColumnEncoder() = default;

  // A row group begins.
  virtual void Begin(const ChunkPlace& place) = 0;
  // Takes rows of the column's type, without nulls where the column is not nullable. Nothing of the array is
  // kept.
  virtual arrow::Status Append(const arrow::Array& rows) = 0;
  // Makes a page of what is left.
  virtual arrow::Status Flush() = 0;
  // Writes the chunk to the file; returns its size uncompressed.
  virtual arrow::Result<int64_t> WriteChunk() = 0;

  // Held in memory, whether it is in use or not: pages, and rows that are not in one. Next to nothing after
  // WriteChunk().
  virtual int64_t buffered_bytes() const = 0;
  // Of these, what is made to look values up or to tell of pages, and takes no part of the file.
  virtual int64_t lookup_bytes() const { return 0; }
};

// The encoder of a flat column: the first of the following that takes its type.
std::unique_ptr<ColumnEncoder> MakeColumnEncoder(const EncodingContext& context, const arrow::Field& field);

// For numbers and times that Parquet stores as Arrow does, or in wider integers. A null pointer for other
// types.
std::unique_ptr<ColumnEncoder> MakeNumberEncoder(const EncodingContext& context, const arrow::DataType& type,
                                                 bool nullable);

// For strings and bytes. A null pointer for other types.
std::unique_ptr<ColumnEncoder> MakeBytesEncoder(const EncodingContext& context, const arrow::DataType& type,
                                                bool nullable);

// For every flat type: Arrow's own encoder.
std::unique_ptr<ColumnEncoder> MakeArrowEncoder(const EncodingContext& context, bool nullable);

// Arrow's writer of a chunk's pages: into the file as they come, or held back until it is closed.
std::unique_ptr<::parquet::PageWriter> OpenPageWriter(const EncodingContext& context, const ChunkPlace& place,
                                                      bool hold_back);

}  // namespace marquet::pq
