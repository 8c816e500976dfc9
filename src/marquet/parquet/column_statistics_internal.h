// Statistics out of a footer, as typed scalars.
#pragma once

#include "arrow/type_fwd.h"
#include "marquet/parquet/options.h"

namespace parquet {
class FileMetaData;
class Statistics;
}  // namespace parquet

namespace marquet::pq {

// Those of leaf column `leaf` of one row group. `field` is the top-level field that the leaf is all of; its
// type is the scalars'. May throw what Parquet's metadata throws.
ColumnStatistics FooterStatistics(const ::parquet::FileMetaData& footer, int row_group, int leaf,
                                  const arrow::Field& field);

// The same out of one page's or chunk's decoded statistics; a null pointer knows nothing.
ColumnStatistics TypedStatistics(const ::parquet::Statistics* statistics, const arrow::Field& field);

// Those of all row groups together.
ColumnStatistics FileStatistics(const ::parquet::FileMetaData& footer, int leaf, const arrow::Field& field);

}  // namespace marquet::pq
