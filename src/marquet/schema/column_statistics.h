// What is known of all values of a column at once: its bounds and its nulls, in a file, row group or page.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arrow/type_fwd.h"

namespace marquet::schema {

// Of one column (a top-level one: nested columns have a null count of -1 and no bounds).
struct ColumnStatistics {
  std::string name;
  int64_t null_count = -1;  // -1 when unknown
  // Null pointers when there is no bound (all null, or unknown). NaN is left out of the bounds of a floating
  // column.
  std::shared_ptr<arrow::Scalar> min = nullptr;
  std::shared_ptr<arrow::Scalar> max = nullptr;
  bool has_nan = false;  // true also when it is unknown whether a floating column holds one
};

}  // namespace marquet::schema
