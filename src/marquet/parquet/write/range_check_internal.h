// Values that are to be written must be ones that Parquet, and their own type, has room for: its dates are
// days in 32 bits, its times of day have milliseconds in 32 bits, and a decimal as many digits as its type
// says. Encoders cut other values without a word.
#pragma once

#include <cstdint>

#include "arrow/status.h"
#include "arrow/type_fwd.h"

namespace marquet::pq {

// kInvalidInput for a column, or one with such parts, of date64 that is not a whole day or lies beyond 32
// bits of days, of time32 in seconds that are too many, or of decimals with too many digits, naming it and
// the row. `first_row`: what the first one is called. `batch`: decoded. Thread safe.
arrow::Status CheckRanges(const arrow::RecordBatch& batch, int64_t first_row);

}  // namespace marquet::pq
