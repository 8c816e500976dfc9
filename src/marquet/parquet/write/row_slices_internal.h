// How many rows a file writer takes at a time.
#pragma once

#include <cstdint>

#include "arrow/type_fwd.h"

namespace marquet::pq {

// As many rows of the batch as are decoded at once: all where nothing needs decoding, and otherwise so few
// that those of each column take no more than some hundred megabytes. At least one.
int64_t RowsAtOnce(const arrow::RecordBatch& batch);

}  // namespace marquet::pq
