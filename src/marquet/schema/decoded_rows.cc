#include "marquet/schema/decoded_rows.h"

#include <algorithm>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"

namespace marquet::schema {
namespace {

constexpr int64_t kMostBytes = int64_t{256} << 20;  // of one column's rows

template <typename TextArray>
int64_t LongestText(const arrow::Array& array) {
  const auto& texts = static_cast<const TextArray&>(array);
  int64_t longest = 0;
  for (int64_t i = 0; i < texts.length(); ++i) {
    if (texts.IsValid(i)) longest = std::max(longest, static_cast<int64_t>(texts.GetView(i).size()));
  }
  return longest;
}

// Of text of a fixed layout also its bytes together, which take no look at each.
template <typename TextArray>
int64_t LongestText(const arrow::Array& array, int64_t enough) {
  if (array.length() == 0) return 0;
  const int64_t together = static_cast<const TextArray&>(array).total_values_length();
  return together <= enough ? together : LongestText<TextArray>(array);
}

// A bound on the bytes of one value; below `enough` it need not be the least.
int64_t LongestValue(const arrow::Array& values, int64_t enough) {
  switch (values.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return LongestText<arrow::BinaryArray>(values, enough);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return LongestText<arrow::LargeBinaryArray>(values, enough);
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW:
      return LongestText<arrow::BinaryViewArray>(values);
    default:
      return 0;
  }
}

}  // namespace

int64_t RowsWithinMemory(const arrow::Array& column, int64_t rows) {
  const arrow::Array* values = &column;
  if (column.type_id() == arrow::Type::DICTIONARY) {
    values = static_cast<const arrow::DictionaryArray&>(column).dictionary().get();
  } else if (column.type_id() == arrow::Type::RUN_END_ENCODED) {
    values = static_cast<const arrow::RunEndEncodedArray&>(column).values().get();
  }
  const int64_t longest = LongestValue(*values, kMostBytes / rows);
  return longest == 0 ? rows : std::min(rows, std::max<int64_t>(kMostBytes / longest, 1));
}

int64_t RowsWithinMemory(const arrow::RecordBatch& batch, int64_t rows) {
  for (const auto& column : batch.columns()) {
    const arrow::Type::type id = column->type_id();
    const bool repeats = id == arrow::Type::DICTIONARY || id == arrow::Type::RUN_END_ENCODED;
    if (repeats) rows = RowsWithinMemory(*column, rows);
  }
  return rows;
}

}  // namespace marquet::schema
