#include "marquet/parquet/text_check_internal.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "arrow/array.h"
#include "arrow/extension_type.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::pq {
namespace {

bool IsText(const arrow::Array& array);

template <typename ListArray>
bool ItemsAreText(const arrow::Array& array) {
  const auto& list = static_cast<const ListArray&>(array);
  const int64_t begin = list.value_offset(0);
  return IsText(*list.values()->Slice(begin, list.value_offset(list.length()) - begin));
}

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

// False where the array, or a part of it, is text and not UTF-8.
bool IsText(const arrow::Array& array) {
  if (array.length() == 0) return true;
  switch (array.type_id()) {
    case arrow::Type::STRING:
      return IsUtf8Array<arrow::StringArray>(array);
    case arrow::Type::LARGE_STRING:
      return IsUtf8Array<arrow::LargeStringArray>(array);
    case arrow::Type::EXTENSION:
      return IsText(*static_cast<const arrow::ExtensionArray&>(array).storage());
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return ItemsAreText<arrow::ListArray>(array);
    case arrow::Type::LARGE_LIST:
      return ItemsAreText<arrow::LargeListArray>(array);
    case arrow::Type::STRUCT:
      for (const auto& field : static_cast<const arrow::StructArray&>(array).fields()) {
        if (!IsText(*field)) return false;
      }
      return true;
    default:
      return true;
  }
}

}  // namespace

arrow::Status CheckText(const arrow::RecordBatch& batch, int64_t first_row) {
  for (int i = 0; i < batch.num_columns(); ++i) {
    const arrow::Array& column = *batch.column(i);
    if (IsText(column)) continue;
    int64_t row = 0;
    while (IsText(*column.Slice(row, 1))) ++row;
    return InvalidInput(fmt::format("column {}: row {} holds text that is not UTF-8",
                                    Quoted(batch.column_name(i)), first_row + row),
                        "Give bytes of any kind as a binary column.");
  }
  return arrow::Status::OK();
}

}  // namespace marquet::pq
