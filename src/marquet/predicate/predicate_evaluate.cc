// Evaluates a bound predicate over a batch: one outcome a row, leaf by leaf, in loops over Arrow's buffers.

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/bit_util.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/predicate/predicate_node.h"
#include "marquet/schema/units.h"

namespace marquet::predicate {
namespace {

using Kind = PredicateNode::Kind;
using arrow::Type;

// Calls `use` with the function object of an operator, so that loops are compiled once for each.
template <typename Use>
void WithOperator(CompareOp op, Use&& use) {
  switch (op) {
    case CompareOp::kEq:
      return use([](const auto& a, const auto& b) { return a == b; });
    case CompareOp::kNe:
      return use([](const auto& a, const auto& b) { return a != b; });
    case CompareOp::kLt:
      return use([](const auto& a, const auto& b) { return a < b; });
    case CompareOp::kLe:
      return use([](const auto& a, const auto& b) { return a <= b; });
    case CompareOp::kGt:
      return use([](const auto& a, const auto& b) { return a > b; });
    case CompareOp::kGe:
      return use([](const auto& a, const auto& b) { return a >= b; });
  }
}

uint8_t OutcomeOf(bool holds) { return holds ? kTrue : kFalse; }

// Rows where the column is null become unknown.
void MarkNulls(const arrow::Array& column, uint8_t* outcomes) {
  if (column.null_count() == 0) return;
  const uint8_t* bitmap = column.null_bitmap_data();
  for (int64_t i = 0; i < column.length(); ++i) {
    if (bitmap == nullptr ? column.IsNull(i) : !arrow::bit_util::GetBit(bitmap, column.offset() + i)) {
      outcomes[i] = kUnknown;
    }
  }
}

// Calls `use` with a typed pointer to the first value of a fixed-width column of at most 64 bits.
template <typename Use>
bool WithValues(const arrow::Array& column, Use&& use) {
  const arrow::ArrayData& data = *column.data();
  switch (column.type_id()) {
    case Type::INT8:
      return use(data.GetValues<int8_t>(1)), true;
    case Type::UINT8:
      return use(data.GetValues<uint8_t>(1)), true;
    case Type::INT16:
      return use(data.GetValues<int16_t>(1)), true;
    case Type::UINT16:
      return use(data.GetValues<uint16_t>(1)), true;
    case Type::INT32:
    case Type::DATE32:
      return use(data.GetValues<int32_t>(1)), true;
    case Type::UINT32:
      return use(data.GetValues<uint32_t>(1)), true;
    case Type::INT64:
    case Type::TIMESTAMP:
    case Type::DATE64:
      return use(data.GetValues<int64_t>(1)), true;
    case Type::UINT64:
      return use(data.GetValues<uint64_t>(1)), true;
    case Type::FLOAT:
      return use(data.GetValues<float>(1)), true;
    case Type::DOUBLE:
      return use(data.GetValues<double>(1)), true;
    default:
      return false;
  }
}

// Calls `use` with a function from row to bytes.
template <typename Use>
void WithBytes(const arrow::Array& column, Use&& use) {
  auto views = [&](const auto& array) {
    use([&array](int64_t i) { return std::string_view(array.GetView(i)); });
  };
  switch (column.type_id()) {
    case Type::STRING:
    case Type::BINARY:
      return views(static_cast<const arrow::BinaryArray&>(column));
    case Type::LARGE_STRING:
    case Type::LARGE_BINARY:
      return views(static_cast<const arrow::LargeBinaryArray&>(column));
    default:
      return views(static_cast<const arrow::BinaryViewArray&>(column));
  }
}

// The stored integer of a row, of any column of the integer domain.
template <typename Use>
void WithIntegers(const arrow::Array& column, Use&& use) {
  if (column.type_id() == Type::BOOL) {
    const auto& array = static_cast<const arrow::BooleanArray&>(column);
    use([&array](int64_t i) { return static_cast<Int128>(array.Value(i)); });
  } else if (column.type_id() == Type::DECIMAL128) {
    const auto& array = static_cast<const arrow::Decimal128Array&>(column);
    use([&array](int64_t i) {
      Int128 value;  // little-endian two's complement, perhaps not aligned
      std::memcpy(&value, array.GetValue(i), sizeof value);
      return value;
    });
  } else {
    WithValues(column, [&](const auto* values) {
      if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(*values)>>) {
        use([values](int64_t i) { return static_cast<Int128>(values[i]); });
      }
    });
  }
}

void CompareWithLiteral(const BoundTerm& term, const arrow::Array& column, uint8_t* outcomes) {
  const int64_t rows = column.length();
  WithOperator(term.op, [&](auto compare) {
    if (term.domain == Domain::kBytes) {
      const std::string_view literal = term.bytes;
      WithBytes(column, [&](auto view) {
        for (int64_t i = 0; i < rows; ++i) outcomes[i] = OutcomeOf(compare(view(i), literal));
      });
    } else if (column.type_id() == Type::BOOL || column.type_id() == Type::DECIMAL128) {
      WithIntegers(column, [&](auto value) {
        for (int64_t i = 0; i < rows; ++i) outcomes[i] = OutcomeOf(compare(value(i), term.integer));
      });
    } else {
      WithValues(column, [&](const auto* values) {
        using T = std::remove_cvref_t<decltype(*values)>;
        if constexpr (std::is_floating_point_v<T>) {
          const double literal = term.number;
          for (int64_t i = 0; i < rows; ++i) {
            outcomes[i] = OutcomeOf(compare(static_cast<double>(values[i]), literal));
          }
        } else {
          const T literal = static_cast<T>(term.integer);  // binding made sure that it fits
          for (int64_t i = 0; i < rows; ++i) outcomes[i] = OutcomeOf(compare(values[i], literal));
        }
      });
    }
  });
}

// True when the sorted list holds the value. Short lists are faster looked through.
template <typename T, typename U>
bool Holds(const std::vector<T>& list, const U& value) {
  if (list.size() <= 8) {
    for (const T& item : list) {
      if (item == value) return true;
    }
    return false;
  }
  const auto at = std::lower_bound(list.begin(), list.end(), value);
  return at != list.end() && *at == value;
}

// True when one of the ranges holds the value.
bool Holds(const std::vector<IntegerRange>& ranges, Int128 value) {
  const auto behind =
      std::upper_bound(ranges.begin(), ranges.end(), value,
                       [](Int128 number, const IntegerRange& range) { return number < range.begin; });
  return behind != ranges.begin() && value < std::prev(behind)->end;
}

void CompareWithList(const BoundTerm& term, const arrow::Array& column, uint8_t* outcomes) {
  const int64_t rows = column.length();
  const uint8_t absent = term.list_has_null ? kUnknown : kFalse;
  auto fill = [&](auto holds) {
    for (int64_t i = 0; i < rows; ++i) outcomes[i] = holds(i) ? uint8_t{kTrue} : absent;
  };
  if (term.domain == Domain::kBytes) {
    WithBytes(column, [&](auto view) { fill([&](int64_t i) { return Holds(term.strings, view(i)); }); });
  } else if (!term.ranges.empty()) {
    WithIntegers(column, [&](auto value) { fill([&](int64_t i) { return Holds(term.ranges, value(i)); }); });
  } else if (column.type_id() == Type::BOOL || column.type_id() == Type::DECIMAL128) {
    WithIntegers(column,
                 [&](auto value) { fill([&](int64_t i) { return Holds(term.integers, value(i)); }); });
  } else {
    WithValues(column, [&](const auto* values) {
      using T = std::remove_cvref_t<decltype(*values)>;
      if constexpr (std::is_floating_point_v<T>) {
        fill([&](int64_t i) {
          const double value = values[i];
          return !std::isnan(value) && Holds(term.numbers, value);
        });
      } else {
        std::vector<T> list;
        list.reserve(term.integers.size());
        for (const Int128 value : term.integers) list.push_back(static_cast<T>(value));
        fill([&](int64_t i) { return Holds(list, values[i]); });
      }
    });
  }
}

// Floating columns, or one of them and one of integers.
void CompareFloatingColumns(const BoundTerm& term, CompareOp op, const arrow::Array& left,
                            const arrow::Array& right, uint8_t* outcomes) {
  const int64_t rows = left.length();
  WithOperator(op, [&](auto compare) {
    auto exact = [&](auto integer, const auto* floats, bool mirrored) {
      for (int64_t i = 0; i < rows; ++i) {
        const double other = floats[i];
        if (term.prices_as_float) {
          const double price = schema::PriceAsFloat(static_cast<int64_t>(integer(i)));
          outcomes[i] = OutcomeOf(mirrored ? compare(other, price) : compare(price, other));
        } else if (std::isnan(other)) {
          outcomes[i] = OutcomeOf(op == CompareOp::kNe);
        } else {
          const int order = CompareExactly(integer(i), other);
          outcomes[i] = OutcomeOf(compare(mirrored ? -order : order, 0));
        }
      }
    };
    WithValues(left, [&](const auto* a) {
      WithValues(right, [&](const auto* b) {
        constexpr bool kLeftFloats = std::is_floating_point_v<std::remove_cvref_t<decltype(*a)>>;
        constexpr bool kRightFloats = std::is_floating_point_v<std::remove_cvref_t<decltype(*b)>>;
        if constexpr (kLeftFloats && kRightFloats) {
          for (int64_t i = 0; i < rows; ++i) {
            outcomes[i] = OutcomeOf(compare(static_cast<double>(a[i]), static_cast<double>(b[i])));
          }
        } else if constexpr (kRightFloats) {
          exact([a](int64_t i) { return static_cast<Int128>(a[i]); }, b, false);
        } else if constexpr (kLeftFloats) {
          exact([b](int64_t i) { return static_cast<Int128>(b[i]); }, a, true);
        }
      });
    });
  });
}

void CompareColumns(const BoundTerm& term, CompareOp op, const arrow::Array& left, const arrow::Array& right,
                    uint8_t* outcomes) {
  const int64_t rows = left.length();
  if (term.domain == Domain::kFloating) return CompareFloatingColumns(term, op, left, right, outcomes);
  WithOperator(op, [&](auto compare) {
    if (term.domain == Domain::kBytes) {
      WithBytes(left, [&](auto a) {
        WithBytes(right, [&](auto b) {
          for (int64_t i = 0; i < rows; ++i) outcomes[i] = OutcomeOf(compare(a(i), b(i)));
        });
      });
      return;
    }
    WithIntegers(left, [&](auto a) {
      WithIntegers(right, [&](auto b) {
        for (int64_t i = 0; i < rows; ++i) {
          if (term.shift == 0 && term.other_shift == 0) {
            outcomes[i] = OutcomeOf(compare(a(i) * term.factor, b(i) * term.other_factor));
          } else {
            const int order = term.shift > 0 ? CompareScaled(a(i), term.shift, b(i))
                                             : -CompareScaled(b(i), term.other_shift, a(i));
            outcomes[i] = OutcomeOf(compare(order, 0));
          }
        }
      });
    });
  });
}

arrow::Result<std::shared_ptr<arrow::Array>> ColumnOf(const arrow::RecordBatch& batch,
                                                      const std::string& name,
                                                      const std::shared_ptr<arrow::DataType>& type) {
  const int index = batch.schema()->GetFieldIndex(name);
  if (index < 0) {
    return NotFound(fmt::format("filter: the batch has no column {}", Quoted(name)));
  }
  const auto& column = batch.schema()->field(index);
  if (!column->type()->Equals(*type)) {
    return SchemaError(fmt::format("filter: column {} is {} in the batch; the filter was bound to {}",
                                   Quoted(name), column->type()->ToString(), type->ToString()));
  }
  return batch.column(index);
}

arrow::Status EvaluateLeaf(const PredicateNode& node, const arrow::RecordBatch& batch, uint8_t* outcomes) {
  if (node.bound == nullptr) {
    return InvalidInput(fmt::format("filter: column {} was not bound to a schema", Quoted(node.column)));
  }
  const BoundTerm& term = *node.bound;
  const int64_t rows = batch.num_rows();
  ARROW_ASSIGN_OR_RAISE(const auto column, ColumnOf(batch, node.column, term.type));
  if (node.kind == Kind::kIsNull) {
    for (int64_t i = 0; i < rows; ++i) outcomes[i] = OutcomeOf(column->IsNull(i));
    return arrow::Status::OK();
  }
  if (term.domain == Domain::kNothing) {
    std::fill_n(outcomes, rows, kUnknown);
    return arrow::Status::OK();
  }
  switch (node.kind) {
    case Kind::kCompare:
      if (term.constant) {
        std::fill_n(outcomes, rows, OutcomeOf(*term.constant));
      } else {
        CompareWithLiteral(term, *column, outcomes);
      }
      break;
    case Kind::kCompareColumns: {
      ARROW_ASSIGN_OR_RAISE(const auto other, ColumnOf(batch, node.other_column, term.other_type));
      CompareColumns(term, node.op, *column, *other, outcomes);
      MarkNulls(*other, outcomes);
      break;
    }
    case Kind::kIn:
      CompareWithList(term, *column, outcomes);
      break;
    case Kind::kIsNan:
      WithValues(*column, [&](const auto* values) {
        if constexpr (std::is_floating_point_v<std::remove_cvref_t<decltype(*values)>>) {
          for (int64_t i = 0; i < rows; ++i) outcomes[i] = OutcomeOf(std::isnan(values[i]));
        }
      });
      break;
    case Kind::kLike:
      WithBytes(*column, [&](auto view) {
        for (int64_t i = 0; i < rows; ++i) outcomes[i] = OutcomeOf(node.like.Matches(view(i)));
      });
      break;
    default:
      return InvalidInput(fmt::format("filter: column {} was not bound to a schema", Quoted(node.column)));
  }
  MarkNulls(*column, outcomes);
  return arrow::Status::OK();
}

}  // namespace

arrow::Status EvaluateNode(const PredicateNode& node, const arrow::RecordBatch& batch, uint8_t* outcomes) {
  const int64_t rows = batch.num_rows();
  switch (node.kind) {
    case Kind::kConstant:
      std::fill_n(outcomes, rows, OutcomeOf(node.constant));
      return arrow::Status::OK();
    case Kind::kNot:
      ARROW_RETURN_NOT_OK(EvaluateNode(*node.children[0], batch, outcomes));
      for (int64_t i = 0; i < rows; ++i) outcomes[i] = static_cast<uint8_t>(kTrue - outcomes[i]);
      return arrow::Status::OK();
    case Kind::kAnd:
    case Kind::kOr: {
      ARROW_RETURN_NOT_OK(EvaluateNode(*node.children[0], batch, outcomes));
      std::vector<uint8_t> other(static_cast<size_t>(rows));
      for (size_t child = 1; child < node.children.size(); ++child) {
        ARROW_RETURN_NOT_OK(EvaluateNode(*node.children[child], batch, other.data()));
        if (node.kind == Kind::kAnd) {
          for (int64_t i = 0; i < rows; ++i)
            outcomes[i] = std::min(outcomes[i], other[static_cast<size_t>(i)]);
        } else {
          for (int64_t i = 0; i < rows; ++i)
            outcomes[i] = std::max(outcomes[i], other[static_cast<size_t>(i)]);
        }
      }
      return arrow::Status::OK();
    }
    default:
      return EvaluateLeaf(node, batch, outcomes);
  }
}

}  // namespace marquet::predicate
