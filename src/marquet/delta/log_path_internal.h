// The path of a data file as the log spells it: a URI, relative to the table or absolute. Source: the Delta
// Transaction Log Protocol, "Add File and Remove File".
#pragma once

#include <string>
#include <string_view>

#include "arrow/result.h"

namespace marquet::delta {

// What the log writes for a path ("a%20b/c.parquet"), and the path itself. Decoding also takes
// "file:///a/b" and "file:/a/b" to "/a/b". Errors of decoding: kCorruptData.
std::string EncodePath(std::string_view path);
arrow::Result<std::string> DecodePath(std::string_view text);

}  // namespace marquet::delta
