// Columns, and parts of nested ones, in which no row has had a value yet: their type is that of nulls, and is
// decided by the first value that comes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"

namespace marquet::output {

// The schema with the types of `values` in place of those of nulls, and with the columns of `late` that only
// `values` has; the same where they decide nothing. Both are decoded.
std::shared_ptr<arrow::Schema> Decided(const std::shared_ptr<arrow::Schema>& schema,
                                       const arrow::Schema& values, const std::vector<std::string>& late);

}  // namespace marquet::output
