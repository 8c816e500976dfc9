// The statistics string of an add action, to and from column bounds. Source: the Delta Transaction Log
// Protocol, "Per-file Statistics".
//
// Written: numRecords, minValues, maxValues, nullCount. Bounds are truncated the way the protocol lets
// readers expect: timestamps to milliseconds (so a reader widens a max by one millisecond), strings to 32
// code points (max rounded up).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/options.h"

namespace marquet::delta {

struct FileStatistics {
  std::optional<int64_t> rows;
  // In the schema's order; columns without statistics are absent. Bounds are already widened for what was
  // truncated.
  std::vector<pq::ColumnStatistics> columns;
};

std::string StatisticsToJson(int64_t rows, const std::vector<pq::ColumnStatistics>& columns);

// Unknown or ill-typed entries are left out (no bound is always safe); kCorruptData when the text is not
// JSON.
arrow::Result<FileStatistics> StatisticsFromJson(std::string_view json, const arrow::Schema& schema);

}  // namespace marquet::delta
