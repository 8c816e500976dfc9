#include "marquet/predicate/predicate_literal.h"

#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/instant.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/schema/units.h"

namespace marquet::predicate {
namespace {

using arrow::Type;

// Integers below this are no prices in units of 1e-9 (they would be less than a tenth of a cent): whoever
// writes them most likely means whole units.
constexpr int64_t kLikelyPrice = 1'000'000;
// Nanoseconds since 1970 below this are no times of a market (they would be in its first four months), but
// what seconds, milliseconds and microseconds of the next two centuries are.
constexpr int64_t kLikelyTime = 10'000'000'000'000'000;

constexpr const char* kPriceHint =
    "The column stores prices in units of 1e-9. Put the number in quotes ('4750.25') to mean a price, or "
    "write the stored integer; where the scan gives prices as decimal or float, a bare number is a price.";

// Beside stored prices a whole number that can only be meant as a price selects all rows, or none.
arrow::Status NotUnits(const Place& place, const arrow::Field& field, int64_t number) {
  const char* sign = number < 0 ? "-" : "";
  return ErrorAt(
      place,
      fmt::format("{} beside column {}, which stores prices in units of 1e-9, would be the price {}0.{:09}",
                  number, Quoted(field.name()), sign, std::abs(number)),
      fmt::format(
          "For the price {0} write '{0}' in quotes or {0}000000000, or ask for prices as float or "
          "decimal (price=\"float\" in Python, --price float) and write {0}.0; for so many units write "
          "'{1}0.{2:09}'.",
          number, sign, std::abs(number)));
}

// Beside a column of integers that count `step` nanoseconds each.
arrow::Status NotSuchATime(const Place& place, const arrow::Field& field, int64_t number, int64_t step) {
  std::string example = "2024-01-02T03:04:05Z";
  int64_t nanos = 1'704'164'645 * kNanosPerSecond;
  for (int64_t unit = kNanosPerSecond; unit > step; unit /= 1'000) {
    if (number < kLikelyTime / unit || number > INT64_MAX / unit) continue;
    nanos = number * unit;
    example = FormatNanos(nanos);
    break;
  }
  return ErrorAt(
      place,
      fmt::format("{} beside column {}, which counts {} since 1970, would be {}", number,
                  Quoted(field.name()), schema::UnitOf(field), FormatNanos(number * step)),
      fmt::format("Write the time as ISO-8601 text, such as '{}', or as {}.", example, nanos / step));
}

arrow::Status DoesNotFit(const Place& place, const arrow::Field& field, const Value& value,
                         std::string hint = {}) {
  return ErrorAt(place,
                 fmt::format("{} does not fit column {} of type {}", ToString(value), Quoted(field.name()),
                             field.type()->ToString()),
                 std::move(hint));
}

// The first stored price for which `holds` is true of its float; one beyond the last where it never is.
// `holds` must be false up to some price and true from there on.
template <typename Holds>
Int128 FirstPrice(const Holds& holds) {
  Int128 begin = INT64_MIN;
  Int128 end = static_cast<Int128>(INT64_MAX) + 1;
  while (begin < end) {
    const Int128 middle = begin + (end - begin) / 2;
    if (holds(schema::PriceAsFloat(static_cast<int64_t>(middle)))) {
      end = middle;
    } else {
      begin = middle + 1;
    }
  }
  return begin;
}

BoundLiteral At(const Threshold& place) {
  BoundLiteral literal;
  if (place.floor == kInt128Max) {  // nothing stored reaches that far
    literal.equal_begin = literal.equal_end = kInt128Max;
    return literal;
  }
  literal.equal_end = place.floor + 1;
  literal.equal_begin = place.exact ? place.floor : literal.equal_end;
  return literal;
}

BoundLiteral NotANumber() {
  BoundLiteral literal;
  literal.nan = true;
  return literal;
}

// A number's place among integers in units of 10^-scale. What was written as 0.1 means 0.1 to a decimal
// column, not the double nearest to it.
arrow::Result<BoundLiteral> AtDouble(double number, int scale) {
  if (std::isnan(number)) return NotANumber();
  if (scale == 0 || std::isinf(number)) return At(FloorOf(number));
  if (const Threshold whole = FloorOf(number); whole.exact) {
    return At(FloorOf(DecimalNumber{whole.floor, 0}, scale));
  }
  ARROW_ASSIGN_OR_RAISE(const DecimalNumber decimal, ParseDecimal(fmt::format("{}", number)));
  return At(FloorOf(decimal, scale));
}

struct LiteralBinder {
  const arrow::Field& field;
  const Value& value;
  const Place& place;
  schema::PriceForm price;
  Doubt doubt;

  arrow::Result<BoundLiteral> Bind(Domain domain) const {
    switch (domain) {
      case Domain::kInteger:
        return schema::HoldsPrices(field) ? BindPrice() : BindInteger();
      case Domain::kFloating:
        return BindFloating();
      case Domain::kBytes: {
        BoundLiteral literal;
        if (const auto* text = std::get_if<std::string>(&value)) {
          literal.bytes = *text;
          return literal;
        }
        if (const auto* bytes = std::get_if<Bytes>(&value)) {
          literal.bytes = bytes->bytes;
          return literal;
        }
        return DoesNotFit(place, field, value, "Strings stand in single quotes.");
      }
      case Domain::kNothing:
        break;
    }
    return BoundLiteral{};
  }

 private:
  arrow::Result<BoundLiteral> BindInteger() const {
    const Type::type id = field.type()->id();
    if (id == Type::BOOL) {
      const bool* flag = std::get_if<bool>(&value);
      if (flag == nullptr) return DoesNotFit(place, field, value, "Write true or false, without quotes.");
      return At({*flag ? 1 : 0, true});
    }
    const std::optional<int64_t> step = NanosPerStep(field);
    if (const auto* time = std::get_if<TimeLiteral>(&value)) {
      if (!step) return DoesNotFit(place, field, value, "The column does not hold times.");
      return At(FloorOfQuotient(time->nanos, *step));
    }
    if (const auto* text = std::get_if<std::string>(&value)) return BindText(*text, step);
    // Numbers. A time column takes them only where its stored integers are what the user sees.
    if (step && id != Type::INT64) {
      return DoesNotFit(place, field, value, "Write times as ISO-8601 text, such as '2024-01-02T03:04:05Z'.");
    }
    if (step && doubt == Doubt::kRefused) ARROW_RETURN_NOT_OK(CheckTime(*step));
    return BindNumber(id == Type::DECIMAL128 ? static_cast<const arrow::DecimalType&>(*field.type()).scale()
                                             : 0);
  }

  // 0 and numbers below it are no times by mistake.
  arrow::Status CheckTime(int64_t step) const {
    double number = 0;
    if (const auto* integer = std::get_if<int64_t>(&value)) number = static_cast<double>(*integer);
    if (const auto* floating = std::get_if<double>(&value)) number = *floating;
    if (const auto* decimal = std::get_if<NumberLiteral>(&value)) number = NearestDouble(decimal->text);
    if (!(number >= 1 && number < static_cast<double>(kLikelyTime / step))) return arrow::Status::OK();
    return NotSuchATime(place, field, static_cast<int64_t>(number), step);
  }

  arrow::Result<BoundLiteral> BindNumber(int scale) const {
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      return At(FloorOf(DecimalNumber{*integer, 0}, scale));
    }
    if (const auto* number = std::get_if<NumberLiteral>(&value)) return At(FloorOf(number->number, scale));
    if (const auto* number = std::get_if<double>(&value)) return AtDouble(*number, scale);
    return DoesNotFit(place, field, value);
  }

  arrow::Result<BoundLiteral> BindPrice() const {
    if (const auto* text = std::get_if<std::string>(&value)) {
      const auto number = ParseDecimal(*text);
      if (!number.ok()) return DoesNotFit(place, field, value, kPriceHint);
      return At(FloorOf(*number, schema::kPricePlaces));
    }
    const auto* number = std::get_if<NumberLiteral>(&value);
    const bool always_price = number != nullptr && number->always_price;
    if (always_price || price == schema::PriceForm::kDecimal) return BindNumber(schema::kPricePlaces);
    if (price == schema::PriceForm::kFloat) return BindPriceAsFloat();
    // As it is stored: a fraction can only be meant as a price, and the stored integers are not prices.
    const auto* floating = std::get_if<double>(&value);
    if ((floating != nullptr && std::isfinite(*floating)) ||
        (number != nullptr && !IsIntegerText(number->text))) {
      return DoesNotFit(place, field, value, kPriceHint);
    }
    if (const auto* integer = std::get_if<int64_t>(&value); doubt == Doubt::kRefused && integer != nullptr &&
                                                            *integer != 0 && *integer > -kLikelyPrice &&
                                                            *integer < kLikelyPrice) {
      return NotUnits(place, field, *integer);
    }
    return BindNumber(0);
  }

  // Compared with the doubles that the scan gives out. Many stored prices may give one double.
  arrow::Result<BoundLiteral> BindPriceAsFloat() const {
    ARROW_ASSIGN_OR_RAISE(BoundLiteral literal, BindFloating());
    if (literal.nan) return literal;
    const double number = literal.number;
    const Int128 reaching = FirstPrice([number](double price) { return price >= number; });
    const Int128 exceeding = FirstPrice([number](double price) { return price > number; });
    literal.equal_begin = literal.side > 0 ? exceeding : reaching;
    literal.equal_end = literal.side < 0 ? reaching : exceeding;
    return literal;
  }

  arrow::Result<BoundLiteral> BindText(const std::string& text, std::optional<int64_t> step) const {
    if (field.type()->id() == Type::DECIMAL128) {
      const auto decimal = ParseDecimal(text);
      if (!decimal.ok()) return DoesNotFit(place, field, value, NumberHint());
      return At(FloorOf(*decimal, static_cast<const arrow::DecimalType&>(*field.type()).scale()));
    }
    if (!step) {
      const bool may_be_time = field.type()->id() == Type::INT64 && ParseAttos(text).ok();
      return DoesNotFit(
          place, field, value,
          may_be_time ? "Only int64 columns whose field metadata says unit=ns take times." : NumberHint());
    }
    const auto attos = ParseAttos(text);
    if (!attos.ok()) return DoesNotFit(place, field, value, attos.status().message());
    return At(FloorOfQuotient(*attos, static_cast<Int128>(*step) * kAttosPerNano));
  }

  // What to do about text where a number is expected.
  std::string NumberHint() const {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr || !ParseDecimal(*text).ok()) return "Numbers stand without quotes.";
    return fmt::format("Write {} without quotes.", *text);
  }

  arrow::Result<BoundLiteral> BindFloating() const {
    BoundLiteral literal;
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      literal.number = static_cast<double>(*integer);
      literal.side = CompareExactly(*integer, literal.number);
      return literal;
    }
    if (const auto* number = std::get_if<NumberLiteral>(&value)) {
      literal.number = NearestDouble(number->text);
      if (IsIntegerText(number->text)) {
        literal.side = CompareExactly(std::string_view(number->text), literal.number);
        return literal;
      }
    } else if (const auto* floating = std::get_if<double>(&value)) {
      literal.number = *floating;
    } else {
      return DoesNotFit(place, field, value, NumberHint());
    }
    // 0.1 means the column's own 0.1, so that a float column finds it.
    if (field.type()->id() == Type::FLOAT) {
      const auto narrow = static_cast<float>(literal.number);
      if (std::isfinite(narrow) && (narrow != 0 || literal.number == 0)) literal.number = narrow;
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
      const std::string unit = schema::UnitOf(field);
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
                                        const Place& place, schema::PriceForm price, Doubt doubt) {
  return LiteralBinder{field, value, place, price, doubt}.Bind(domain);
}

}  // namespace marquet::predicate
