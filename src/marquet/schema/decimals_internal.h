// Decimals, exactly: Arrow's casts between their widths and scales drop high digits without a word.
#pragma once

#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace marquet::schema {

// Decimals or integers as decimals of the type `to`, whatever their widths and scales. Invalid for a value
// that it has no room for, or that has digits behind its scale, naming it and its row. Thread safe.
arrow::Result<std::shared_ptr<arrow::Array>> ToDecimals(const arrow::Array& array,
                                                        const std::shared_ptr<arrow::DataType>& to);

}  // namespace marquet::schema
