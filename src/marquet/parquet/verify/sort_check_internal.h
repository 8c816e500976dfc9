// Whether rows have the order that their file's footer says they have.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/status.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"
#include "marquet/parquet/verify/verify.h"

namespace parquet {
class FileMetaData;
}  // namespace parquet

namespace marquet::pq {

// Adds the first row of each row group that comes before its predecessor by the group's sorting columns.
// Columns inside of others, and types that have no order here, end the comparison at themselves. The file
// must be without damage otherwise.
arrow::Status CheckSortOrder(const std::shared_ptr<file::FileSystem>& fs, const std::string& path,
                             const std::shared_ptr<::parquet::FileMetaData>& footer, const StopFlag* stop,
                             std::vector<Damage>* damage);

}  // namespace marquet::pq
