// Nulls where a schema allows none.
//
// Arrow's own writer takes such arrays and makes empty lists and zeros of the nulls, so they have to be found
// first.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace marquet::schema {

struct NullPlace {
  std::string path;  // "a", or of a part of a column "a.item.k"
  int64_t row = 0;   // of the column
};

// The first null in `column`, or in a part of it, where `field` or its part's field is declared as never
// null: the items of lists, the keys of maps, the fields of structs. What lies behind a null row does not
// count. `column`: of the field's type, in whatever layout; the errors are Decode()'s. Thread safe.
arrow::Result<std::optional<NullPlace>> FindForbiddenNull(const std::shared_ptr<arrow::Array>& column,
                                                          const arrow::Field& field);

// The same column without nulls in parts that are declared as never null: those behind null rows, where
// FindForbiddenNull() found no others. Arrow's writer refuses them, and some engines (Polars) have a null in
// every part of a row that is null. `column`: decoded. Shares all values.
std::shared_ptr<arrow::Array> WithoutHiddenNulls(const std::shared_ptr<arrow::Array>& column,
                                                 const arrow::Field& field);

// "column 'a': row 7 is null, and the column is declared as never null", for the error. `first_row`: added to
// the row.
std::string Describe(const NullPlace& place, const arrow::Field& field, int64_t first_row);

}  // namespace marquet::schema
