// Bounds of the pages of a column chunk, out of the page index.
#pragma once

#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/decode/reader.h"

namespace parquet {
class ColumnChunkMetaData;
class FileMetaData;
class RowGroupPageIndexReader;
}  // namespace parquet

namespace marquet::pq {

bool HasPageIndex(const ::parquet::ColumnChunkMetaData& chunk);

// Of a leaf that is all of `field`, in one row group; nothing where `index` has nothing of it. They ascend
// and hold all rows of the row group. Errors, of an index that contradicts itself, are without their place.
// May throw what Parquet's readers throw.
arrow::Result<std::optional<std::vector<PageBounds>>> IndexedPages(::parquet::RowGroupPageIndexReader& index,
                                                                   const ::parquet::FileMetaData& footer,
                                                                   int row_group, int leaf,
                                                                   const arrow::Field& field);

}  // namespace marquet::pq
