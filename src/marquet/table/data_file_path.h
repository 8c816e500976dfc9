// Where the data files of a table lie.
#pragma once

#include <string>

#include "arrow/result.h"

namespace marquet::table {

// Where the file that an action names lies. The log is input: kUnsupported for an absolute path or URI,
// kCorruptData for one that leads out of the table.
arrow::Result<std::string> DataFilePath(const std::string& table, const std::string& relative);

}  // namespace marquet::table
