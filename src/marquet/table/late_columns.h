// Late column reading: the filter's columns are decoded first, and the others only around the rows that it
// selects. Internal to the room.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/decode/reader.h"

namespace marquet::table {

struct ScanPiece;
struct ScanSpec;

// Rows around some that the filter selects, at most a batch of them.
struct LateRange {
  pq::RowRange rows;
  std::shared_ptr<arrow::RecordBatch> filter_columns = {};  // those of the filter, as they lie in the file
  std::vector<uint8_t> selected = {};  // 1 for rows that the filter selects, 0 for others
};

bool IsFilterColumn(const ScanSpec& spec, const std::string& name);

// True when a piece of `rows` rows has so many columns besides the filter's that reading these first costs
// little against what a selective filter spares.
bool WorthNarrowing(const ScanSpec& spec, const std::vector<std::string>& columns, int64_t rows);

// The parts of `ranges` that hold selected rows, ascending. Gaps that are too short to spare anything are
// kept, so that they stay few. What they hold of the filter's columns is kept, and no more than twice that.
arrow::Result<std::vector<LateRange>> SelectedRanges(const ScanSpec& spec, const ScanPiece& piece,
                                                     const std::vector<pq::RowRange>& ranges,
                                                     int64_t batch_rows, bool parallel);

}  // namespace marquet::table
