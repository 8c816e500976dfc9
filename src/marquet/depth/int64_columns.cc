#include "marquet/depth/int64_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "arrow/array.h"
#include "arrow/type.h"
#include "arrow/util/bitmap_ops.h"
#include "arrow/util/decimal.h"
#include "marquet/base/dispatch.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/depth/tensor.h"

namespace marquet::depth {
namespace {

constexpr double kUnitsPerPrice = 1e9;

bool AllValid(const arrow::Array& column, int64_t begin, int64_t count) {
  return column.null_count() == 0 ||
         arrow::internal::CountSetBits(column.null_bitmap_data(), column.offset() + begin, count) == count;
}

void PutNulls(const arrow::Array& column, int64_t begin, int64_t count, int64_t null_value, int64_t* out) {
  if (AllValid(column, begin, count)) return;
  for (int64_t i = 0; i < count; ++i) {
    if (column.IsNull(begin + i)) out[i] = null_value;
  }
}

template <typename ArrayType>
void Widen(const arrow::Array& column, int64_t begin, int64_t count, int64_t null_value, int64_t* out) {
  if (count == 0) return;
  const auto* values = static_cast<const ArrayType&>(column).raw_values() + begin;
  std::copy(values, values + count, out);
  PutNulls(column, begin, count, null_value, out);
}

// The nearest multiples of 1e-9, halves away from zero as std::llround has them: a float of up to 15 digits
// comes back to the decimal it was made of. NaN is kUndefinedPrice. False when one is beyond +-2^51; then
// `out` means nothing. Built without fused multiply-add (CMakeLists.txt), which would round once, not twice.
MARQUET_INLINE bool ScalePricesBody(const double* values, int64_t n, int64_t* out) {
  constexpr double kMagic = 4503599627370496.0;  // 2^52: adding it leaves no bits for a fraction
  constexpr int64_t kMagicBits = 0x4330000000000000;
  constexpr double kMost = kMagic / 2;
  int64_t beyond = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double scaled = values[i] * kUnitsPerPrice;
    const double size = std::fabs(scaled);
    double whole = (size + kMagic) - kMagic;
    whole += size - whole == 0.5 ? 1.0 : 0.0;
    const int64_t units = std::bit_cast<int64_t>(whole + kMagic) - kMagicBits;
    out[i] = values[i] != values[i] ? kUndefinedPrice : scaled < 0 ? -units : units;
    beyond |= size > kMost ? 1 : 0;
  }
  return beyond == 0;
}
MARQUET_DISPATCH(bool, ScalePrices, (const double* values, int64_t n, int64_t* out), (values, n, out))

arrow::Status Misfit(const std::string& name, int64_t row, const std::string& value) {
  return InvalidInput(
      fmt::format("{} is {} in row {}, beyond the prices that can be kept", name, value, WithCommas(row)));
}

}  // namespace

arrow::Status ReadPrices(const arrow::Array& column, const std::string& name, int64_t begin, int64_t count,
                         int64_t row, int64_t* out) {
  constexpr double kMost = 9.2e18;  // a little below 2^63
  switch (column.type_id()) {
    case arrow::Type::INT64:
      Widen<arrow::Int64Array>(column, begin, count, kUndefinedPrice, out);
      return arrow::Status::OK();
    case arrow::Type::DOUBLE: {
      const auto& typed = static_cast<const arrow::DoubleArray&>(column);
      if (!ScalePrices(typed.raw_values() + begin, count, out)) {
        for (int64_t i = 0; i < count; ++i) {
          const double value = typed.Value(begin + i), scaled = value * kUnitsPerPrice;
          if (typed.IsNull(begin + i) || std::isnan(value)) {
            out[i] = kUndefinedPrice;
          } else if (std::fabs(scaled) < kMost) {
            out[i] = std::llround(scaled);
          } else {
            return Misfit(name, row + i, fmt::format("{}", value));
          }
        }
      }
      PutNulls(column, begin, count, kUndefinedPrice, out);
      return arrow::Status::OK();
    }
    case arrow::Type::DECIMAL128: {
      const auto& typed = static_cast<const arrow::Decimal128Array&>(column);
      const int32_t scale = static_cast<const arrow::Decimal128Type&>(*column.type()).scale();
      int64_t beyond = scale - 9;  // 0 as long as the low halves say all
      for (int64_t i = 0; i < count; ++i) {
        const arrow::Decimal128 value(typed.GetValue(begin + i));
        out[i] = static_cast<int64_t>(value.low_bits());
        beyond |= value.high_bits() ^ (out[i] >> 63);
      }
      for (int64_t i = 0; beyond != 0 && i < count; ++i) {
        if (typed.IsNull(begin + i)) continue;
        const auto rescaled = arrow::Decimal128(typed.GetValue(begin + i)).Rescale(scale, 9);
        const auto narrow = rescaled.ok() ? rescaled->ToInteger<int64_t>() : rescaled.status();
        if (!narrow.ok()) return Misfit(name, row + i, typed.FormatValue(begin + i));
        out[i] = *narrow;
      }
      PutNulls(column, begin, count, kUndefinedPrice, out);
      return arrow::Status::OK();
    }
    case arrow::Type::NA:
      std::fill(out, out + count, kUndefinedPrice);
      return arrow::Status::OK();
    default:
      return SchemaError(
          fmt::format("{} is of type {}; expected int64 in units of 1e-9, float64 or decimal128", name,
                      column.type()->ToString()));
  }
}

arrow::Status ReadIntegers(const arrow::Array& column, const std::string& name, int64_t begin, int64_t count,
                           int64_t null_value, int64_t* out) {
  switch (column.type_id()) {
    case arrow::Type::INT8:
      Widen<arrow::Int8Array>(column, begin, count, null_value, out);
      break;
    case arrow::Type::INT16:
      Widen<arrow::Int16Array>(column, begin, count, null_value, out);
      break;
    case arrow::Type::INT32:
      Widen<arrow::Int32Array>(column, begin, count, null_value, out);
      break;
    case arrow::Type::INT64:
      Widen<arrow::Int64Array>(column, begin, count, null_value, out);
      break;
    case arrow::Type::UINT8:
      Widen<arrow::UInt8Array>(column, begin, count, null_value, out);
      break;
    case arrow::Type::UINT16:
      Widen<arrow::UInt16Array>(column, begin, count, null_value, out);
      break;
    case arrow::Type::UINT32:
      Widen<arrow::UInt32Array>(column, begin, count, null_value, out);
      break;
    case arrow::Type::UINT64:
      Widen<arrow::UInt64Array>(column, begin, count, null_value, out);
      break;
    case arrow::Type::TIMESTAMP: {
      Widen<arrow::TimestampArray>(column, begin, count, null_value, out);
      const int64_t factor = NanosPerUnit(static_cast<const arrow::TimestampType&>(*column.type()).unit());
      for (int64_t i = 0; factor != 1 && i < count; ++i) {
        if (out[i] == null_value) continue;
        if (__builtin_mul_overflow(out[i], factor, &out[i])) {
          return InvalidInput(fmt::format("{} holds a time beyond what nanoseconds in int64 reach", name));
        }
      }
      break;
    }
    default:
      return SchemaError(
          fmt::format("{} is of type {}; expected an integer", name, column.type()->ToString()));
  }
  return arrow::Status::OK();
}

const int64_t* InPlace(const arrow::Array& column, int64_t begin, int64_t count) {
  if (column.type_id() != arrow::Type::INT64 || !AllValid(column, begin, count)) return nullptr;
  return static_cast<const arrow::Int64Array&>(column).raw_values() + begin;
}

arrow::Status AppendPrices(const arrow::Array& column, const std::string& name, std::vector<int64_t>* out) {
  const size_t known = out->size();
  out->resize(known + column.length());
  return ReadPrices(column, name, 0, column.length(), static_cast<int64_t>(known), out->data() + known);
}

arrow::Status AppendIntegers(const arrow::Array& column, const std::string& name, int64_t null_value,
                             std::vector<int64_t>* out) {
  const size_t known = out->size();
  out->resize(known + column.length());
  return ReadIntegers(column, name, 0, column.length(), null_value, out->data() + known);
}

arrow::Status AppendTimes(const arrow::Array& column, const std::string& name, std::vector<int64_t>* out) {
  constexpr int64_t kNone = INT64_MIN;
  const size_t known = out->size();
  ARROW_RETURN_NOT_OK(AppendIntegers(column, name, kNone, out));
  for (size_t i = std::max<size_t>(known, 1); i < out->size(); ++i) {
    if ((*out)[i] == kNone) (*out)[i] = (*out)[i - 1];
  }
  return arrow::Status::OK();
}

}  // namespace marquet::depth
