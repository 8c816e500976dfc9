// What a literal of a predicate means beside a column: prices, times and numbers in the column's own terms.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/predicate/exact_number.h"
#include "marquet/predicate/predicate_node.h"
#include "marquet/schema/units.h"

namespace marquet::predicate {

// Nanoseconds in a step of a column's stored integers, of columns that hold times; nothing for the others.
std::optional<int64_t> NanosPerStep(const arrow::Field& field);

// How a column is compared; kUnsupported for one that cannot be. `place`: of the column's name.
arrow::Result<Domain> DomainOf(const arrow::Field& field, const Place& place);

// A literal in the domain of a column.
struct BoundLiteral {
  bool nan = false;
  // kInteger: the stored integers that the literal equals, none with equal_end == equal_begin; those below
  // equal_begin are less, those from equal_end on are greater.
  Int128 equal_begin = 0;
  Int128 equal_end = 0;
  // kFloating: the double nearest to the literal, and the sign of literal - number.
  double number = 0;
  int side = 0;
  std::string bytes;  // kBytes
};

// The literal in the terms of a column of that domain; kInvalidInput, naming both, where it means nothing
// there, or, unless doubt is taken, is most likely meant in another unit.
arrow::Result<BoundLiteral> BindLiteral(const arrow::Field& field, Domain domain, const Value& value,
                                        const Place& place, schema::PriceForm price, Doubt doubt);

}  // namespace marquet::predicate
