// Which extension types may be taken for what they are stored as.
#pragma once

#include "arrow/type_fwd.h"

namespace marquet::schema {

// The extension type, or that of a part of `from` or `to`, whose values would get another meaning on the way
// from the one type to the other: a pandas period is stored as a count of periods, which is no number of the
// one who gave it. A null pointer where there is none: the types are the same there, or the type's storage is
// its value (uuid, json ...). `from` converts to `to`.
const arrow::ExtensionType* LostMeaning(const arrow::DataType& from, const arrow::DataType& to);

}  // namespace marquet::schema
