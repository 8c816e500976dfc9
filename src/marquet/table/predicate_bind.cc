// Settles every comparison against its column's type: literals become stored integers, doubles or bytes, and
// a comparison that the literal alone decides becomes a constant.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "arrow/util/key_value_metadata.h"
#include "marquet/base/error.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/table/predicate_node.h"
#include "spdlog/logger.h"

namespace marquet::table {
namespace {

using Kind = PredicateNode::Kind;
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
    "write "
    "the stored integer.";

// Of columns that hold times; nothing for the others.
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

// The range of an integer domain's stored values.
std::pair<Int128, Int128> RangeOf(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::BOOL:
      return {0, 1};
    case Type::INT8:
      return {INT8_MIN, INT8_MAX};
    case Type::UINT8:
      return {0, UINT8_MAX};
    case Type::INT16:
      return {INT16_MIN, INT16_MAX};
    case Type::UINT16:
      return {0, UINT16_MAX};
    case Type::INT32:
    case Type::DATE32:
      return {INT32_MIN, INT32_MAX};
    case Type::UINT32:
      return {0, UINT32_MAX};
    case Type::UINT64:
      return {0, UINT64_MAX};
    case Type::DECIMAL128:
      return {kInt128Min, kInt128Max};
    default:
      return {INT64_MIN, INT64_MAX};
  }
}

// What to do about a name that is not there.
std::string ColumnHint(const std::string& name, const arrow::Schema& schema) {
  const std::vector<std::string> names = schema.field_names();
  std::string hint = DidYouMean(name, names);
  if (!hint.empty()) return hint;
  hint = "the columns are ";
  for (size_t i = 0; i < names.size() && i < 12; ++i) hint += (i == 0 ? "" : ", ") + names[i];
  return hint + (names.size() > 12 ? ", ..." : "");
}

arrow::Result<std::shared_ptr<arrow::Field>> FindField(const arrow::Schema& schema, const std::string& name,
                                                       const Place& place) {
  const std::vector<int> indices = schema.GetAllFieldIndices(name);
  if (indices.size() == 1) return schema.field(indices[0]);
  if (indices.size() > 1) {
    return ErrorAt(place, fmt::format("there are {} columns named {}", indices.size(), Quoted(name)));
  }
  return AsKind(ErrorAt(place, fmt::format("there is no column {}", Quoted(name)), ColumnHint(name, schema)),
                ErrorKind::kNotFound);
}

arrow::Status DoesNotFit(const Place& place, const arrow::Field& field, const Value& value,
                         std::string hint = {}) {
  return ErrorAt(place,
                 fmt::format("{} does not fit column {} of type {}", ToString(value), Quoted(field.name()),
                             field.type()->ToString()),
                 std::move(hint));
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

// A literal in the domain of a column.
struct BoundLiteral {
  bool nan = false;
  Threshold place;                // kInteger
  std::optional<Int128> exactly;  // kFloating: an integer literal, to be compared exactly
  double number = 0;              // kFloating
  std::string bytes;              // kBytes
};

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

// c op x, for a real x between two integers, as a comparison with an integer.
void SettleInteger(CompareOp op, const Threshold& x, const std::pair<Int128, Int128>& range,
                   BoundTerm* term) {
  if (!x.exact) {
    if (op == CompareOp::kEq || op == CompareOp::kNe) {
      term->constant = op == CompareOp::kNe;
      return;
    }
    op = op == CompareOp::kLt || op == CompareOp::kLe ? CompareOp::kLe : CompareOp::kGt;
  }
  term->op = op;
  term->integer = x.floor;
  const bool above = x.floor > range.second;
  const bool below = x.floor < range.first;
  if (!above && !below) return;
  switch (op) {
    case CompareOp::kEq:
      term->constant = false;
      break;
    case CompareOp::kNe:
      term->constant = true;
      break;
    case CompareOp::kLt:
    case CompareOp::kLe:
      term->constant = above;
      break;
    case CompareOp::kGt:
    case CompareOp::kGe:
      term->constant = below;
      break;
  }
}

// The same among doubles: an integer that no double equals lies between two of them.
void SettleFloating(CompareOp op, const BoundLiteral& literal, BoundTerm* term) {
  double number = literal.number;
  const int side = literal.exactly ? CompareExactly(*literal.exactly, number) : 0;
  if (side != 0) {
    if (op == CompareOp::kEq || op == CompareOp::kNe) {
      term->constant = op == CompareOp::kNe;
      return;
    }
    if (side < 0) number = std::nextafter(number, -HUGE_VAL);  // the double just below the integer
    op = op == CompareOp::kLt || op == CompareOp::kLe ? CompareOp::kLe : CompareOp::kGt;
  }
  term->op = op;
  term->number = number;
}

arrow::Result<BoundTerm> BindCompare(const PredicateNode& node, const arrow::Field& field) {
  BoundTerm term;
  const Place place = node.value_places.empty() ? Place{} : node.value_places[0];
  ARROW_ASSIGN_OR_RAISE(term.domain, DomainOf(field, node.column_place));
  if (std::holds_alternative<Null>(node.values[0])) term.domain = Domain::kNothing;
  if (term.domain == Domain::kNothing) return term;
  ARROW_ASSIGN_OR_RAISE(BoundLiteral literal,
                        (LiteralBinder{field, node.values[0], place}.Bind(term.domain)));
  if (literal.nan) {
    term.constant = node.op == CompareOp::kNe;
  } else if (term.domain == Domain::kInteger) {
    SettleInteger(node.op, literal.place, RangeOf(*field.type()), &term);
  } else if (term.domain == Domain::kFloating) {
    SettleFloating(node.op, literal, &term);
  } else {
    term.op = node.op;
    term.bytes = std::move(literal.bytes);
  }
  return term;
}

template <typename T>
void SortUnique(std::vector<T>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

arrow::Result<BoundTerm> BindIn(const PredicateNode& node, const arrow::Field& field) {
  BoundTerm term;
  ARROW_ASSIGN_OR_RAISE(term.domain, DomainOf(field, node.column_place));
  const auto range = RangeOf(*field.type());
  for (size_t i = 0; i < node.values.size(); ++i) {
    if (std::holds_alternative<Null>(node.values[i])) {
      term.list_has_null = true;
      continue;
    }
    const Place place = node.value_places.empty() ? Place{} : node.value_places[i];
    ARROW_ASSIGN_OR_RAISE(BoundLiteral literal,
                          (LiteralBinder{field, node.values[i], place}.Bind(term.domain)));
    if (literal.nan) continue;  // equal to nothing
    if (term.domain == Domain::kInteger) {
      const Int128 value = literal.place.floor;
      if (literal.place.exact && value >= range.first && value <= range.second)
        term.integers.push_back(value);
    } else if (term.domain == Domain::kFloating) {
      if (!literal.exactly || CompareExactly(*literal.exactly, literal.number) == 0) {
        term.numbers.push_back(literal.number + 0.0);  // -0.0 becomes 0.0
      }
    } else {
      term.strings.push_back(std::move(literal.bytes));
    }
  }
  SortUnique(&term.integers);
  SortUnique(&term.numbers);
  SortUnique(&term.strings);
  return term;
}

arrow::Result<BoundTerm> BindColumns(const PredicateNode& node, const arrow::Field& left,
                                     const arrow::Field& right) {
  BoundTerm term;
  ARROW_ASSIGN_OR_RAISE(const Domain a, DomainOf(left, node.column_place));
  ARROW_ASSIGN_OR_RAISE(const Domain b, DomainOf(right, node.other_place));
  term.other_type = right.type();
  const arrow::Status mismatch =
      ErrorAt(node.other_place,
              fmt::format("columns {} of type {} and {} of type {} cannot be compared", Quoted(left.name()),
                          left.type()->ToString(), Quoted(right.name()), right.type()->ToString()));
  if (a == Domain::kNothing || b == Domain::kNothing) return term;
  if ((a == Domain::kBytes) != (b == Domain::kBytes)) return mismatch;
  const Type::type left_id = left.type()->id();
  const Type::type right_id = right.type()->id();
  if ((left_id == Type::BOOL) != (right_id == Type::BOOL)) return mismatch;
  if (a != b) {
    if (left_id == Type::DECIMAL128 || right_id == Type::DECIMAL128)
      return AsKind(mismatch, ErrorKind::kUnsupported);
    if (left_id == Type::TIMESTAMP || right_id == Type::TIMESTAMP || left_id == Type::DATE32 ||
        right_id == Type::DATE32 || left_id == Type::DATE64 || right_id == Type::DATE64) {
      return mismatch;
    }
    term.domain = Domain::kFloating;
    return term;
  }
  term.domain = a;
  if (a != Domain::kInteger) return term;
  const std::optional<int64_t> left_step = NanosPerStep(left);
  const std::optional<int64_t> right_step = NanosPerStep(right);
  if (left_step && right_step) {
    term.factor = *left_step;
    term.other_factor = *right_step;
    if (term.factor == term.other_factor) term.factor = term.other_factor = 1;
    return term;
  }
  // A plain integer against one in a unit compares what is stored; against a timestamp or date it means
  // nothing.
  if ((left_step && left_id != Type::INT64) || (right_step && right_id != Type::INT64)) return mismatch;
  auto scale_of = [](const arrow::DataType& type) {
    return type.id() == Type::DECIMAL128 ? static_cast<const arrow::DecimalType&>(type).scale() : 0;
  };
  // Values are integer / 10^scale: the one with the smaller scale is multiplied up.
  const int difference = scale_of(*right.type()) - scale_of(*left.type());
  term.shift = std::max(difference, 0);
  term.other_shift = std::max(-difference, 0);
  return term;
}

}  // namespace

arrow::Result<NodePtr> BindNode(const NodePtr& node, const arrow::Schema& schema) {
  if (node->kind == Kind::kConstant) return node;
  auto bound = std::make_shared<PredicateNode>(*node);
  if (!node->children.empty()) {
    for (NodePtr& child : bound->children) {
      ARROW_ASSIGN_OR_RAISE(child, BindNode(child, schema));
    }
    return NodePtr(bound);
  }
  ARROW_ASSIGN_OR_RAISE(const auto field, FindField(schema, node->column, node->column_place));
  BoundTerm term;
  switch (node->kind) {
    case Kind::kCompare: {
      ARROW_ASSIGN_OR_RAISE(term, BindCompare(*node, *field));
      break;
    }
    case Kind::kCompareColumns: {
      ARROW_ASSIGN_OR_RAISE(const auto other, FindField(schema, node->other_column, node->other_place));
      ARROW_ASSIGN_OR_RAISE(term, BindColumns(*node, *field, *other));
      break;
    }
    case Kind::kIn: {
      ARROW_ASSIGN_OR_RAISE(term, BindIn(*node, *field));
      break;
    }
    case Kind::kIsNan: {
      ARROW_ASSIGN_OR_RAISE(term.domain, DomainOf(*field, node->column_place));
      if (term.domain != Domain::kFloating) {
        return ErrorAt(node->column_place, fmt::format("'is nan' asks for a floating column; {} is {}",
                                                       Quoted(node->column), field->type()->ToString()));
      }
      break;
    }
    case Kind::kLike: {
      ARROW_ASSIGN_OR_RAISE(term.domain, DomainOf(*field, node->column_place));
      if (term.domain != Domain::kBytes && term.domain != Domain::kNothing) {
        return ErrorAt(node->column_place, fmt::format("'like' asks for a string column; {} is {}",
                                                       Quoted(node->column), field->type()->ToString()));
      }
      break;
    }
    case Kind::kColumn: {
      if (field->type()->id() != Type::BOOL) {
        return ErrorAt(node->column_place, fmt::format("column {} alone is no condition: it is {}, not bool",
                                                       Quoted(node->column), field->type()->ToString()));
      }
      term.domain = Domain::kInteger;
      term.integer = 1;
      bound->kind = Kind::kCompare;
      bound->values.emplace_back(true);
      break;
    }
    default:
      break;
  }
  term.type = field->type();
  bound->bound = std::make_shared<const BoundTerm>(std::move(term));
  return NodePtr(bound);
}

}  // namespace marquet::table
