// Late column reading: the filter's columns are decoded first, and the others only around the rows that it
// selects. Internal to the room.
#pragma once

#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/table/scan_plan.h"

namespace marquet::table {

// True when a piece of `rows` rows has so many columns besides the filter's that reading those twice costs
// little against what a selective filter spares.
bool WorthNarrowing(const ScanSpec& spec, const std::vector<std::string>& columns, int64_t rows);

// The parts of `ranges` that hold selected rows. Gaps that are too short to spare anything are kept, so that
// the ranges stay few; they are a superset of what is selected.
arrow::Result<std::vector<pq::RowRange>> SelectedRanges(const ScanSpec& spec, const ScanPiece& piece,
                                                        const std::vector<pq::RowRange>& ranges,
                                                        bool parallel);

}  // namespace marquet::table
