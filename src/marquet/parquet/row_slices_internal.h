// How many rows of a batch are decoded at a time.
#pragma once

#include <cstdint>

#include "arrow/type_fwd.h"

namespace marquet::pq {

// As many rows of the batch as are decoded at once: all where nothing needs decoding, and otherwise so few
// that long texts of dictionaries, each once there and often in the rows, take no more than some hundred
// megabytes as rows. At least one.
int64_t RowsAtOnce(const arrow::RecordBatch& batch);

}  // namespace marquet::pq
