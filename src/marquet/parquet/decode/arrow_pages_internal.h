// Our pages in the hands of Arrow's own Parquet readers.
#pragma once

#include <functional>
#include <memory>

#include "arrow/result.h"
#include "marquet/parquet/decode/chunk_pages_internal.h"
#include "marquet/parquet/decode/chunk_reader_internal.h"

namespace parquet {
class ColumnDescriptor;
class FileMetaData;
class PageReader;
class ParquetFileReader;
}  // namespace parquet

namespace marquet::pq {

// Gives Arrow the pages of `reader`. What goes wrong is thrown as a ParquetStatusException. `checked`: a
// column of which each page must hold exactly the values that it says, up to its last byte; a null pointer
// leaves that to Arrow, which does not look behind the last value.
std::unique_ptr<::parquet::PageReader> ArrowPages(std::unique_ptr<ChunkReader> reader,
                                                  const ::parquet::ColumnDescriptor* checked = nullptr);

// A file whose column chunks `open` gives; it returns errors, and may throw.
using OpenChunk = std::function<arrow::Result<std::unique_ptr<ChunkReader>>(int row_group, int leaf)>;
std::unique_ptr<::parquet::ParquetFileReader> ArrowFile(std::shared_ptr<::parquet::FileMetaData> footer,
                                                        OpenChunk open);

}  // namespace marquet::pq
