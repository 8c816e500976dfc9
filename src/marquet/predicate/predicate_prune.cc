// What can be said of all rows at once: for every node, the set of outcomes that some row may have.
//
// Every set is a superset of the truth: bounds that are wider than the values, a null count that is not known
// and a NaN that statistics leave out only add outcomes. A connective combines the sets of its parts as if
// any outcomes could meet in one row.

#include <cmath>

#include "arrow/scalar.h"
#include "arrow/type.h"
#include "marquet/predicate/predicate_literal.h"
#include "marquet/predicate/predicate_node.h"
#include "marquet/schema/column_statistics.h"

namespace marquet::predicate {
namespace {

using Kind = PredicateNode::Kind;
using Bounds = std::function<const schema::ColumnStatistics*(const std::string&)>;
using arrow::Type;

// A set of outcomes: bit 1 << outcome.
using Outcomes = unsigned;
constexpr Outcomes Only(Outcome outcome) { return 1u << outcome; }
constexpr Outcomes kAnything = Only(kFalse) | Only(kUnknown) | Only(kTrue);

template <typename T>
struct Interval {  // every value that is neither null nor NaN lies in it
  std::optional<T> min;
  std::optional<T> max;
};

// The outcomes of "value op literal" for values in the interval.
template <typename T>
Outcomes CompareInterval(CompareOp op, const Interval<T>& in, const T& literal) {
  const bool some_below = !in.min || *in.min < literal;
  const bool some_above = !in.max || *in.max > literal;
  const bool some_equal = (!in.min || *in.min <= literal) && (!in.max || *in.max >= literal);
  bool holds = false;
  bool fails = false;
  switch (op) {
    case CompareOp::kEq:
      holds = some_equal, fails = some_below || some_above;
      break;
    case CompareOp::kNe:
      holds = some_below || some_above, fails = some_equal;
      break;
    case CompareOp::kLt:
      holds = some_below, fails = some_equal || some_above;
      break;
    case CompareOp::kLe:
      holds = some_below || some_equal, fails = some_above;
      break;
    case CompareOp::kGt:
      holds = some_above, fails = some_equal || some_below;
      break;
    case CompareOp::kGe:
      holds = some_above || some_equal, fails = some_below;
      break;
  }
  return (holds ? Only(kTrue) : 0) | (fails ? Only(kFalse) : 0);
}

// The outcomes of "value in list" for a sorted list.
template <typename T, typename Item>
Outcomes ListInterval(const Interval<T>& in, const std::vector<Item>& list, Outcome absent) {
  const auto from = in.min ? std::lower_bound(list.begin(), list.end(), *in.min) : list.begin();
  const bool holds = from != list.end() && (!in.max || T(*from) <= *in.max);
  const bool decided = holds && in.min && in.max && *in.min == *in.max;
  return (holds ? Only(kTrue) : 0) | (decided ? 0 : Only(absent));
}

// The same for sorted ranges.
Outcomes ListInterval(const Interval<Int128>& in, const std::vector<IntegerRange>& ranges, Outcome absent) {
  const auto from =
      in.min ? std::upper_bound(ranges.begin(), ranges.end(), *in.min,
                                [](Int128 number, const IntegerRange& range) { return number < range.end; })
             : ranges.begin();
  const bool holds = from != ranges.end() && (!in.max || from->begin <= *in.max);
  const bool decided = holds && in.min && in.max && from->begin <= *in.min && *in.max < from->end;
  return (holds ? Only(kTrue) : 0) | (decided ? 0 : Only(absent));
}

std::optional<Int128> IntegerOf(const arrow::Scalar* scalar, const arrow::DataType& type) {
  if (scalar == nullptr || !scalar->is_valid || !scalar->type->Equals(type)) return {};
  switch (type.id()) {
    case Type::BOOL:
      return static_cast<const arrow::BooleanScalar&>(*scalar).value;
    case Type::INT8:
      return static_cast<const arrow::Int8Scalar&>(*scalar).value;
    case Type::UINT8:
      return static_cast<const arrow::UInt8Scalar&>(*scalar).value;
    case Type::INT16:
      return static_cast<const arrow::Int16Scalar&>(*scalar).value;
    case Type::UINT16:
      return static_cast<const arrow::UInt16Scalar&>(*scalar).value;
    case Type::INT32:
      return static_cast<const arrow::Int32Scalar&>(*scalar).value;
    case Type::UINT32:
      return static_cast<const arrow::UInt32Scalar&>(*scalar).value;
    case Type::INT64:
      return static_cast<const arrow::Int64Scalar&>(*scalar).value;
    case Type::UINT64:
      return static_cast<const arrow::UInt64Scalar&>(*scalar).value;
    case Type::DATE32:
      return static_cast<const arrow::Date32Scalar&>(*scalar).value;
    case Type::DATE64:
      return static_cast<const arrow::Date64Scalar&>(*scalar).value;
    case Type::TIMESTAMP:
      return static_cast<const arrow::TimestampScalar&>(*scalar).value;
    case Type::DECIMAL128: {
      const arrow::Decimal128 value = static_cast<const arrow::Decimal128Scalar&>(*scalar).value;
      return static_cast<Int128>(
          (static_cast<unsigned __int128>(static_cast<uint64_t>(value.high_bits())) << 64) |
          value.low_bits());
    }
    default:
      return {};
  }
}

std::optional<double> NumberOf(const arrow::Scalar* scalar, const arrow::DataType& type) {
  if (scalar == nullptr || !scalar->is_valid || !scalar->type->Equals(type)) return {};
  const double value = type.id() == Type::FLOAT ? static_cast<const arrow::FloatScalar&>(*scalar).value
                                                : static_cast<const arrow::DoubleScalar&>(*scalar).value;
  if (std::isnan(value)) return {};
  return value;
}

std::optional<std::string_view> BytesOf(const arrow::Scalar* scalar, const arrow::DataType& type) {
  if (scalar == nullptr || !scalar->is_valid || !scalar->type->Equals(type)) return {};
  const auto& binary = static_cast<const arrow::BaseBinaryScalar&>(*scalar);
  if (binary.value == nullptr) return {};
  return std::string_view(*binary.value);
}

template <typename Of>
auto IntervalOf(const schema::ColumnStatistics& statistics, const arrow::DataType& type, Of&& of) {
  using T = typename decltype(of(statistics.min.get(), type))::value_type;
  return Interval<T>{of(statistics.min.get(), type), of(statistics.max.get(), type)};
}

std::string IntegerKey(Int128 value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string NumberKey(double value) {
  value += 0.0;  // -0.0 becomes 0.0
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

Outcomes LikeInterval(const LikePattern& like, const Interval<std::string_view>& in) {
  const std::string_view prefix = like.prefix();
  if (like.literal()) return CompareInterval<std::string_view>(CompareOp::kEq, in, prefix);
  // Matches begin with the prefix: they lie at or above it, and a bound cut to its length equals it.
  const bool below = in.max && in.max->substr(0, prefix.size()) < prefix;
  const bool above = in.min && in.min->substr(0, prefix.size()) > prefix;
  if (below || above) return Only(kFalse);
  const bool inside = in.min && in.max && in.min->starts_with(prefix) && in.max->starts_with(prefix);
  if (like.prefix_decides() && (inside || prefix.empty())) return Only(kTrue);
  return Only(kTrue) | Only(kFalse);
}

// Of the rows that are not null.
Outcomes ValueOutcomes(const PredicateNode& node, const BoundTerm& term,
                       const schema::ColumnStatistics* statistics) {
  static const schema::ColumnStatistics kUnbounded = [] {
    schema::ColumnStatistics nothing;
    nothing.has_nan = true;
    return nothing;
  }();
  if (term.domain == Domain::kNothing) return Only(kUnknown);
  if (node.kind == Kind::kCompare && term.constant) return Only(*term.constant ? kTrue : kFalse);
  const schema::ColumnStatistics& known = statistics == nullptr ? kUnbounded : *statistics;
  const arrow::DataType& type = *term.type;
  const Outcome absent = term.list_has_null ? kUnknown : kFalse;
  switch (node.kind) {
    case Kind::kCompareColumns:
      return Only(kTrue) | Only(kFalse);
    case Kind::kIsNan:
      return (known.has_nan ? Only(kTrue) : 0) | Only(kFalse);
    case Kind::kLike:
      return LikeInterval(node.like, IntervalOf(known, type, BytesOf));
    default:
      break;
  }
  const bool list = node.kind == Kind::kIn;
  switch (term.domain) {
    case Domain::kInteger: {
      const auto interval = IntervalOf(known, type, IntegerOf);
      if (list && !term.ranges.empty()) return ListInterval(interval, term.ranges, absent);
      return list ? ListInterval(interval, term.integers, absent)
                  : CompareInterval(term.op, interval, term.integer);
    }
    case Domain::kFloating: {
      const auto interval = IntervalOf(known, type, NumberOf);
      Outcomes outcomes = list ? ListInterval(interval, term.numbers, absent)
                               : CompareInterval(term.op, interval, term.number);
      // A bound that is absent may be so because every value is NaN.
      if (known.has_nan || !interval.min || !interval.max) {
        outcomes |= list ? Only(absent) : Only(term.op == CompareOp::kNe ? kTrue : kFalse);
      }
      return outcomes;
    }
    default: {
      const auto interval = IntervalOf(known, type, BytesOf);
      return list ? ListInterval(interval, term.strings, absent)
                  : CompareInterval<std::string_view>(term.op, interval, term.bytes);
    }
  }
}

Outcomes LeafOutcomes(const PredicateNode& node, const Bounds& bounds, int64_t rows) {
  if (node.bound == nullptr) return kAnything;
  const schema::ColumnStatistics* statistics = bounds(node.column);
  auto some_null = [&](const schema::ColumnStatistics* of) { return of == nullptr || of->null_count != 0; };
  auto all_null = [&](const schema::ColumnStatistics* of) {
    return of != nullptr && rows > 0 && of->null_count == rows;
  };
  if (node.kind == Kind::kIsNull) {
    return (some_null(statistics) ? Only(kTrue) : 0) | (all_null(statistics) ? 0 : Only(kFalse));
  }
  bool unknown = some_null(statistics);
  bool only_unknown = all_null(statistics);
  if (node.kind == Kind::kCompareColumns) {
    const schema::ColumnStatistics* other = bounds(node.other_column);
    unknown = unknown || some_null(other);
    only_unknown = only_unknown || all_null(other);
  }
  if (only_unknown) return Only(kUnknown);
  return ValueOutcomes(node, *node.bound, statistics) | (unknown ? Only(kUnknown) : 0);
}

Outcomes NodeOutcomes(const PredicateNode& node, const Bounds& bounds, int64_t rows) {
  switch (node.kind) {
    case Kind::kConstant:
      return Only(node.constant ? kTrue : kFalse);
    case Kind::kNot: {
      const Outcomes child = NodeOutcomes(*node.children[0], bounds, rows);
      return (child & Only(kUnknown)) | ((child & Only(kTrue)) != 0 ? Only(kFalse) : 0) |
             ((child & Only(kFalse)) != 0 ? Only(kTrue) : 0);
    }
    case Kind::kAnd:
    case Kind::kOr: {
      Outcomes result = NodeOutcomes(*node.children[0], bounds, rows);
      const Outcomes decided = Only(node.kind == Kind::kAnd ? kFalse : kTrue);
      for (size_t child = 1; child < node.children.size() && result != decided; ++child) {
        const Outcomes other = NodeOutcomes(*node.children[child], bounds, rows);
        Outcomes met = 0;
        for (unsigned a = kFalse; a <= kTrue; ++a) {
          for (unsigned b = kFalse; b <= kTrue; ++b) {
            if ((result >> a & 1) != 0 && (other >> b & 1) != 0) {
              met |= 1u << (node.kind == Kind::kAnd ? std::min(a, b) : std::max(a, b));
            }
          }
        }
        result = met;
      }
      return result;
    }
    default:
      return LeafOutcomes(node, bounds, rows);
  }
}

}  // namespace

bool IsNan(const arrow::Scalar& value) {
  return value.is_valid && arrow::is_floating(value.type->id()) && value.type->id() != Type::HALF_FLOAT &&
         !NumberOf(&value, *value.type);
}

NodePtr OutsideNode(const arrow::Field& field, const schema::ColumnStatistics& statistics) {
  const auto domain = DomainOf(field, {});
  if (!domain.ok() || *domain == Domain::kNothing) return MakeConstant(true);
  const arrow::DataType& type = *field.type();
  std::vector<NodePtr> outside;
  const auto add = [&](Kind kind, CompareOp op, const auto& fill) {
    auto node = std::make_shared<PredicateNode>();
    node->kind = kind;
    node->column = field.name();
    node->op = op;
    auto term = std::make_shared<BoundTerm>();
    term->type = field.type();
    term->domain = *domain;
    term->op = op;
    fill(*term);
    node->bound = std::move(term);
    outside.push_back(std::move(node));
  };
  const auto beyond = [&](CompareOp op, const arrow::Scalar* bound) {
    if (*domain == Domain::kInteger) {
      if (const auto value = IntegerOf(bound, type)) {
        add(Kind::kCompare, op, [&](BoundTerm& term) { term.integer = *value; });
      }
    } else if (*domain == Domain::kFloating) {
      if (const auto value = NumberOf(bound, type)) {
        add(Kind::kCompare, op, [&](BoundTerm& term) { term.number = *value; });
      }
    } else if (const auto value = BytesOf(bound, type)) {
      add(Kind::kCompare, op, [&](BoundTerm& term) { term.bytes = *value; });
    }
  };
  beyond(CompareOp::kLt, statistics.min.get());
  beyond(CompareOp::kGt, statistics.max.get());
  if (statistics.null_count == 0) add(Kind::kIsNull, CompareOp::kEq, [](BoundTerm&) {});
  if (outside.empty()) return MakeConstant(true);
  return outside.size() == 1 ? outside[0] : MakeJunction(Kind::kOr, std::move(outside));
}

std::string KeyOf(const arrow::Scalar& value) {
  switch (value.type->id()) {
    case Type::FLOAT:
    case Type::DOUBLE:
      if (IsNan(value)) return "NaN";  // equals nothing
      return NumberKey(NumberOf(&value, *value.type).value_or(0));
    case Type::STRING:
    case Type::BINARY:
    case Type::LARGE_STRING:
    case Type::LARGE_BINARY:
      return std::string(BytesOf(&value, *value.type).value_or(""));
    default:
      return IntegerKey(IntegerOf(&value, *value.type).value_or(0));
  }
}

std::optional<std::vector<std::string>> KeysRequired(const PredicateNode& node, const std::string& column) {
  if (node.kind == Kind::kAnd) {
    for (const NodePtr& child : node.children) {
      if (auto keys = KeysRequired(*child, column)) return keys;
    }
    return {};
  }
  if (node.column != column || node.bound == nullptr) return {};
  const BoundTerm& term = *node.bound;
  const bool equal = node.kind == Kind::kCompare && term.op == CompareOp::kEq && !term.constant;
  if (!equal && node.kind != Kind::kIn) return {};
  std::vector<std::string> keys;
  switch (term.domain) {
    case Domain::kInteger:
      if (equal) return std::vector<std::string>{IntegerKey(term.integer)};
      if (!term.ranges.empty()) return {};
      for (const Int128 value : term.integers) keys.push_back(IntegerKey(value));
      return keys;
    case Domain::kFloating:
      if (equal) return std::vector<std::string>{NumberKey(term.number)};
      for (const double value : term.numbers) keys.push_back(NumberKey(value));
      return keys;
    case Domain::kBytes:
      if (equal) return std::vector<std::string>{term.bytes};
      return term.strings;
    case Domain::kNothing:
      return {};
  }
  return {};
}

Truth Predicate::Prune(const Bounds& bounds, int64_t rows) const {
  const Outcomes outcomes = NodeOutcomes(*root_, bounds, rows);
  if ((outcomes & Only(kTrue)) == 0) return Truth::kNever;
  return outcomes == Only(kTrue) ? Truth::kAlways : Truth::kMaybe;
}

}  // namespace marquet::predicate
