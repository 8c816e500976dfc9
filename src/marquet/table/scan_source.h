// The batches of a scan, decoded by the caller's thread or ahead of it by several. Internal to the room.
#pragma once

#include <memory>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "marquet/table/scan_plan.h"

namespace marquet::table {

// What becomes of the batches: whether those that wait for the reader count as held by the source, or as the
// reader's, which keeps them all.
enum class ScanReading { kOneByOne, kWhole };

// Owned by one thread.
class ScanSource {
 public:
  virtual ~ScanSource() = default;

  // In stored columns, filtered, in the table's order; null after the last one.
  virtual arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
};

// Threads are started where there are many rows, and done without where none can be had.
std::unique_ptr<ScanSource> OpenScanSource(const std::shared_ptr<const ScanSpec>& spec,
                                           const std::shared_ptr<ScanCounters>& counters,
                                           ScanReading reading);

// Rows for which starting threads costs more than they spare.
inline constexpr int64_t kInlineRows = 1 << 16;

}  // namespace marquet::table
