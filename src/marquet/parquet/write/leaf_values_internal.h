// A question that is put to the flat arrays of which a decoded column is made.
#pragma once

#include "arrow/array.h"
#include "arrow/extension_type.h"
#include "arrow/type.h"

namespace marquet::pq {

// False where `holds` is false of an array that the column consists of, or is itself. Of lists only the items
// in use are looked at; what lies behind null rows of structs and lists is no value, and null in the arrays
// where `holds` would be false for it. `column`: decoded.
template <typename Holds>
bool HoldsOfLeaves(const arrow::Array& column, const Holds& holds) {
  if (column.length() == 0) return true;
  const auto items_hold = [&](const auto& lists) {
    const auto hold = [&](int64_t begin, int64_t end) {
      const int64_t first = lists.value_offset(begin);
      return HoldsOfLeaves(*lists.values()->Slice(first, lists.value_offset(end) - first), holds);
    };
    if (hold(0, lists.length())) return true;
    if (lists.null_count() == 0) return false;
    for (int64_t i = 0; i < lists.length(); ++i) {
      if (lists.IsValid(i) && !hold(i, i + 1)) return false;
    }
    return true;
  };
  switch (column.type_id()) {
    case arrow::Type::EXTENSION:
      return HoldsOfLeaves(*static_cast<const arrow::ExtensionArray&>(column).storage(), holds);
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return items_hold(static_cast<const arrow::ListArray&>(column));
    case arrow::Type::LARGE_LIST:
      return items_hold(static_cast<const arrow::LargeListArray&>(column));
    case arrow::Type::STRUCT: {
      const auto& rows = static_cast<const arrow::StructArray&>(column);
      for (int i = 0; i < rows.num_fields(); ++i) {
        if (HoldsOfLeaves(*rows.field(i), holds)) continue;
        if (rows.null_count() == 0) return false;
        const auto part = rows.GetFlattenedField(i);  // null where the row is
        if (!part.ok() || !HoldsOfLeaves(**part, holds)) return false;
      }
      return true;
    }
    default:
      return holds(column);
  }
}

}  // namespace marquet::pq
