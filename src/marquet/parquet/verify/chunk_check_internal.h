// Checks the bytes of one column chunk: its page headers, its CRCs, its values.
#pragma once

#include <memory>
#include <vector>

#include "arrow/type_fwd.h"
#include "marquet/parquet/verify/verify.h"

namespace parquet {
class ColumnChunkMetaData;
class ColumnDescriptor;
}  // namespace parquet

namespace marquet::pq {

class LeafLevels;
class StatisticsCheck;

// Where the chunk is, for the report.
struct ChunkLocation {
  std::string file;
  int row_group = 0;
  int64_t offset = 0;  // of its first byte in the file
};

// Walks the pages in `bytes`, which are those where they may lie (ReadableBytes), and adds what it finds to
// `damage`: headers that cannot be read, pages that leave the chunk, CRCs that differ (a page without one is
// passed over), and a number of values that is not the footer's. To `odd`: sizes that are not the footer's.
// Returns where the last page ends among the bytes.
int64_t CheckPages(const arrow::Buffer& bytes, const ::parquet::ColumnChunkMetaData& chunk,
                   const ::parquet::ColumnDescriptor& column, const ChunkLocation& place,
                   std::vector<Damage>* damage, std::vector<Damage>* odd);

// Decodes every value, and counts the `rows`; a page must be used up by what is decoded. To `odd`: text that
// is no UTF-8. `levels`, unless it is a null pointer, gets those of a leaf inside of another column; they
// mean nothing when there is damage. `statistics`, unless it is a null pointer, is what the file says of the
// values.
void CheckValues(const std::shared_ptr<arrow::Buffer>& bytes, const ::parquet::ColumnChunkMetaData& chunk,
                 const ::parquet::ColumnDescriptor& column, int64_t rows, const ChunkLocation& place,
                 LeafLevels* levels, StatisticsCheck* statistics, std::vector<Damage>* damage,
                 std::vector<Damage>* odd);

}  // namespace marquet::pq
