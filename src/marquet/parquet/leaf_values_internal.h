// A question that is put to the flat arrays of which a decoded column is made.
#pragma once

#include "arrow/array.h"
#include "arrow/extension_type.h"
#include "arrow/type.h"

namespace marquet::pq {

// False where `holds` is false of an array that the column consists of, or is itself. Of lists only the items
// in use are looked at. `column`: decoded.
template <typename Holds>
bool HoldsOfLeaves(const arrow::Array& column, const Holds& holds) {
  if (column.length() == 0) return true;
  const auto items_hold = [&](const auto& lists) {
    const int64_t begin = lists.value_offset(0);
    return HoldsOfLeaves(*lists.values()->Slice(begin, lists.value_offset(lists.length()) - begin), holds);
  };
  switch (column.type_id()) {
    case arrow::Type::EXTENSION:
      return HoldsOfLeaves(*static_cast<const arrow::ExtensionArray&>(column).storage(), holds);
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return items_hold(static_cast<const arrow::ListArray&>(column));
    case arrow::Type::LARGE_LIST:
      return items_hold(static_cast<const arrow::LargeListArray&>(column));
    case arrow::Type::STRUCT:
      for (const auto& part : static_cast<const arrow::StructArray&>(column).fields()) {
        if (!HoldsOfLeaves(*part, holds)) return false;
      }
      return true;
    default:
      return holds(column);
  }
}

}  // namespace marquet::pq
