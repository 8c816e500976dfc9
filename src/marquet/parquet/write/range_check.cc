#include "marquet/parquet/write/range_check_internal.h"

#include <limits>

#include <fmt/format.h>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/decimal.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/parquet/write/leaf_values_internal.h"

namespace marquet::pq {
namespace {

constexpr int64_t kMillisPerSecond = 1'000;
constexpr int64_t kMillisPerDay = 86'400 * kMillisPerSecond;

bool FitsInt32(int64_t value) {
  return value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max();
}

template <typename ArrayType, typename Fits>
bool AllFit(const arrow::Array& array, const Fits& fits) {
  const auto& values = static_cast<const ArrayType&>(array);
  for (int64_t i = 0; i < values.length(); ++i) {
    if (!fits(int64_t{values.Value(i)}) && values.IsValid(i)) return false;
  }
  return true;
}

template <typename Decimal>
bool DigitsFit(const arrow::Array& array) {
  const auto& values = static_cast<const arrow::FixedSizeBinaryArray&>(array);
  const int digits = static_cast<const arrow::DecimalType&>(*array.type()).precision();
  for (int64_t i = 0; i < values.length(); ++i) {
    if (!Decimal(values.GetValue(i)).FitsInPrecision(digits) && values.IsValid(i)) return false;
  }
  return true;
}

bool IsHeld(const arrow::Array& array) {
  switch (array.type_id()) {
    case arrow::Type::DECIMAL32:
      return DigitsFit<arrow::Decimal32>(array);
    case arrow::Type::DECIMAL64:
      return DigitsFit<arrow::Decimal64>(array);
    case arrow::Type::DECIMAL128:
      return DigitsFit<arrow::Decimal128>(array);
    case arrow::Type::DECIMAL256:
      return DigitsFit<arrow::Decimal256>(array);
    case arrow::Type::DATE64:
      return AllFit<arrow::Date64Array>(array, [](int64_t millis) {
        return millis % kMillisPerDay == 0 && FitsInt32(millis / kMillisPerDay);
      });
    case arrow::Type::TIME32:
      if (static_cast<const arrow::Time32Type&>(*array.type()).unit() != arrow::TimeUnit::SECOND) return true;
      return AllFit<arrow::Time32Array>(
          array, [](int64_t seconds) { return FitsInt32(seconds * kMillisPerSecond); });
    default:
      return true;
  }
}

}  // namespace

arrow::Status CheckRanges(const arrow::RecordBatch& batch, int64_t first_row) {
  for (int i = 0; i < batch.num_columns(); ++i) {
    const arrow::Array& column = *batch.column(i);
    if (HoldsOfLeaves(column, IsHeld)) continue;
    int64_t row = 0;
    while (row + 1 < column.length() && HoldsOfLeaves(*column.Slice(row, 1), IsHeld)) ++row;
    return InvalidInput(
        fmt::format(
            "column {}: row {} holds a date, time or decimal that Parquet does not: its dates are whole "
            "days, and its times of day milliseconds, in 32 bits, and decimals have no more digits than "
            "their type says",
            Quoted(batch.column_name(i)), first_row + row),
        "Give dates with a time of day as timestamps, longer times as durations, and decimals of more digits "
        "as "
        "a type with them.");
  }
  return arrow::Status::OK();
}

}  // namespace marquet::pq
