// Which rows of a row group every column still has, when pages are missing or damaged.
#pragma once

#include <cstdint>
#include <vector>

#include "marquet/parquet/decode/reader.h"
#include "marquet/parquet/rescue/found_row_group_internal.h"

namespace marquet::pq {

// Rows that a leaf has, and the pages that hold them, which follow each other without a gap.
struct PageRange {
  int64_t begin = 0;  // rows within the row group
  int64_t end = 0;
  size_t first_page = 0;  // places in FoundChunk::pages
  size_t end_page = 0;
};

// Gives pages their first row, where that can be told: from the front, and from the back when all of the row
// group's rows are known.
void PlaceRows(FoundRowGroup* group);

// The rows of a leaf whose pages have been placed, ascending and disjoint. `may_go_on`: the last row of a
// page may go on in the page behind, as in repeated columns of pages of the first version.
std::vector<PageRange> RangesOf(const FoundChunk& chunk, bool may_go_on);

// The rows that are in both.
std::vector<RowRange> Intersection(const std::vector<RowRange>& left, const std::vector<RowRange>& right);

// Those of the range's pages that hold rows of [begin, end). They may begin before `begin`.
PageRange Narrowed(const FoundChunk& chunk, const PageRange& range, int64_t begin, int64_t end);

}  // namespace marquet::pq
