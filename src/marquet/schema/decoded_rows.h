// How many rows are decoded at a time: a dictionary has a long text once, and its rows have it as often as
// they like.
#pragma once

#include <cstdint>

#include "arrow/type_fwd.h"

namespace marquet::schema {

// As many of `rows` rows as take no more than some hundred megabytes when they are decoded, by the longest
// text of the column; at least one. `rows`: at least one. Texts within nested columns are not looked at.
int64_t RowsWithinMemory(const arrow::Array& column, int64_t rows);

// The same of a batch: so few that no column of dictionaries or runs takes more.
int64_t RowsWithinMemory(const arrow::RecordBatch& batch, int64_t rows);

}  // namespace marquet::schema
