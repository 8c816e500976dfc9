// Settles every comparison against its column's type: literals become stored integers, doubles or bytes, and
// a comparison that the literal alone decides becomes a constant.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/predicate/predicate_literal.h"
#include "marquet/predicate/predicate_node.h"
#include "marquet/schema/column_hint.h"
#include "marquet/schema/units.h"

namespace marquet::predicate {
namespace {

using Kind = PredicateNode::Kind;
using arrow::Type;

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

// What to do about a name that is not there. One that is compared with a column may be meant as text: in
// double quotes it surely is, and without quotes where no column has a name like it.
std::string HintOfUnknown(const std::string& name, const arrow::Schema& schema, const Place& place,
                          const arrow::Field* compared_with) {
  const bool in_quotes = place.text != nullptr && place.text->substr(place.at, 1) == "\"";
  if (name == "nan" || name == "NaN" || name == "NAN") {
    return "No value equals NaN: write COLUMN is nan, or COLUMN is not nan.";
  }
  std::string hint = schema::ColumnHint(name, schema);
  if (in_quotes) {
    const bool near = !DidYouMean(name, schema.field_names()).empty();
    return TextHint(name) + "; double quotes are for names of columns" + (near ? "; " + hint : "");
  }
  const bool text = compared_with != nullptr && (arrow::is_base_binary_like(compared_with->type()->id()) ||
                                                 compared_with->type()->id() == Type::STRING_VIEW);
  return text ? TextHint(name) + "; " + hint : hint;
}

arrow::Result<std::shared_ptr<arrow::Field>> FindField(const arrow::Schema& schema, const std::string& name,
                                                       const Place& place,
                                                       const std::string& compared_with = {}) {
  const std::vector<int> indices = schema.GetAllFieldIndices(name);
  if (indices.size() == 1) return schema.field(indices[0]);
  if (indices.size() > 1) {
    return ErrorAt(place, fmt::format("there are {} columns named {}", indices.size(), Quoted(name)));
  }
  const auto other = compared_with.empty() ? nullptr : schema.GetFieldByName(compared_with);
  return AsKind(ErrorAt(place, fmt::format("there is no column {}", Quoted(name)),
                        HintOfUnknown(name, schema, place, other.get())),
                ErrorKind::kNotFound);
}

// c op x as a comparison with a stored integer. Equality only with a literal that equals at most one.
void SettleInteger(CompareOp op, const BoundLiteral& x, const std::pair<Int128, Int128>& range,
                   BoundTerm* term) {
  const bool less = op == CompareOp::kLt || op == CompareOp::kLe;
  if (op == CompareOp::kEq || op == CompareOp::kNe) {
    term->op = op;
    term->integer = x.equal_begin;
    const bool held =
        x.equal_begin < x.equal_end && x.equal_begin >= range.first && x.equal_begin <= range.second;
    if (!held) term->constant = op == CompareOp::kNe;
    return;
  }
  // < and >= part the stored integers before those that the literal equals, <= and > behind them.
  const Int128 parting = op == CompareOp::kLt || op == CompareOp::kGe ? x.equal_begin : x.equal_end;
  term->op = less ? CompareOp::kLt : CompareOp::kGe;
  term->integer = parting;
  if (parting > range.second) term->constant = less;
  if (parting <= range.first) term->constant = !less;
}

// The same among doubles: an integer that no double equals lies between two of them.
void SettleFloating(CompareOp op, const BoundLiteral& literal, BoundTerm* term) {
  double number = literal.number;
  if (literal.side != 0) {
    if (op == CompareOp::kEq || op == CompareOp::kNe) {
      term->constant = op == CompareOp::kNe;
      return;
    }
    if (literal.side < 0) number = std::nextafter(number, -HUGE_VAL);  // the double just below the integer
    op = op == CompareOp::kLt || op == CompareOp::kLe ? CompareOp::kLe : CompareOp::kGt;
  }
  term->op = op;
  term->number = number;
}

// The node with what it was bound to.
NodePtr WithTerm(const PredicateNode& node, BoundTerm term) {
  auto bound = std::make_shared<PredicateNode>(node);
  bound->bound = std::make_shared<const BoundTerm>(std::move(term));
  return bound;
}

// c = x, where x equals several stored integers: c >= the first and c < the end.
NodePtr WithinEqual(const PredicateNode& node, const arrow::Field& field, const BoundLiteral& x) {
  const auto bound = [&](CompareOp op, Int128 integer) {
    PredicateNode side = node;
    side.kind = Kind::kCompare;
    side.op = op;
    BoundTerm term;
    term.type = field.type();
    term.domain = Domain::kInteger;
    BoundLiteral parting;
    parting.equal_begin = parting.equal_end = integer;
    SettleInteger(op, parting, RangeOf(*field.type()), &term);
    return WithTerm(side, std::move(term));
  };
  return MakeJunction(Kind::kAnd, {bound(CompareOp::kGe, x.equal_begin), bound(CompareOp::kLt, x.equal_end)});
}

arrow::Result<NodePtr> BindCompare(const PredicateNode& node, const arrow::Field& field,
                                   schema::PriceForm price, Doubt doubt) {
  BoundTerm term;
  term.type = field.type();
  const Place place = node.value_places.empty() ? Place{} : node.value_places[0];
  ARROW_ASSIGN_OR_RAISE(term.domain, DomainOf(field, node.column_place));
  if (std::holds_alternative<Null>(node.values[0])) term.domain = Domain::kNothing;
  if (term.domain == Domain::kNothing) return WithTerm(node, std::move(term));
  ARROW_ASSIGN_OR_RAISE(BoundLiteral literal,
                        BindLiteral(field, term.domain, node.values[0], place, price, doubt));
  if (literal.nan) {
    term.constant = node.op == CompareOp::kNe;
  } else if (term.domain == Domain::kInteger) {
    const bool equality = node.op == CompareOp::kEq || node.op == CompareOp::kNe;
    if (equality && literal.equal_end - literal.equal_begin > 1) {
      NodePtr within = WithinEqual(node, field, literal);
      return node.op == CompareOp::kEq ? within : MakeNot(std::move(within));
    }
    SettleInteger(node.op, literal, RangeOf(*field.type()), &term);
  } else if (term.domain == Domain::kFloating) {
    SettleFloating(node.op, literal, &term);
  } else {
    term.op = node.op;
    term.bytes = std::move(literal.bytes);
  }
  return WithTerm(node, std::move(term));
}

template <typename T>
void SortUnique(std::vector<T>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

// Sorted, those that meet made one.
void MergeRanges(std::vector<IntegerRange>* ranges) {
  std::sort(ranges->begin(), ranges->end(),
            [](const IntegerRange& a, const IntegerRange& b) { return a.begin < b.begin; });
  size_t merged = 0;
  for (const IntegerRange& range : *ranges) {
    if (merged > 0 && range.begin <= (*ranges)[merged - 1].end) {
      (*ranges)[merged - 1].end = std::max((*ranges)[merged - 1].end, range.end);
    } else {
      (*ranges)[merged++] = range;
    }
  }
  ranges->resize(merged);
}

arrow::Result<NodePtr> BindIn(const PredicateNode& node, const arrow::Field& field, schema::PriceForm price,
                              Doubt doubt) {
  BoundTerm term;
  term.type = field.type();
  ARROW_ASSIGN_OR_RAISE(term.domain, DomainOf(field, node.column_place));
  const auto range = RangeOf(*field.type());
  for (size_t i = 0; i < node.values.size(); ++i) {
    if (std::holds_alternative<Null>(node.values[i])) {
      term.list_has_null = true;
      continue;
    }
    const Place place = node.value_places.empty() ? Place{} : node.value_places[i];
    ARROW_ASSIGN_OR_RAISE(BoundLiteral literal,
                          BindLiteral(field, term.domain, node.values[i], place, price, doubt));
    if (literal.nan) continue;  // equal to nothing
    if (term.domain == Domain::kInteger) {
      if (literal.equal_begin >= literal.equal_end) continue;
      const Int128 first = std::max(literal.equal_begin, range.first);
      const Int128 last = std::min(literal.equal_end - 1, range.second);
      if (first == last) term.integers.push_back(first);
      if (first < last) term.ranges.push_back({first, last + 1});
    } else if (term.domain == Domain::kFloating) {
      if (literal.side == 0) term.numbers.push_back(literal.number + 0.0);  // -0.0 becomes 0.0
    } else {
      term.strings.push_back(std::move(literal.bytes));
    }
  }
  SortUnique(&term.integers);
  SortUnique(&term.numbers);
  SortUnique(&term.strings);
  if (!term.ranges.empty()) {
    for (const Int128 value : term.integers) term.ranges.push_back({value, value + 1});
    term.integers.clear();
    MergeRanges(&term.ranges);
  }
  return WithTerm(node, std::move(term));
}

arrow::Result<BoundTerm> BindColumns(const PredicateNode& node, const arrow::Field& left,
                                     const arrow::Field& right, schema::PriceForm price) {
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
    const bool price_beside_float = schema::HoldsPrices(left) || schema::HoldsPrices(right);
    if (price_beside_float && price == schema::PriceForm::kDecimal) {
      return AsKind(ErrorAt(node.other_place,
                            fmt::format("column {} and column {}: a decimal price beside a floating column "
                                        "cannot be compared",
                                        Quoted(left.name()), Quoted(right.name())),
                            "Ask the scan for prices as float."),
                    ErrorKind::kUnsupported);
    }
    term.prices_as_float = price_beside_float && price == schema::PriceForm::kFloat;
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
  auto scale_of = [price](const arrow::Field& field) {
    if (price != schema::PriceForm::kStored && schema::HoldsPrices(field)) return schema::kPricePlaces;
    return field.type()->id() == Type::DECIMAL128
               ? static_cast<const arrow::DecimalType&>(*field.type()).scale()
               : 0;
  };
  // Values are integer / 10^scale: the one with the smaller scale is multiplied up.
  const int difference = scale_of(right) - scale_of(left);
  term.shift = std::max(difference, 0);
  term.other_shift = std::max(-difference, 0);
  return term;
}

}  // namespace

arrow::Result<NodePtr> BindNode(const NodePtr& node, const arrow::Schema& schema, schema::PriceForm price,
                                Doubt doubt) {
  if (node->kind == Kind::kConstant) return node;
  if (!node->children.empty()) {
    auto bound = std::make_shared<PredicateNode>(*node);
    for (NodePtr& child : bound->children) {
      ARROW_ASSIGN_OR_RAISE(child, BindNode(child, schema, price, doubt));
    }
    return NodePtr(bound);
  }
  ARROW_ASSIGN_OR_RAISE(const auto field,
                        FindField(schema, node->column, node->column_place, node->other_column));
  BoundTerm term;
  switch (node->kind) {
    case Kind::kCompare:
      return BindCompare(*node, *field, price, doubt);
    case Kind::kIn:
      return BindIn(*node, *field, price, doubt);
    case Kind::kCompareColumns: {
      ARROW_ASSIGN_OR_RAISE(const auto other,
                            FindField(schema, node->other_column, node->other_place, node->column));
      ARROW_ASSIGN_OR_RAISE(term, BindColumns(*node, *field, *other, price));
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
      term.type = field->type();
      PredicateNode compared = *node;
      compared.kind = Kind::kCompare;
      compared.values.emplace_back(true);
      return WithTerm(compared, std::move(term));
    }
    default:
      break;
  }
  term.type = field->type();
  return WithTerm(*node, std::move(term));
}

}  // namespace marquet::predicate
