// What to do about the name of a column that is not there.
#pragma once

#include <string>

#include "arrow/type_fwd.h"

namespace marquet::schema {

// Those of the schema's columns that the name may have meant ("did you mean 'price'?"), else the first of
// them ("the columns are ...").
std::string ColumnHint(const std::string& name, const arrow::Schema& schema);

}  // namespace marquet::schema
