#include <arrow/api.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "marquet/base/error.h"
#include "marquet/base/instant.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/delta/schema.h"

namespace marquet::delta {
namespace {

using arrow::Scalar;
using arrow::Type;

constexpr int64_t kMicrosPerDay = kNanosPerDay / 1000;

// What the log can spell, and other engines read.
constexpr int64_t kFirstDay = -719'162;  // 0001-01-01
constexpr int64_t kLastDay = 2'932'896;  // 9999-12-31

arrow::Result<std::string> DateText(int64_t days) {
  std::string text = FormatDate(days);
  if (days >= kFirstDay && days <= kLastDay) return text;
  return InvalidInput(
      fmt::format("{} lies outside the years 0001 to 9999, which a partition value can have", text),
      "Leave such rows out, or write null for what is not a real date.");
}

arrow::Result<std::string> TimeText(int64_t micros) {
  ARROW_ASSIGN_OR_RAISE(const std::string date, DateText(FloorDiv(micros, kMicrosPerDay)));
  const int64_t rest = FloorMod(micros, kMicrosPerDay);
  return fmt::format("{}T{:02}:{:02}:{:02}.{:06}Z", date, rest / 3'600'000'000, rest / 60'000'000 % 60,
                     rest / 1'000'000 % 60, rest % 1'000'000);
}

// As Java, Rust, Python and DuckDB all read it.
template <typename T>
std::string FloatingText(T value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return fmt::format("{}", value);
}

bool HasFraction(const arrow::Decimal128& value, int32_t scale) {
  arrow::Decimal128 whole, fraction;
  value.GetWholeAndFraction(scale, &whole, &fraction);
  return fraction != 0;
}

// Dates and times are read of any year: tables hold them, whatever their writers should have done.

arrow::Result<int64_t> ParseMicros(std::string_view text) {
  constexpr int64_t kAttosPerMicro = kAttosPerNano * 1000;
  ARROW_ASSIGN_OR_RAISE(const __int128 attos, ParseAttos(text));
  __int128 rest = attos % kAttosPerMicro;
  if (rest < 0) rest += kAttosPerMicro;
  const __int128 micros = (attos - rest) / kAttosPerMicro;
  if (micros < INT64_MIN || micros > INT64_MAX) {
    return InvalidInput(fmt::format("{} lies outside what microseconds in 64 bits hold", Quoted(text)));
  }
  return static_cast<int64_t>(micros);
}

arrow::Result<int32_t> ParseDays(std::string_view text) {
  size_t at = 0;
  const std::optional<int64_t> days = TakeDate(text, &at);
  if (!days || at != text.size()) {
    return InvalidInput(fmt::format("{} is not a date; expected YYYY-MM-DD", Quoted(text)));
  }
  if (*days < INT32_MIN || *days > INT32_MAX) {
    return InvalidInput(fmt::format("{} lies outside what days in 32 bits hold", Quoted(text)));
  }
  return static_cast<int32_t>(*days);
}

template <typename T>
arrow::Result<T> ParseNumber(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidInput(fmt::format("{} is not a number of this type", Quoted(text)));
  }
  return value;
}

template <typename ScalarType, typename T>
arrow::Result<std::shared_ptr<Scalar>> Made(arrow::Result<T> value,
                                            const std::shared_ptr<arrow::DataType>& type) {
  ARROW_RETURN_NOT_OK(value.status());
  return std::make_shared<ScalarType>(*value, type);
}

arrow::Result<std::shared_ptr<Scalar>> Parse(std::string_view text,
                                             const std::shared_ptr<arrow::DataType>& type) {
  switch (type->id()) {
    case Type::STRING:
      return arrow::MakeScalar(type, std::string(text));
    case Type::INT8:
      return Made<arrow::Int8Scalar>(ParseNumber<int8_t>(text), type);
    case Type::INT16:
      return Made<arrow::Int16Scalar>(ParseNumber<int16_t>(text), type);
    case Type::INT32:
      return Made<arrow::Int32Scalar>(ParseNumber<int32_t>(text), type);
    case Type::INT64:
      return Made<arrow::Int64Scalar>(ParseNumber<int64_t>(text), type);
    case Type::FLOAT:
      return Made<arrow::FloatScalar>(ParseNumber<float>(text), type);
    case Type::DOUBLE:
      return Made<arrow::DoubleScalar>(ParseNumber<double>(text), type);
    case Type::BOOL:
      if (text != "true" && text != "false")
        return InvalidInput(fmt::format("{} is no boolean", Quoted(text)));
      return std::make_shared<arrow::BooleanScalar>(text == "true");
    case Type::DATE32:
      return Made<arrow::Date32Scalar>(ParseDays(text), type);
    case Type::TIMESTAMP:
      return Made<arrow::TimestampScalar>(ParseMicros(text), type);
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(*type);
      arrow::Decimal128 value;
      int32_t precision = 0, scale = 0;
      ARROW_RETURN_NOT_OK(arrow::Decimal128::FromString(text, &value, &precision, &scale));
      ARROW_ASSIGN_OR_RAISE(value, value.Rescale(scale, decimal.scale()));
      if (!value.FitsInPrecision(decimal.precision())) {
        return InvalidInput(fmt::format("{} has more than {} digits", text, decimal.precision()));
      }
      return std::make_shared<arrow::Decimal128Scalar>(value, type);
    }
    default:
      return Unsupported(fmt::format("a partition column of type {}", type->ToString()));
  }
}

}  // namespace

arrow::Result<std::string> PartitionValueToText(const Scalar& value) {
  if (!value.is_valid) return std::string();
  switch (value.type->id()) {
    case Type::STRING:
    case Type::LARGE_STRING:
      return std::string(static_cast<const arrow::BaseBinaryScalar&>(value).view());
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
      return value.ToString();
    case Type::FLOAT:
      return FloatingText(static_cast<const arrow::FloatScalar&>(value).value);
    case Type::DOUBLE:
      return FloatingText(static_cast<const arrow::DoubleScalar&>(value).value);
    case Type::BOOL:
      return std::string(static_cast<const arrow::BooleanScalar&>(value).value ? "true" : "false");
    case Type::DATE32:
      return DateText(static_cast<const arrow::Date32Scalar&>(value).value);
    case Type::TIMESTAMP: {
      const auto& type = static_cast<const arrow::TimestampType&>(*value.type);
      if (type.unit() != arrow::TimeUnit::MICRO) break;
      return TimeText(static_cast<const arrow::TimestampScalar&>(value).value);
    }
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Scalar&>(value);
      return decimal.value.ToString(static_cast<const arrow::Decimal128Type&>(*value.type).scale());
    }
    default:
      break;
  }
  return SchemaError(fmt::format("a column of type {} cannot be a partition column", value.type->ToString()),
                     "Partition by strings, integers, dates, booleans, decimals or timestamp[us].");
}

arrow::Result<std::string> NewPartitionValueToText(const Scalar& value) {
  ARROW_ASSIGN_OR_RAISE(std::string text, PartitionValueToText(value));
  if (value.is_valid && value.type->id() == Type::DECIMAL128) {
    const auto& decimal = static_cast<const arrow::Decimal128Scalar&>(value);
    const int32_t scale = static_cast<const arrow::Decimal128Type&>(*value.type).scale();
    if (decimal.value.IsNegative() && HasFraction(decimal.value, scale)) {
      // deltalake 1.6.6 gives the fraction a sign of its own ("0.-1"), and fails on reading that.
      return InvalidInput(
          fmt::format("{} is negative and has a fraction, which deltalake cannot read as a partition value",
                      text),
          "Do not partition by this column, or store it as text or as integers.");
    }
  }
  if (text == kNullPartition) {
    // Polars 2.1 reads this text as null, wherever it stands.
    return InvalidInput(fmt::format("{} is what directories call null, and Polars reads it so", Quoted(text)),
                        "Write another text in its place, or do not partition by this column.");
  }
  return text;
}

arrow::Result<std::shared_ptr<Scalar>> PartitionValueFromText(std::string_view text,
                                                              const std::shared_ptr<arrow::DataType>& type) {
  if (text.empty()) return arrow::MakeNullScalar(type);
  auto value = Parse(text, type);
  if (!value.ok()) {
    const ErrorKind kind = KindOf(value.status());
    return AsKind(WithContext(value.status(), fmt::format("partition value {}", Quoted(text))),
                  kind == ErrorKind::kUnsupported ? kind : ErrorKind::kCorruptData);
  }
  return value;
}

}  // namespace marquet::delta
