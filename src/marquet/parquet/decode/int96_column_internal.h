// Columns with times of twelve bytes (INT96), read without changing any.
//
// Arrow cuts what lies between two microseconds, and what nanoseconds cannot hold (before 1677, after 2262)
// becomes another time. So both are decoded, and must be of the same instants.
#pragma once

#include <atomic>
#include <memory>

#include "marquet/parquet/decode/column_stream_internal.h"

namespace parquet {
class SchemaDescriptor;
}

namespace marquet::pq {

bool HasInt96(const ::parquet::SchemaDescriptor& schema, int first_leaf, int end_leaf);

// As MakeColumn(), with INT96 times in the unit of `source`. One that this does not hold is an error of
// Decode(); or, in microseconds, sets `*inexact` where that is given.
std::unique_ptr<ColumnStream> MakeExactColumn(const std::shared_ptr<const ReadSource>& source, int first_leaf,
                                              int end_leaf, const std::shared_ptr<arrow::Field>& field,
                                              std::atomic<bool>* inexact = nullptr);

}  // namespace marquet::pq
