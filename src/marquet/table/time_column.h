// Which column a table's time ranges and latest timestamp are about when none is named.
#pragma once

#include <string>

#include "arrow/type_fwd.h"

namespace marquet::table {

// "ts" where present, else the first timestamp, else the first int64 whose field metadata says unit=ns; empty
// when there is none.
std::string TimeColumnOf(const arrow::Schema& schema);

}  // namespace marquet::table
