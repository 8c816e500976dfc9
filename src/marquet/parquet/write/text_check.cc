#include "marquet/parquet/write/text_check_internal.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/parquet/write/leaf_values_internal.h"

namespace marquet::pq {
namespace {

bool IsAscii(std::string_view bytes) {
  constexpr uint64_t kUpperBits = 0x8080808080808080;
  constexpr size_t kAtOnce = 64;
  size_t at = 0;
  for (; at + kAtOnce <= bytes.size(); at += kAtOnce) {
    uint64_t words[kAtOnce / 8], any = 0;
    std::memcpy(words, bytes.data() + at, kAtOnce);
    for (const uint64_t word : words) any |= word;
    if ((any & kUpperBits) != 0) return false;
  }
  return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

template <typename TextArray>
bool IsUtf8Array(const arrow::Array& array) {
  const auto& text = static_cast<const TextArray&>(array);
  // Most text is ASCII throughout, which need not be looked at value by value.
  const int64_t begin = text.value_offset(0);
  const auto size = static_cast<size_t>(text.value_offset(text.length()) - begin);
  if (size == 0 || IsAscii({reinterpret_cast<const char*>(text.raw_data()) + begin, size})) return true;
  return text.ValidateUTF8().ok();
}

bool IsText(const arrow::Array& array) {
  switch (array.type_id()) {
    case arrow::Type::STRING:
      return IsUtf8Array<arrow::StringArray>(array);
    case arrow::Type::LARGE_STRING:
      return IsUtf8Array<arrow::LargeStringArray>(array);
    default:
      return true;
  }
}

}  // namespace

arrow::Status CheckText(const arrow::RecordBatch& batch, int64_t first_row) {
  for (int i = 0; i < batch.num_columns(); ++i) {
    const arrow::Array& column = *batch.column(i);
    if (HoldsOfLeaves(column, IsText)) continue;
    int64_t row = 0;
    while (row + 1 < column.length() && HoldsOfLeaves(*column.Slice(row, 1), IsText)) ++row;
    return InvalidInput(fmt::format("column {}: row {} holds text that is not UTF-8",
                                    Quoted(batch.column_name(i)), first_row + row),
                        "Give bytes of any kind as a binary column.");
  }
  return arrow::Status::OK();
}

}  // namespace marquet::pq
