// Settles every comparison against its column's type: literals become stored integers, doubles or bytes, and
// a comparison that the literal alone decides becomes a constant.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/table/predicate_literal.h"
#include "marquet/table/predicate_node.h"

namespace marquet::table {
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
  ARROW_ASSIGN_OR_RAISE(BoundLiteral literal, BindLiteral(field, term.domain, node.values[0], place));
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
    ARROW_ASSIGN_OR_RAISE(BoundLiteral literal, BindLiteral(field, term.domain, node.values[i], place));
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
