// How many rows are decoded at a time: a dictionary has a long text once, and its rows have it as often as
// they like.
#pragma once

#include <cstdint>

#include "arrow/type_fwd.h"

namespace marquet::pq {

// As many of `rows` rows as take no more than some hundred megabytes when they are decoded, by the longest
// text of the column; at least one. `rows`: at least one. Texts within nested columns are not looked at.
int64_t RowsWithinMemory(const arrow::Array& column, int64_t rows);

// As many rows of the batch as are decoded at once: all where nothing needs decoding, and otherwise so few
// that those of each column take no more memory than that. At least one.
int64_t RowsAtOnce(const arrow::RecordBatch& batch);

}  // namespace marquet::pq
