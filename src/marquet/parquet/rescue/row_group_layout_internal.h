// How a writer divides rows into row groups and pages, as seen in a file that it finished.
//
// Where pages themselves do not tell where one column ends and the next begins, a file of the same writer
// does: it cuts row groups and pages by the same rules.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"

namespace parquet {
class FileMetaData;
}

namespace marquet::pq {

struct RowGroupLayout {
  std::vector<int64_t> row_groups;  // rows of each
  // Rows of each data page of the largest row group, by leaf; empty where headers do not tell them.
  std::vector<std::vector<int64_t>> pages;
};

// Reads the page headers of one row group. `footer`: the file's; `path`: for errors.
arrow::Result<RowGroupLayout> ReadLayout(const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                                         const std::string& path, const ::parquet::FileMetaData& footer);

// Whether the same writer would end a row group after so many rows. `last`: nothing comes behind it.
bool AllowsRowGroup(const RowGroupLayout& layout, int64_t rows, bool last);

// Whether it would divide a column chunk so. `whole`: these are all of the chunk's pages.
bool AllowsPages(const RowGroupLayout& layout, int leaf, std::span<const int64_t> page_rows, bool whole);

}  // namespace marquet::pq
