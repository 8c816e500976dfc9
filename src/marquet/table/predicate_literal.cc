#include "marquet/table/predicate_literal.h"

#include <cmath>

#include <fmt/format.h>

#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "marquet/base/error.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "spdlog/logger.h"

namespace marquet::table {
namespace {

using arrow::Type;

std::string UnitOf(const arrow::Field& field) {
  if (field.metadata() == nullptr) return {};
  return field.metadata()->Get("unit").ValueOr("");
}

// Whether a column holds prices in units of 1e-9: nine decimal places, stored as an integer.
constexpr int kPricePlaces = 9;
bool HoldsPrices(const arrow::Field& field) {
  return field.type()->id() == Type::INT64 && UnitOf(field) == "1e-9";
}

// Integers below this are no prices in units of 1e-9 (they would be less than a tenth of a cent): whoever
// writes them most likely means whole units.
constexpr int64_t kLikelyPrice = 1'000'000;

constexpr const char* kPriceHint =
    "The column stores prices in units of 1e-9. Put the number in quotes ('4750.25') to mean a price, or "
    "write the stored integer.";

arrow::Status DoesNotFit(const Place& place, const arrow::Field& field, const Value& value,
                         std::string hint = {}) {
  return ErrorAt(place,
                 fmt::format("{} does not fit column {} of type {}", ToString(value), Quoted(field.name()),
                             field.type()->ToString()),
                 std::move(hint));
}

struct LiteralBinder {
  const arrow::Field& field;
  const Value& value;
  const Place& place;

  arrow::Result<BoundLiteral> Bind(Domain domain) const {
    switch (domain) {
      case Domain::kInteger:
        return BindInteger();
      case Domain::kFloating:
        return BindFloating();
      case Domain::kBytes:
        if (const auto* text = std::get_if<std::string>(&value)) {
          BoundLiteral literal;
          literal.bytes = *text;
          return literal;
        }
        return DoesNotFit(place, field, value, "Strings stand in single quotes.");
      case Domain::kNothing:
        break;
    }
    return BoundLiteral{};
  }

 private:
  arrow::Result<BoundLiteral> BindInteger() const {
    BoundLiteral literal;
    const Type::type id = field.type()->id();
    if (id == Type::BOOL) {
      const bool* flag = std::get_if<bool>(&value);
      if (flag == nullptr) return DoesNotFit(place, field, value, "Use true or false.");
      literal.place.floor = *flag;
      return literal;
    }
    const std::optional<int64_t> step = NanosPerStep(field);
    if (const auto* time = std::get_if<TimeLiteral>(&value)) {
      if (!step) return DoesNotFit(place, field, value, "The column does not hold times.");
      literal.place = FloorOfQuotient(time->nanos, *step);
      return literal;
    }
    if (const auto* text = std::get_if<std::string>(&value)) return BindText(*text, step);
    if (std::holds_alternative<bool>(value)) return DoesNotFit(place, field, value);
    // Numbers. A time column takes them only where its stored integers are what the user sees.
    if (step && id != Type::INT64) {
      return DoesNotFit(place, field, value, "Write times as ISO-8601 text, such as '2024-01-02T03:04:05Z'.");
    }
    // A fraction can only be meant as a price, and the stored integers are not prices.
    if (HoldsPrices(field) && !std::holds_alternative<int64_t>(value)) {
      return DoesNotFit(place, field, value, kPriceHint);
    }
    int scale = 0;
    if (id == Type::DECIMAL128) scale = static_cast<const arrow::DecimalType&>(*field.type()).scale();
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      if (HoldsPrices(field) && *integer != 0 && *integer > -kLikelyPrice && *integer < kLikelyPrice) {
        Log().warn(
            "filter: {} is compared with column {} as it is stored, in units of 1e-9; '{}' in quotes would "
            "be a price",
            *integer, Quoted(field.name()), *integer);
      }
      literal.place = FloorOf(DecimalNumber{*integer, 0}, scale);
    } else if (const auto* decimal = std::get_if<DecimalNumber>(&value)) {
      literal.place = FloorOf(*decimal, scale);
    } else {
      const double number = std::get<double>(value);
      if (std::isnan(number)) {
        literal.nan = true;
      } else if (id == Type::DECIMAL128 && std::isfinite(number)) {
        // What was written as 0.1 means 0.1 to a decimal column, not the double nearest to it.
        ARROW_ASSIGN_OR_RAISE(const DecimalNumber decimal, ParseDecimal(fmt::format("{}", number)));
        literal.place = FloorOf(decimal, scale);
      } else {
        literal.place = FloorOf(number);
      }
    }
    return literal;
  }

  arrow::Result<BoundLiteral> BindText(const std::string& text, std::optional<int64_t> step) const {
    BoundLiteral literal;
    if (field.type()->id() == Type::DECIMAL128) {
      const auto decimal = ParseDecimal(text);
      if (!decimal.ok()) return DoesNotFit(place, field, value);
      literal.place = FloorOf(*decimal, static_cast<const arrow::DecimalType&>(*field.type()).scale());
      return literal;
    }
    if (HoldsPrices(field)) {
      const auto price = ParseDecimal(text);
      if (!price.ok()) return DoesNotFit(place, field, value, kPriceHint);
      literal.place = FloorOf(*price, kPricePlaces);
      return literal;
    }
    if (!step) {
      return DoesNotFit(place, field, value,
                        field.type()->id() == Type::INT64
                            ? "Only int64 columns whose field metadata says unit=ns take times."
                            : "Numbers stand without quotes.");
    }
    if (const auto day = ParseDate(text); day.ok()) {  // reaches further than nanoseconds do
      literal.place = FloorOfQuotient(static_cast<Int128>(*day) * kNanosPerDay, *step);
      return literal;
    }
    const auto nanos = ParseNanos(text);
    if (!nanos.ok()) return DoesNotFit(place, field, value, nanos.status().message());
    literal.place = FloorOfQuotient(*nanos, *step);
    return literal;
  }

  arrow::Result<BoundLiteral> BindFloating() const {
    BoundLiteral literal;
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      literal.number = static_cast<double>(*integer);
      literal.exactly = *integer;
      return literal;
    }
    if (const auto* decimal = std::get_if<DecimalNumber>(&value)) {
      literal.number = NearestDouble(*decimal);
    } else if (const auto* number = std::get_if<double>(&value)) {
      literal.number = *number;
    } else {
      return DoesNotFit(place, field, value, "Numbers stand without quotes.");
    }
    // 0.1 means the column's own 0.1, so that a float column finds it.
    if (field.type()->id() == Type::FLOAT) {
      const auto narrow = static_cast<float>(literal.number);
      if (std::isfinite(narrow)) literal.number = narrow;
    }
    literal.nan = std::isnan(literal.number);
    return literal;
  }
};

}  // namespace

std::optional<int64_t> NanosPerStep(const arrow::Field& field) {
  switch (field.type()->id()) {
    case Type::TIMESTAMP:
      return NanosPerUnit(static_cast<const arrow::TimestampType&>(*field.type()).unit());
    case Type::DATE32:
      return kNanosPerDay;
    case Type::DATE64:
      return 1'000'000;
    case Type::INT64: {
      const std::string unit = UnitOf(field);
      if (unit == "ns") return 1;
      if (unit == "us") return 1'000;
      if (unit == "ms") return 1'000'000;
      if (unit == "s") return kNanosPerSecond;
      return {};
    }
    default:
      return {};
  }
}

arrow::Result<Domain> DomainOf(const arrow::Field& field, const Place& place) {
  switch (field.type()->id()) {
    case Type::NA:
      return Domain::kNothing;
    case Type::BOOL:
    case Type::INT8:
    case Type::UINT8:
    case Type::INT16:
    case Type::UINT16:
    case Type::INT32:
    case Type::UINT32:
    case Type::INT64:
    case Type::UINT64:
    case Type::TIMESTAMP:
    case Type::DATE32:
    case Type::DATE64:
    case Type::DECIMAL128:
      return Domain::kInteger;
    case Type::FLOAT:
    case Type::DOUBLE:
      return Domain::kFloating;
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
      return Domain::kBytes;
    default:
      return AsKind(ErrorAt(place, fmt::format("column {} of type {} cannot be compared",
                                               Quoted(field.name()), field.type()->ToString())),
                    ErrorKind::kUnsupported);
  }
}

arrow::Result<BoundLiteral> BindLiteral(const arrow::Field& field, Domain domain, const Value& value,
                                        const Place& place) {
  return LiteralBinder{field, value, place}.Bind(domain);
}

}  // namespace marquet::table
