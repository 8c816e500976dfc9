// Names of columns and of the fields of structs that readers cannot tell apart.
#pragma once

#include <string>

#include "arrow/status.h"
#include "arrow/type_fwd.h"

namespace marquet::schema {

// kSchema where two fields of one struct, at any depth below these (in lists and maps, too), have names that
// are equal but for the case of ASCII letters: Delta and DuckDB see one field in them. `fields` themselves
// are not compared. Thread safe.
arrow::Status CheckStructNames(const arrow::FieldVector& fields);

// The same of `fields` themselves, and of what is below.
arrow::Status CheckFieldNames(const arrow::FieldVector& fields);

}  // namespace marquet::schema
