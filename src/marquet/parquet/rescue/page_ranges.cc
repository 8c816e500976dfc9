#include "marquet/parquet/rescue/page_ranges_internal.h"

#include <algorithm>

namespace marquet::pq {
namespace {

bool Usable(const FoundPage& page) { return page.damage.empty() && page.first_row >= 0 && page.rows >= 0; }

bool BeginsRow(const FoundPage& page) { return page.begins_row.value_or(false); }

}  // namespace

void PlaceRows(FoundRowGroup* group) {
  for (FoundChunk& chunk : group->chunks) {
    int64_t row = 0;
    for (FoundPage& page : chunk.pages) {
      if (page.first_row >= 0) row = page.first_row;
      page.first_row = row;
      if (page.rows < 0) break;
      row += page.rows;
    }
    if (group->rows < 0 || !chunk.whole) continue;
    row = group->rows;
    for (auto page = chunk.pages.rbegin(); page != chunk.pages.rend(); ++page) {
      if (page->rows < 0) {
        // The only page whose rows are not known has what the others leave.
        if (page->first_row >= 0) page->rows = std::max(row - page->first_row, int64_t{0});
        break;
      }
      row -= page->rows;
      if (page->first_row < 0) page->first_row = row;
    }
  }
}

std::vector<PageRange> RangesOf(const FoundChunk& chunk, bool may_go_on) {
  std::vector<PageRange> ranges;
  const std::vector<FoundPage>& pages = chunk.pages;
  for (size_t i = 0; i < pages.size();) {
    if (!Usable(pages[i]) || !BeginsRow(pages[i])) {
      ++i;
      continue;
    }
    PageRange range{pages[i].first_row, pages[i].first_row, i, i};
    while (i < pages.size() && Usable(pages[i]) && pages[i].first_row == range.end) {
      range.end += pages[i].rows;
      range.end_page = ++i;
    }
    // The last row may go on in the page behind, which is missing or damaged.
    const bool ends = i == pages.size() ? chunk.whole || !may_go_on : BeginsRow(pages[i]);
    if (!ends) range.end = std::max(range.begin, range.end - 1);
    if (range.end > range.begin) ranges.push_back(range);
  }
  return ranges;
}

std::vector<RowRange> Intersection(const std::vector<RowRange>& left, const std::vector<RowRange>& right) {
  std::vector<RowRange> both;
  for (size_t i = 0, j = 0; i < left.size() && j < right.size();) {
    const RowRange range{std::max(left[i].begin, right[j].begin), std::min(left[i].end, right[j].end)};
    if (range.begin < range.end) both.push_back(range);
    left[i].end < right[j].end ? ++i : ++j;
  }
  return both;
}

PageRange Narrowed(const FoundChunk& chunk, const PageRange& range, int64_t begin, int64_t end) {
  PageRange found{range.begin, end, range.first_page, range.first_page};
  for (size_t i = range.first_page; i < range.end_page && chunk.pages[i].first_row <= begin; ++i) {
    if (BeginsRow(chunk.pages[i])) found.first_page = i;
  }
  found.begin = chunk.pages[found.first_page].first_row;
  found.end_page = found.first_page;
  while (found.end_page < range.end_page) {
    const FoundPage& page = chunk.pages[found.end_page];
    if (page.first_row >= end && BeginsRow(page)) break;
    ++found.end_page;
  }
  return found;
}

}  // namespace marquet::pq
