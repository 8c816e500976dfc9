// Which partition columns and values have a directory that every engine reads. Internal to the room; the
// directory itself is PartitionDirectory() of table.h.
//
// deltalake, Polars and DuckDB read the names of columns out of "name=value" as they stand, and undo
// percent escapes in values only; so names are written as they are. A name that this cannot carry is refused
// when a table is created, a value when it is appended.
#pragma once

#include <string>
#include <string_view>

#include "arrow/status.h"

namespace marquet::table {

// kInvalidInput for a column whose name no directory can carry.
arrow::Status CheckPartitionName(const std::string& column);

// kInvalidInput for a value whose directory's name would be longer than file systems hold: Polars reads
// values out of that name, so it cannot be shortened.
arrow::Status CheckPartitionLength(const std::string& column, std::string_view value);

}  // namespace marquet::table
