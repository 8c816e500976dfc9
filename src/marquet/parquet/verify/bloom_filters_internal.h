// Whether the Bloom filters that a footer names lie where it says.
//
// A reader that asks a filter passes over row groups by its word, and a filter has no checksum: of one that
// was cut, or of other bytes in its place, it would pass over rows that are there. What a filter's bits say
// of the values is not looked at.
//
// Format: parquet.thrift, BloomFilterHeader; a filter is a header and the bits behind it.
#pragma once

#include <string>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/parquet/format/footer_internal.h"

namespace marquet::pq {

struct BloomFilterFault {
  int row_group = 0;
  int leaf = 0;
  ByteRange bytes;  // where the footer has it
  std::string message;
};

struct BloomFilters {
  std::vector<ByteRange> whole;  // those that are there, from the header's first byte to the end of the bits
  std::vector<BloomFilterFault> faults;
};

// Reads the header of each filter whose place and length the footer tells. Of one without a length, as old
// writers name them, nothing is known that could be wrong, and it is left out.
arrow::Result<BloomFilters> ReadBloomFilters(arrow::io::RandomAccessFile& file, const Footer& footer,
                                             const StopFlag* stop);

}  // namespace marquet::pq
