#include "marquet/predicate/predicate.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/predicate/predicate_node.h"
#include "marquet/schema/column_statistics.h"
#include "marquet/schema/units.h"

namespace marquet::predicate {
namespace {

using Kind = PredicateNode::Kind;

std::string QuotedName(const std::string& name) {
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string QuotedString(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + '\'';
}

std::string NodeText(const PredicateNode& node) {
  switch (node.kind) {
    case Kind::kConstant:
      return node.constant ? "true" : "false";
    case Kind::kAnd:
    case Kind::kOr: {
      std::string text;
      for (const NodePtr& child : node.children) {
        if (!text.empty()) text += node.kind == Kind::kAnd ? " and " : " or ";
        text += NodeText(*child);
      }
      return "(" + text + ")";
    }
    case Kind::kNot:
      return "not (" + NodeText(*node.children[0]) + ")";
    case Kind::kCompare:
      return QuotedName(node.column) + " " + ToString(node.op) + " " + ToString(node.values[0]);
    case Kind::kCompareColumns:
      return QuotedName(node.column) + " " + ToString(node.op) + " " + QuotedName(node.other_column);
    case Kind::kIn: {
      std::string list;
      for (const Value& value : node.values) list += (list.empty() ? "" : ", ") + ToString(value);
      return QuotedName(node.column) + " in (" + list + ")";
    }
    case Kind::kIsNull:
      return QuotedName(node.column) + " is null";
    case Kind::kIsNan:
      return QuotedName(node.column) + " is nan";
    case Kind::kLike: {
      std::string text = QuotedName(node.column) + " like " + QuotedString(node.like.pattern());
      if (!node.like.escape().empty()) text += " escape " + QuotedString(node.like.escape());
      return text;
    }
    case Kind::kColumn:
      return QuotedName(node.column);
  }
  return {};
}

void CollectColumns(const PredicateNode& node, std::set<std::string>* columns) {
  if (!node.column.empty() || !node.other_column.empty()) columns->insert(node.column);
  if (node.kind == Kind::kCompareColumns) columns->insert(node.other_column);
  for (const NodePtr& child : node.children) CollectColumns(*child, columns);
}

arrow::Result<Value> ReadNumber(const std::string& text, bool always_price) {
  ARROW_ASSIGN_OR_RAISE(const DecimalNumber number, ParseDecimal(text));
  return NumberLiteral{text, number, always_price};
}

arrow::Result<Value> FromLiteral(const Literal& literal) {
  if (const auto* integer = std::get_if<Integer>(&literal)) return ReadNumber(integer->text, false);
  if (const auto* decimal = std::get_if<Decimal>(&literal)) return ReadNumber(decimal->text, true);
  return std::visit(
      [](const auto& value) -> Value {
        if constexpr (std::is_constructible_v<Value, decltype(value)>) return value;
        return Null{};  // Integer and Decimal are read above
      },
      literal);
}

arrow::Result<NodePtr> FromTerm(const Term& term) {
  std::string op;
  for (const char c : term.op) {
    if (c == ' ' && (op.empty() || op.back() == ' ')) continue;
    op.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  while (!op.empty() && op.back() == ' ') op.pop_back();
  const bool negated = op.starts_with("not ") || op.starts_with("is not ");
  if (op.starts_with("not ")) op.erase(0, 4);
  if (op.starts_with("is not ")) op.erase(3, 4);

  auto expect = [&](size_t count, std::string_view what) -> arrow::Status {
    if (term.values.size() == count) return arrow::Status::OK();
    return InvalidInput(fmt::format("filter: ({}, {}) takes {}, not {} values", Quoted(term.column),
                                    Quoted(term.op), what, term.values.size()));
  };
  auto node = std::make_shared<PredicateNode>();
  node->column = term.column;
  for (const Literal& literal : term.values) {
    ARROW_ASSIGN_OR_RAISE(Value value, FromLiteral(literal));
    node->values.push_back(std::move(value));
  }

  static const std::map<std::string, CompareOp> kOperators = {
      {"=", CompareOp::kEq}, {"==", CompareOp::kEq}, {"!=", CompareOp::kNe}, {"<>", CompareOp::kNe},
      {"<", CompareOp::kLt}, {"<=", CompareOp::kLe}, {">", CompareOp::kGt},  {">=", CompareOp::kGe}};
  NodePtr result;
  if (const auto found = kOperators.find(op); found != kOperators.end() && !negated) {
    ARROW_RETURN_NOT_OK(expect(1, "one value"));
    node->kind = Kind::kCompare;
    node->op = found->second;
    result = node;
  } else if (op == "in") {
    node->kind = Kind::kIn;
    result = node;
  } else if (op == "is null" || op == "is nan") {
    ARROW_RETURN_NOT_OK(expect(0, "no value"));
    node->kind = op == "is null" ? Kind::kIsNull : Kind::kIsNan;
    result = node;
  } else if (op == "between") {
    ARROW_RETURN_NOT_OK(expect(2, "a pair of values"));
    auto high = std::make_shared<PredicateNode>(*node);
    node->kind = high->kind = Kind::kCompare;
    node->op = CompareOp::kGe;
    high->op = CompareOp::kLe;
    node->values.pop_back();
    high->values.erase(high->values.begin());
    result = MakeJunction(Kind::kAnd, {node, high});
  } else if (op == "like") {
    ARROW_RETURN_NOT_OK(expect(1, "one pattern"));
    const auto* pattern = std::get_if<std::string>(&term.values[0]);
    if (pattern == nullptr) {
      return InvalidInput(
          fmt::format("filter: the pattern of like on {} must be a string", Quoted(term.column)));
    }
    node->kind = Kind::kLike;
    node->values.clear();
    ARROW_ASSIGN_OR_RAISE(node->like, LikePattern::Make(*pattern, {}));
    result = node;
  } else {
    return InvalidInput(
        fmt::format("filter: unknown operator {} on column {}", Quoted(term.op), Quoted(term.column)),
        "Operators are = == != <> < <= > >=, in, between, like, is null, is nan, and not before them.");
  }
  return negated ? MakeNot(result) : result;
}

}  // namespace

NodePtr MakeConstant(bool value) {
  auto node = std::make_shared<PredicateNode>();
  node->constant = value;
  return node;
}

NodePtr MakeNot(NodePtr child) {
  if (child->kind == Kind::kNot) return child->children[0];
  auto node = std::make_shared<PredicateNode>();
  node->kind = Kind::kNot;
  node->children.push_back(std::move(child));
  return node;
}

NodePtr MakeJunction(Kind kind, std::vector<NodePtr> children) {
  auto node = std::make_shared<PredicateNode>();
  node->kind = kind;
  for (NodePtr& child : children) {
    if (child->kind == kind) {
      node->children.insert(node->children.end(), child->children.begin(), child->children.end());
    } else if (child->kind != Kind::kConstant || child->constant != (kind == Kind::kAnd)) {
      node->children.push_back(std::move(child));
    }
  }
  if (node->children.empty()) return MakeConstant(kind == Kind::kAnd);
  if (node->children.size() == 1) return node->children[0];
  return node;
}

std::string ToString(CompareOp op) {
  switch (op) {
    case CompareOp::kEq:
      return "=";
    case CompareOp::kNe:
      return "!=";
    case CompareOp::kLt:
      return "<";
    case CompareOp::kLe:
      return "<=";
    case CompareOp::kGt:
      return ">";
    case CompareOp::kGe:
      return ">=";
  }
  return {};
}

CompareOp Mirrored(CompareOp op) {
  switch (op) {
    case CompareOp::kLt:
      return CompareOp::kGt;
    case CompareOp::kLe:
      return CompareOp::kGe;
    case CompareOp::kGt:
      return CompareOp::kLt;
    case CompareOp::kGe:
      return CompareOp::kLe;
    default:
      return op;
  }
}

std::string ToString(const Value& value) {
  struct Printer {
    std::string operator()(const Null&) const { return "null"; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(int64_t i) const { return std::to_string(i); }
    std::string operator()(double d) const {
      std::string text = fmt::format("{}", d);
      // Keeps it a decimal when it is read again.
      if (std::isfinite(d) && text.find_first_of(".e") == std::string::npos) text += ".0";
      return text;
    }
    std::string operator()(const std::string& s) const { return QuotedString(s); }
    std::string operator()(const NumberLiteral& n) const { return n.text; }
    std::string operator()(const Bytes& b) const { return QuotedString(b.bytes); }
    std::string operator()(const TimeLiteral& t) const { return QuotedString(FormatNanos(t.nanos)); }
  };
  return std::visit(Printer{}, value);
}

Predicate::Predicate() : root_(MakeConstant(true)) {}
Predicate::Predicate(std::shared_ptr<const PredicateNode> root) : root_(std::move(root)) {}

Predicate Predicate::Outside(const arrow::Field& field, const schema::ColumnStatistics& statistics) {
  return Predicate(OutsideNode(field, statistics));
}

arrow::Result<Predicate> Predicate::Parse(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(NodePtr root, ParseNode(text));
  return Predicate(std::move(root));
}

arrow::Result<Predicate> Predicate::FromTerms(const std::vector<Term>& all_of) {
  std::vector<NodePtr> nodes;
  for (const Term& term : all_of) {
    ARROW_ASSIGN_OR_RAISE(NodePtr node, FromTerm(term));
    nodes.push_back(std::move(node));
  }
  return Predicate(MakeJunction(Kind::kAnd, std::move(nodes)));
}

arrow::Result<Predicate> Predicate::FromTerms(const std::vector<std::vector<Term>>& any_of) {
  if (any_of.empty()) return Predicate();
  std::vector<NodePtr> nodes;
  for (const std::vector<Term>& all_of : any_of) {
    ARROW_ASSIGN_OR_RAISE(Predicate part, FromTerms(all_of));
    if (part.trivial()) return Predicate();
    nodes.push_back(part.root_);
  }
  return Predicate(MakeJunction(Kind::kOr, std::move(nodes)));
}

Predicate Predicate::And(Predicate a, Predicate b) {
  return Predicate(MakeJunction(Kind::kAnd, {std::move(a.root_), std::move(b.root_)}));
}

Predicate Predicate::TimeRange(std::string column, std::optional<int64_t> start_ns,
                               std::optional<int64_t> end_ns) {
  std::vector<NodePtr> nodes;
  auto add = [&](CompareOp op, int64_t nanos) {
    auto node = std::make_shared<PredicateNode>();
    node->kind = Kind::kCompare;
    node->column = column;
    node->op = op;
    node->values.emplace_back(TimeLiteral{nanos});
    nodes.push_back(std::move(node));
  };
  if (start_ns) add(CompareOp::kGe, *start_ns);
  if (end_ns) add(CompareOp::kLt, *end_ns);
  return Predicate(MakeJunction(Kind::kAnd, std::move(nodes)));
}

bool Predicate::trivial() const { return root_->kind == Kind::kConstant && root_->constant; }

std::vector<std::string> Predicate::columns() const {
  std::set<std::string> columns;
  CollectColumns(*root_, &columns);
  return {columns.begin(), columns.end()};
}

arrow::Result<Predicate> Predicate::Bind(const arrow::Schema& schema, schema::PriceForm price,
                                         Doubt doubt) const {
  ARROW_ASSIGN_OR_RAISE(NodePtr root, BindNode(root_, schema, price, doubt));
  return Predicate(std::move(root));
}

arrow::Status Predicate::Evaluate(const arrow::RecordBatch& batch, std::vector<uint8_t>* selected) const {
  selected->resize(static_cast<size_t>(batch.num_rows()));
  ARROW_RETURN_NOT_OK(EvaluateNode(*root_, batch, selected->data()));
  for (uint8_t& outcome : *selected) outcome = outcome == kTrue;
  return arrow::Status::OK();
}

std::string Predicate::ToString() const { return NodeText(*root_); }

}  // namespace marquet::predicate
