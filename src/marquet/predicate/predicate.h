// Row filters: from SQL text or lists of terms, bound to a schema, evaluated exactly and used for pruning.
//
// Semantics: SQL's three-valued logic (a row is kept when the predicate is true, not when it is unknown);
// IEEE for NaN (only `!=` holds for it; it is not null; -0.0 = 0.0); strings by UTF-8 bytes; integers against
// decimals in exact arithmetic; int64 columns whose field metadata says unit=ns, and timestamp and date
// columns, against ISO-8601 text of any year; prices as PriceForm says.
//
// A Predicate is an immutable value, cheap to copy, thread safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/schema/column_statistics.h"
#include "marquet/schema/units.h"

namespace marquet::predicate {

// What becomes of a number that is hardly meant in a column's unit, so that it selects all rows or none: a
// whole number below 1e6, but 0, beside prices as they are stored, in units of 1e-9 (5529 for a price), and
// one above 0 beside integers that count time since 1970 which falls into its first four months (seconds
// beside nanoseconds).
enum class Doubt {
  kRefused,
  kTaken,  // it means what it says, as in filters that were stored before it was refused
};

// A literal as it was written; its type is settled by the column that it is compared with.
struct Null {};
struct Integer {  // one that int64 does not hold: digits alone, perhaps behind a sign
  std::string text;
};
struct Decimal {  // "-0.5", "12", "1e9", of any length and exact
  std::string text;
};
struct Bytes {  // for string and binary columns alone
  std::string bytes;
};
using Literal = std::variant<Null, bool, int64_t, double, std::string, Integer, Decimal, Bytes>;

// One term of a filter list: (column, op, value). `values` holds one literal, two for "between", any number
// for "in" and "not in", none for "is null" and "is not null".
struct Term {
  std::string column;
  std::string
      op;  // == = != <> < <= > >= in "not in" "is null" "is not null" between "not between" like "is nan"
  std::vector<Literal> values;
};

// What can be said of all rows of a file, row group or page at once.
enum class Truth {
  kNever,  // no row can satisfy it: skip
  kMaybe,
  kAlways,  // every row does: no need to evaluate
};

struct PredicateNode;  // internal

class Predicate {
 public:
  Predicate();  // true for every row

  // SQL text. Errors: kInvalidInput with the byte position and a caret line; for text without any predicate.
  static arrow::Result<Predicate> Parse(std::string_view text);

  // Terms joined by AND; lists of such lists joined by OR. kInvalidInput for an unknown operator.
  static arrow::Result<Predicate> FromTerms(const std::vector<Term>& all_of);
  static arrow::Result<Predicate> FromTerms(const std::vector<std::vector<Term>>& any_of);

  static Predicate And(Predicate a, Predicate b);

  // Half-open time range on a column, in nanoseconds since 1970.
  static Predicate TimeRange(std::string column, std::optional<int64_t> start_ns,
                             std::optional<int64_t> end_ns);

  // True, bound already, of the rows of a column that its statistics say are not there: values beyond the
  // bounds, nulls where there are none. Trivial where the statistics say nothing that can be held against
  // rows.
  static Predicate Outside(const arrow::Field& field, const schema::ColumnStatistics& statistics);

  bool trivial() const;  // true for every row
  std::vector<std::string> columns() const;

  // Checks columns and literals against the schema. kNotFound (unknown column, with near names),
  // kInvalidInput (a value that does not fit the column's type, or is hardly meant in its unit). Everything
  // below needs a bound predicate.
  arrow::Result<Predicate> Bind(const arrow::Schema& schema,
                                schema::PriceForm price = schema::PriceForm::kStored,
                                Doubt doubt = Doubt::kRefused) const;

  // One byte a row, 1 where the predicate is true. `selected` is resized. The batch must hold the predicate's
  // columns.
  arrow::Status Evaluate(const arrow::RecordBatch& batch, std::vector<uint8_t>* selected) const;

  // `bounds` gives what is known of a column, nullptr when nothing is; `rows` is the number of rows, -1 when
  // unknown.
  Truth Prune(const std::function<const schema::ColumnStatistics*(const std::string&)>& bounds,
              int64_t rows) const;

  std::string ToString() const;

  const PredicateNode& root() const { return *root_; }  // for the table's own use

 private:
  explicit Predicate(std::shared_ptr<const PredicateNode> root);
  std::shared_ptr<const PredicateNode> root_;
};

}  // namespace marquet::predicate
