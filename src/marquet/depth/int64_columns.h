// Columns of Arrow data as the int64 that depth is computed from: prices, sizes, times.
//
// Prices may be int64 (units of 1e-9, null or INT64_MAX for none), float64 (NaN or null for none) or decimal
// with up to nine places; sizes and counts any integer type; times any integer type or a timestamp. Pure
// functions. Errors: kSchema for a type that cannot be read so (also when no rows are read), kInvalidInput
// for a value that does not fit, naming the row.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arrow/status.h"
#include "arrow/type_fwd.h"

namespace marquet::depth {

// Rows [begin, begin + count) of a column into `out`: an undefined price is kUndefinedPrice, a null integer
// `null_value`. `row` is what messages call the row `begin`.
arrow::Status ReadPrices(const arrow::Array& column, const std::string& name, int64_t begin, int64_t count,
                         int64_t row, int64_t* out);
arrow::Status ReadIntegers(const arrow::Array& column, const std::string& name, int64_t begin, int64_t count,
                           int64_t null_value, int64_t* out);

// The same rows where they lie, if they lie there as either function would give them: int64, none of them
// null. Otherwise nullptr.
const int64_t* InPlace(const arrow::Array& column, int64_t begin, int64_t count);

// All rows of a column, appended to `out`.
arrow::Status AppendPrices(const arrow::Array& column, const std::string& name, std::vector<int64_t>* out);
arrow::Status AppendIntegers(const arrow::Array& column, const std::string& name, int64_t null_value,
                             std::vector<int64_t>* out);
// Times in nanoseconds; a row without one stands where the row before it stands.
arrow::Status AppendTimes(const arrow::Array& column, const std::string& name, std::vector<int64_t>* out);

}  // namespace marquet::depth
