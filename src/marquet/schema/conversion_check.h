// Compares converted columns with what they were converted from, value by value or a sample.
#pragma once

#include <cstdint>
#include <optional>

#include "arrow/type_fwd.h"

namespace marquet::schema {

// The first row found in which the arrays, of equal length, hold different values; by hashes that take every
// layout as it lies (value_hash.h). Parts whose kinds differ (integers as decimals, times as counts of
// nanoseconds) are passed over. `all`: every row is looked at, otherwise a few neighbouring ones, at a place
// that depends on the length alone. Thread safe.
std::optional<int64_t> FirstChanged(const arrow::Array& given, const arrow::Array& converted, bool all);

}  // namespace marquet::schema
