// What the type of a leaf column says of its pages.
#pragma once

#include <cstdint>

namespace parquet {
class ColumnDescriptor;
}

namespace marquet::pq {

// Whether the column's logical type says that it holds nothing but nulls.
bool IsAlwaysNull(const ::parquet::ColumnDescriptor& column);

// The bytes that a plain value of the column takes; 0 where that differs (strings) or is less than one
// (booleans).
int64_t PlainWidth(const ::parquet::ColumnDescriptor& column);

// Whether values of the column's physical type can be so encoded.
bool TakesEncoding(const ::parquet::ColumnDescriptor& column, int32_t encoding);

}  // namespace marquet::pq
