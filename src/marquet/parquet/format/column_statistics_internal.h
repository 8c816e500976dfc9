// Statistics out of a footer, as typed scalars.
#pragma once

#include <optional>

#include "arrow/type_fwd.h"
#include "marquet/schema/column_statistics.h"

namespace parquet {
class ColumnDescriptor;
class FileMetaData;
class Statistics;
}  // namespace parquet

namespace marquet::pq {

// Those of leaf column `leaf` of one row group. `field` is the top-level field that the leaf is all of; its
// type is the scalars'. May throw what Parquet's metadata throws.
schema::ColumnStatistics FooterStatistics(const ::parquet::FileMetaData& footer, int row_group, int leaf,
                                          const arrow::Field& field);

// The same out of one page's or chunk's decoded statistics; a null pointer knows nothing.
schema::ColumnStatistics TypedStatistics(const ::parquet::Statistics* statistics, const arrow::Field& field);

// By its footer's word.
bool WrittenByMarquet(const ::parquet::FileMetaData& footer);

// What another writer's statistics of a column can be relied on for. Not its null count (writers left it out
// or put 0 for nulls that were not counted). No bounds whose order is not told: the fields that Parquet
// deprecated were filled in the order of signed bytes, for text and decimals and unsigned numbers too. A
// maximum of bytes may have been cut without rounding it up.
schema::ColumnStatistics Doubted(schema::ColumnStatistics statistics,
                                 const ::parquet::ColumnDescriptor& column);

// Whether a < b; nothing for scalars of two types, or of one without an order here.
std::optional<bool> IsLess(const arrow::Scalar& a, const arrow::Scalar& b);

// Those of all row groups together.
schema::ColumnStatistics FileStatistics(const ::parquet::FileMetaData& footer, int leaf,
                                        const arrow::Field& field);

}  // namespace marquet::pq
