// Columns of lists, maps and structs, put together.
//
// Each leaf may be sound by itself while its levels, or those of its neighbours, make no lists: an item
// behind an empty list, one field of a struct with more items than another. Only putting them together tells.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/status.h"
#include "marquet/parquet/verify/verify.h"

namespace parquet {
class FileMetaData;
}

namespace marquet::pq {

// Whether the leaves [first_leaf, end_leaf) of a column were decoded, and their levels can be put together
// (nested_levels_internal.h).
using LevelsAgree = std::function<bool(int row_group, int first_leaf, int end_leaf)>;

// Reads the nested columns of each row group as the reader does, and adds damage where that fails: of the
// region "page", without a place in the file. Row groups and columns with damage already are passed over, and
// so are columns that the reader does not support, and those that would be decoded a second time for nothing:
// their levels agree, and their values need no conversion that can fail.
arrow::Status CheckNested(arrow::io::RandomAccessFile& file, const std::string& path,
                          const std::shared_ptr<::parquet::FileMetaData>& footer, const LevelsAgree& agree,
                          const StopFlag* stop, bool parallel, std::vector<Damage>* damage);

}  // namespace marquet::pq
