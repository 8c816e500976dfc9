// What a literal of a predicate means beside a column: prices, times and numbers in the column's own terms.
// Internal to the room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/table/exact_number.h"
#include "marquet/table/predicate_node.h"

namespace marquet::table {

// Nanoseconds in a step of a column's stored integers, of columns that hold times; nothing for the others.
std::optional<int64_t> NanosPerStep(const arrow::Field& field);

// How a column is compared; kUnsupported for one that cannot be. `place`: of the column's name.
arrow::Result<Domain> DomainOf(const arrow::Field& field, const Place& place);

// A literal in the domain of a column.
struct BoundLiteral {
  bool nan = false;
  Threshold place;                // kInteger
  std::optional<Int128> exactly;  // kFloating: an integer literal, to be compared exactly
  double number = 0;              // kFloating
  std::string bytes;              // kBytes
};

// The literal in the terms of a column of that domain; kInvalidInput, naming both, where it means nothing
// there. Warns of a small integer beside prices, which is most likely meant otherwise.
arrow::Result<BoundLiteral> BindLiteral(const arrow::Field& field, Domain domain, const Value& value,
                                        const Place& place);

}  // namespace marquet::table
