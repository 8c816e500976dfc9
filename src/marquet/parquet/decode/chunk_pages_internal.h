// The bytes of those pages of a column chunk that hold rows asked for.
#pragma once

#include <memory>
#include <vector>

#include "arrow/type_fwd.h"
#include "marquet/parquet/decode/column_stream_internal.h"

namespace marquet::pq {

struct ChunkPages {
  std::shared_ptr<arrow::Buffer>
      bytes;           // the dictionary page, when there is one, and the data pages, in order
  int64_t values = 0;  // of these data pages; where pages are left out, their rows
  // Rows of each data page, where pages are left out; empty when all are there, one after the other.
  std::vector<RowRange> pages;
};

// Reads one chunk: all of it, or, when `rows` is not empty and the file has an offset index, just the
// pages that overlap `rows`, neighbours in one read.
arrow::Result<ChunkPages> ReadChunkPages(const ReadSource& source, int row_group, int leaf,
                                         const std::vector<RowRange>& rows);

}  // namespace marquet::pq
