// What is in a page, held against the column that it is said to be of.
#pragma once

#include "arrow/result.h"
#include "marquet/parquet/decode/chunk_reader_internal.h"

namespace parquet {
class ColumnDescriptor;
}

namespace marquet::pq {

struct PageRowCount {
  int64_t rows = 0;        // that begin in the page
  bool begins_row = true;  // false when its first value goes on with the row of the page before
};

// Checks that a decompressed page holds exactly what a page of this column would: levels for all of its
// values, and as many values, of the right kind, as are defined, up to the last byte. Of a dictionary page,
// its entries, and no rows. `dictionary_values`: entries of the chunk's dictionary, -1 without one. The
// error's message says what differs; exceptions are Arrow's.
arrow::Result<PageRowCount> CheckContent(const Page& page, const ::parquet::ColumnDescriptor& column,
                                         int64_t dictionary_values);

}  // namespace marquet::pq
