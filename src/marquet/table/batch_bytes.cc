#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/byte_size.h"
#include "marquet/table/batch_bytes_internal.h"

namespace marquet::table {
namespace {

int64_t BytesOfBits(int64_t begin, int64_t length) { return (begin + length + 7) / 8 - begin / 8; }

template <typename Offset>
int64_t BytesOfStrings(const arrow::ArrayData& data) {
  const Offset* offsets = data.GetValues<Offset>(1);
  if (offsets == nullptr || data.length == 0) return 0;
  return offsets[data.length] - offsets[0] + data.length * static_cast<int64_t>(sizeof(Offset));
}

arrow::Result<int64_t> BytesOf(const arrow::ArrayData& data) {
  const arrow::DataType& type = *data.type;
  const int64_t validity = data.buffers[0] != nullptr ? BytesOfBits(data.offset, data.length) : 0;
  switch (type.id()) {
    case arrow::Type::BOOL:
      return validity + BytesOfBits(data.offset, data.length);
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return validity + BytesOfStrings<int32_t>(data);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return validity + BytesOfStrings<int64_t>(data);
    case arrow::Type::DICTIONARY: {
      ARROW_ASSIGN_OR_RAISE(const int64_t dictionary, BytesOf(*data.dictionary));
      return validity + data.length * type.byte_width() + dictionary;
    }
    default:
      if (arrow::is_fixed_width(type.id()) && type.num_fields() == 0) {
        return validity + data.length * type.byte_width();
      }
      return arrow::util::ReferencedBufferSize(data);
  }
}

}  // namespace

arrow::Result<int64_t> BytesOf(const arrow::RecordBatch& batch) {
  int64_t bytes = 0;
  for (int i = 0; i < batch.num_columns(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const int64_t column, BytesOf(*batch.column_data(i)));
    bytes += column;
  }
  return bytes;
}

}  // namespace marquet::table
