// The tree behind a Predicate, for who prunes by it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "arrow/type_fwd.h"
#include "marquet/predicate/exact_number.h"
#include "marquet/predicate/like_pattern.h"
#include "marquet/predicate/predicate.h"
#include "marquet/schema/column_statistics.h"
#include "marquet/schema/units.h"

namespace marquet::predicate {

// SQL's truth values, ordered so that AND is the minimum, OR the maximum, and NOT is 2 - x.
enum Outcome : uint8_t { kFalse = 0, kUnknown = 1, kTrue = 2 };

enum class CompareOp { kEq, kNe, kLt, kLe, kGt, kGe };

// A literal as binding needs it: numbers that are neither int64 nor double are read, and there are points in
// time.
struct NumberLiteral {
  std::string text;  // as it was written
  DecimalNumber number;
  bool always_price = false;  // beside prices, in whatever form they are given
};
struct TimeLiteral {
  int64_t nanos = 0;
};
using Value = std::variant<Null, bool, int64_t, double, std::string, NumberLiteral, Bytes, TimeLiteral>;

// Where in the text a thing was written; no text for terms that came as lists.
struct Place {
  std::shared_ptr<const std::string> text;
  size_t at = 0;
};

// How the values of a column are compared.
enum class Domain {
  kInteger,   // integers, booleans, times, dates and decimals, by their stored integer
  kFloating,  // IEEE
  kBytes,     // strings and binary
  kNothing,   // the null type, or a comparison with null: unknown for every row
};

struct IntegerRange {
  Int128 begin;
  Int128 end;  // behind the last
};

// A comparison settled against a column's type.
struct BoundTerm {
  std::shared_ptr<arrow::DataType> type;
  std::shared_ptr<arrow::DataType> other_type;  // of the second column
  Domain domain = Domain::kNothing;
  // What holds for every row that is not null, when the literal alone decides (an integer = 2.5).
  std::optional<bool> constant;
  // The comparison that is left, with an operator that may differ from the written one (< 2.5 is <= 2).
  CompareOp op = CompareOp::kEq;
  Int128 integer = 0;
  double number = 0;
  std::string bytes;
  // kIn: sorted, without duplicates. Where a literal equals several stored integers, ranges take the place of
  // all integers: sorted, neither empty nor touching.
  std::vector<Int128> integers;
  std::vector<IntegerRange> ranges;
  std::vector<double> numbers;
  std::vector<std::string> strings;
  bool list_has_null = false;
  // kCompareColumns of the integer domain: the stored integers times these powers of ten are comparable.
  int shift = 0;
  int other_shift = 0;
  Int128 factor = 1;
  Int128 other_factor = 1;
  bool prices_as_float = false;  // of the floating domain: the integers beside the doubles are prices
};

struct PredicateNode {
  enum class Kind {
    kConstant,
    kAnd,
    kOr,
    kNot,
    kCompare,
    kCompareColumns,
    kIn,
    kIsNull,
    kIsNan,
    kLike,
    kColumn
  };

  Kind kind = Kind::kConstant;
  bool constant = true;
  std::vector<std::shared_ptr<const PredicateNode>> children;  // one for kNot
  std::string column;
  std::string other_column;
  CompareOp op = CompareOp::kEq;
  std::vector<Value> values;  // one for kCompare, any number for kIn
  LikePattern like;
  Place column_place;
  Place other_place;
  std::vector<Place> value_places;  // as many as values, or none

  std::shared_ptr<const BoundTerm> bound;  // once bound, for the nodes that name a column
};
using NodePtr = std::shared_ptr<const PredicateNode>;

NodePtr MakeConstant(bool value);
NodePtr MakeNot(NodePtr child);
// Flattens children of the same kind, so that a long chain is wide and not deep.
NodePtr MakeJunction(PredicateNode::Kind kind, std::vector<NodePtr> children);

std::string ToString(CompareOp op);
CompareOp Mirrored(CompareOp op);  // of "b op a" as "a op b"
std::string ToString(const Value& value);

// "...: MESSAGE at byte N" and the line of text with a caret under the place.
arrow::Status ErrorAt(const Place& place, std::string message, std::string hint = {});

// What to do about text that does not stand in single quotes: it, as it should stand.
std::string TextHint(std::string_view text);

arrow::Result<NodePtr> ParseNode(std::string_view text);
arrow::Result<NodePtr> BindNode(const NodePtr& node, const arrow::Schema& schema, schema::PriceForm price,
                                Doubt doubt);
// See Predicate::Outside.
NodePtr OutsideNode(const arrow::Field& field, const schema::ColumnStatistics& statistics);

// The key under which equal values of a column meet: of a valid scalar, and the keys of all values that a
// column may have where a bound predicate is true. Nothing when the predicate does not limit the column to
// some values by = or in.
std::string KeyOf(const arrow::Scalar& value);
bool IsNan(const arrow::Scalar& value);  // false for null and for types without NaN
std::optional<std::vector<std::string>> KeysRequired(const PredicateNode& node, const std::string& column);

arrow::Status EvaluateNode(const PredicateNode& node, const arrow::RecordBatch& batch, uint8_t* outcomes);

}  // namespace marquet::predicate
