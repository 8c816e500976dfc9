#include "marquet/parquet/format/leaf_type_internal.h"

#include "parquet/schema.h"
#include "parquet/types.h"

namespace marquet::pq {

bool IsAlwaysNull(const ::parquet::ColumnDescriptor& column) {
  return column.logical_type() != nullptr && column.logical_type()->is_null();
}

int64_t PlainWidth(const ::parquet::ColumnDescriptor& column) {
  switch (column.physical_type()) {
    case ::parquet::Type::INT32:
    case ::parquet::Type::FLOAT:
      return 4;
    case ::parquet::Type::INT64:
    case ::parquet::Type::DOUBLE:
      return 8;
    case ::parquet::Type::INT96:
      return 12;
    case ::parquet::Type::FIXED_LEN_BYTE_ARRAY:
      return column.type_length();
    default:
      return 0;
  }
}

bool TakesEncoding(const ::parquet::ColumnDescriptor& column, int32_t encoding) {
  const ::parquet::Type::type type = column.physical_type();
  switch (encoding) {
    case ::parquet::Encoding::PLAIN:
      return true;
    case ::parquet::Encoding::PLAIN_DICTIONARY:
    case ::parquet::Encoding::RLE_DICTIONARY:
      return type != ::parquet::Type::BOOLEAN;
    case ::parquet::Encoding::RLE:
      return type == ::parquet::Type::BOOLEAN;
    case ::parquet::Encoding::DELTA_BINARY_PACKED:
      return type == ::parquet::Type::INT32 || type == ::parquet::Type::INT64;
    case ::parquet::Encoding::DELTA_LENGTH_BYTE_ARRAY:
      return type == ::parquet::Type::BYTE_ARRAY;
    case ::parquet::Encoding::DELTA_BYTE_ARRAY:
      return type == ::parquet::Type::BYTE_ARRAY || type == ::parquet::Type::FIXED_LEN_BYTE_ARRAY;
    case ::parquet::Encoding::BYTE_STREAM_SPLIT:
      return PlainWidth(column) > 0 && type != ::parquet::Type::INT96;
    default:
      return false;
  }
}

}  // namespace marquet::pq
