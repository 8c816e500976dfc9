// How much memory the rows of a batch refer to.
#pragma once

#include <cstdint>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace marquet::table {

// Bytes of the batch's values, validity bits, offsets and dictionaries: of its own rows only where it is a
// slice. What several columns share counts for each of them. Takes some nanoseconds a column, unless it is
// nested.
arrow::Result<int64_t> BytesOf(const arrow::RecordBatch& batch);

}  // namespace marquet::table
