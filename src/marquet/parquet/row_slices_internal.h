// How many rows of a batch are decoded at a time.
#pragma once

#include <cstdint>

#include "arrow/type_fwd.h"

namespace marquet::pq {

// The rows of the batch from `begin` on that are decoded at once: all of them where nothing needs decoding,
// and otherwise so few that long texts of dictionaries, each once there and often in the rows, take no more
// than some hundred megabytes as rows. At least one.
int64_t RowsAtOnce(const arrow::RecordBatch& batch, int64_t begin);

}  // namespace marquet::pq
