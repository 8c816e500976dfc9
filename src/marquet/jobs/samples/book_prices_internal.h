// What a table's prices are, before samples are made of them.
#pragma once

#include <cstdint>
#include <string>

#include "arrow/status.h"
#include "marquet/jobs/samples/symbol_reader.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

// Looks at all prices of a symbol in a table that has floats for them; at none of others. `reader`: of the
// table. `micro_pip`: the symbol's, in units of 1e-9. kInvalidInput when they can only be units of 1e-9
// (depth/price_units.h).
arrow::Status CheckBookPrices(const table::Table& book, const SymbolReader& reader, const std::string& symbol,
                              int64_t micro_pip);

}  // namespace marquet::jobs
