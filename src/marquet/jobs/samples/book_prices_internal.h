// What a table's prices are, before samples are made of them.
#pragma once

#include <cstdint>

#include "arrow/status.h"
#include "marquet/base/progress.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

// Looks at the first prices of a table that has floats for them; at none of others. `micro_pip`: the largest
// of its symbols, in units of 1e-9. kInvalidInput when they can only be units of 1e-9 (depth/price_units.h).
// `stop` may be null.
arrow::Status CheckBookPrices(const table::Table& book, int64_t micro_pip, const StopFlag* stop);

}  // namespace marquet::jobs
