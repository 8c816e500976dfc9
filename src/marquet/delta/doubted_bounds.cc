#include "marquet/delta/doubted_bounds.h"

#include <arrow/api.h>
#include <arrow/util/decimal.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "marquet/base/byte_prefix.h"
#include "marquet/delta/schema.h"

namespace marquet::delta {
namespace {

using arrow::Scalar;
using arrow::Type;
using ScalarPtr = std::shared_ptr<Scalar>;

// A number may be off by its magnitude over two to the power of these, which covers 15 digits that were cut,
// not rounded (10^-14).
constexpr int kDoubleBits = 45;
constexpr int kFloatBits = 19;  // as that, of 7 digits

constexpr int64_t kMicrosPerMinute = 60'000'000;
constexpr int32_t kGregorianFrom = -141'427;                             // 1582-10-15
constexpr int64_t kModernZonesFrom = -25'567 * int64_t{86'400'000'000};  // 1900-01-01

ScalarPtr Parsed(JsonValue value, const std::shared_ptr<arrow::DataType>& type) {
  if (value.Text().empty()) return nullptr;  // it would be null
  auto parsed = PartitionValueFromText(value.Text(), type);
  return parsed.ok() ? *std::move(parsed) : nullptr;
}

ScalarPtr DoubtedInteger(ScalarPtr bound, bool is_max) {
  if (bound == nullptr || bound->type->id() != Type::INT64) return bound;  // the others are of fewer bits
  const int64_t value = static_cast<const arrow::Int64Scalar&>(*bound).value;
  const __int128 slack = (value < 0 ? -static_cast<__int128>(value) : value) >> kDoubleBits;
  const __int128 widened = is_max ? value + slack : value - slack;
  return std::make_shared<arrow::Int64Scalar>(static_cast<int64_t>(std::clamp<__int128>(
      widened, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max())));
}

template <typename ScalarType>
ScalarPtr DoubtedFloating(const ScalarPtr& bound, int bits, bool is_max) {
  using T = typename ScalarType::ValueType;
  if (bound == nullptr) return nullptr;
  const T value = static_cast<const ScalarType&>(*bound).value;
  if (!std::isfinite(value)) return nullptr;
  // Subnormal numbers may have been flushed to zero.
  const T slack = std::max(std::ldexp(std::abs(value), -bits), std::numeric_limits<T>::min());
  return std::make_shared<ScalarType>(is_max ? value + slack : value - slack);
}

// May have more digits than the column's scale.
ScalarPtr DoubtedDecimal(JsonValue value, const std::shared_ptr<arrow::DataType>& type, bool is_max) {
  using arrow::Decimal256;
  const int32_t wanted = static_cast<const arrow::Decimal128Type&>(*type).scale();
  Decimal256 number;
  int32_t precision = 0, scale = 0;
  if (!Decimal256::FromString(value.Text(), &number, &precision, &scale).ok()) return nullptr;
  if (scale <= wanted) {
    auto scaled = number.Rescale(scale, wanted);
    if (!scaled.ok()) return nullptr;
    number = *scaled;
  } else {
    if (scale - wanted > arrow::Decimal256Type::kMaxPrecision) return nullptr;
    Decimal256 whole, fraction;
    number.GetWholeAndFraction(scale - wanted, &whole, &fraction);  // towards zero
    number = whole;
    if (is_max && fraction > Decimal256(0)) number += Decimal256(1);
    if (!is_max && fraction < Decimal256(0)) number -= Decimal256(1);
  }
  // deltalake's whole numbers end where 64 bits do.
  const Decimal256 least(std::numeric_limits<int64_t>::min()), most(std::numeric_limits<int64_t>::max());
  if (wanted == 0 && (is_max ? number >= most : number <= least)) return nullptr;
  const Decimal256 slack(arrow::BasicDecimal256::Abs(number) / Decimal256(int64_t{1} << kDoubleBits));
  is_max ? number += slack : number -= slack;
  if (!number.FitsInPrecision(arrow::Decimal128Type::kMaxPrecision)) return nullptr;
  const auto words = number.little_endian_array();
  return std::make_shared<arrow::Decimal128Scalar>(
      arrow::Decimal128(static_cast<int64_t>(words[1]), words[0]), type);
}

ScalarPtr DoubtedDate(ScalarPtr bound) {
  if (bound == nullptr || static_cast<const arrow::Date32Scalar&>(*bound).value < kGregorianFrom)
    return nullptr;
  return bound;
}

ScalarPtr DoubtedTime(JsonValue value, const std::shared_ptr<arrow::DataType>& type, bool is_max) {
  const std::string_view text = value.Text();
  const bool zoned = !static_cast<const arrow::TimestampType&>(*type).timezone().empty();
  const size_t time_at = text.find_first_of("T ");
  const bool says_zone =
      time_at != std::string_view::npos && text.find_first_of("Z+-", time_at) != std::string_view::npos;
  if (zoned && !says_zone) return nullptr;
  const ScalarPtr bound = Parsed(value, type);
  if (bound == nullptr) return nullptr;
  int64_t micros = static_cast<const arrow::TimestampScalar&>(*bound).value;
  if (micros < kModernZonesFrom ||
      __builtin_add_overflow(micros, is_max ? kMicrosPerMinute : -kMicrosPerMinute, &micros)) {
    return nullptr;
  }
  return std::make_shared<arrow::TimestampScalar>(micros, type);
}

ScalarPtr DoubtedText(std::string_view text, bool is_max) {
  const auto out_of_order = [&](unsigned char byte) { return byte >= 0xEE && (!is_max || byte <= 0xEF); };
  if (std::any_of(text.begin(), text.end(), out_of_order)) return nullptr;
  if (!is_max) return std::make_shared<arrow::StringScalar>(std::string(text));
  return std::make_shared<arrow::StringScalar>(AboveAllTextWithPrefix(std::string(text)));
}

}  // namespace

ScalarPtr DoubtedBound(JsonValue value, const std::shared_ptr<arrow::DataType>& type, bool is_max) {
  const bool is_text = value.kind() == JsonKind::kString;
  const bool is_number = value.kind() == JsonKind::kNumber;
  switch (type->id()) {
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
      return is_number ? DoubtedInteger(Parsed(value, type), is_max) : nullptr;
    case Type::FLOAT:
      return is_number ? DoubtedFloating<arrow::FloatScalar>(Parsed(value, type), kFloatBits, is_max)
                       : nullptr;
    case Type::DOUBLE:
      return is_number ? DoubtedFloating<arrow::DoubleScalar>(Parsed(value, type), kDoubleBits, is_max)
                       : nullptr;
    case Type::DECIMAL128:
      return is_number ? DoubtedDecimal(value, type, is_max) : nullptr;
    case Type::DATE32:
      return is_text ? DoubtedDate(Parsed(value, type)) : nullptr;
    case Type::TIMESTAMP:
      return is_text ? DoubtedTime(value, type, is_max) : nullptr;
    case Type::STRING:
      return is_text ? DoubtedText(value.Text(), is_max) : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace marquet::delta
