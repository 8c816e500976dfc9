#include "marquet/schema/required.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "arrow/array.h"
#include "arrow/extension_type.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "marquet/base/text.h"
#include "marquet/schema/decoded.h"

namespace marquet::schema {
namespace {

using arrow::Type;
using ArrayPointer = std::shared_ptr<arrow::Array>;

constexpr int64_t kHidden = -1;

// The items that a column of lists uses.
template <typename ListArray>
ArrayPointer ItemsInUse(const ListArray& lists) {
  const int64_t begin = lists.value_offset(0);
  return lists.values()->Slice(begin, lists.value_offset(lists.length()) - begin);
}

ArrayPointer ItemsOf(const arrow::Array& lists) {
  if (lists.length() == 0) return nullptr;
  if (lists.type_id() == Type::LARGE_LIST) {
    return ItemsInUse(static_cast<const arrow::LargeListArray&>(lists));
  }
  return ItemsInUse(static_cast<const arrow::ListArray&>(lists));
}

int64_t LengthOf(const arrow::Array& lists, int64_t row) {
  if (lists.type_id() == Type::LARGE_LIST) {
    return static_cast<const arrow::LargeListArray&>(lists).value_length(row);
  }
  return static_cast<const arrow::ListArray&>(lists).value_length(row);
}

bool AnyRequired(const arrow::Field& field) {
  if (!field.nullable()) return true;
  const arrow::DataType* type = field.type().get();
  while (type->id() == Type::EXTENSION || type->id() == Type::DICTIONARY) {
    type = type->id() == Type::EXTENSION
               ? static_cast<const arrow::ExtensionType*>(type)->storage_type().get()
               : static_cast<const arrow::DictionaryType*>(type)->value_type().get();
  }
  return std::any_of(type->fields().begin(), type->fields().end(),
                     [](const auto& part) { return AnyRequired(*part); });
}

bool IsListOfItems(Type::type id) { return id == Type::LIST || id == Type::LARGE_LIST || id == Type::MAP; }

// False where a look at the counts of nulls shows that none is forbidden.
bool MayHoldNull(const arrow::Array& array, const arrow::Field& field) {
  if (!field.nullable() && array.null_count() > 0) return true;
  const Type::type id = array.type_id();
  if (id == Type::EXTENSION) {
    return MayHoldNull(*static_cast<const arrow::ExtensionArray&>(array).storage(), field);
  }
  if (id == Type::STRUCT) {
    const auto& rows = static_cast<const arrow::StructArray&>(array);
    for (int i = 0; i < rows.num_fields(); ++i) {
      if (MayHoldNull(*rows.field(i), *rows.type()->field(i))) return true;
    }
  } else if (IsListOfItems(id)) {
    const ArrayPointer items = ItemsOf(array);
    return items != nullptr && MayHoldNull(*items, *array.type()->field(0));
  }
  return false;
}

// `owners`: of each place of the array the row of the column, or kHidden where a null row hides it.
std::optional<NullPlace> Find(const arrow::Array& array, const arrow::Field& field, const std::string& path,
                              const std::vector<int64_t>& owners) {
  if (!MayHoldNull(array, field)) return std::nullopt;
  if (array.type_id() == Type::EXTENSION) {
    return Find(*static_cast<const arrow::ExtensionArray&>(array).storage(), field, path, owners);
  }
  if (!field.nullable()) {
    for (int64_t i = 0; i < array.length(); ++i) {
      const int64_t row = owners[static_cast<size_t>(i)];
      if (row != kHidden && array.IsNull(i)) return NullPlace{path, row};
    }
  }
  const arrow::DataType& type = *array.type();
  if (type.id() == Type::STRUCT) {
    const auto& rows = static_cast<const arrow::StructArray&>(array);
    std::vector<int64_t> visible = owners;
    for (int64_t i = 0; i < array.length(); ++i) {
      if (array.IsNull(i)) visible[static_cast<size_t>(i)] = kHidden;
    }
    for (int i = 0; i < type.num_fields(); ++i) {
      const arrow::Field& part = *type.field(i);
      if (auto found = Find(*rows.field(i), part, path + "." + part.name(), visible)) return found;
    }
  } else if (IsListOfItems(type.id())) {
    const ArrayPointer items = ItemsOf(array);
    if (items == nullptr) return std::nullopt;
    std::vector<int64_t> visible;
    visible.reserve(static_cast<size_t>(items->length()));
    for (int64_t i = 0; i < array.length(); ++i) {
      const int64_t owner = array.IsNull(i) ? kHidden : owners[static_cast<size_t>(i)];
      visible.insert(visible.end(), static_cast<size_t>(LengthOf(array, i)), owner);
    }
    const arrow::Field& item = *type.field(0);
    return Find(*items, item, path + "." + item.name(), visible);
  }
  return std::nullopt;
}

std::shared_ptr<arrow::ArrayData> WithoutForbidden(const arrow::ArrayData& data, const arrow::DataType& type,
                                                   bool nullable) {
  if (type.id() == Type::EXTENSION) {
    return WithoutForbidden(data, *static_cast<const arrow::ExtensionType&>(type).storage_type(), nullable);
  }
  auto made = data.Copy();
  if (!nullable && type.id() != Type::NA) {
    made->buffers[0] = nullptr;
    made->null_count = 0;
  }
  for (int i = 0; i < type.num_fields(); ++i) {
    const arrow::Field& part = *type.field(i);
    made->child_data[static_cast<size_t>(i)] =
        WithoutForbidden(*data.child_data[static_cast<size_t>(i)], *part.type(), part.nullable());
  }
  return made;
}

}  // namespace

ArrayPointer WithoutHiddenNulls(const ArrayPointer& column, const arrow::Field& field) {
  if (!AnyRequired(field) || !MayHoldNull(*column, field)) return column;
  return arrow::MakeArray(WithoutForbidden(*column->data(), *column->type(), field.nullable()));
}

arrow::Result<std::optional<NullPlace>> FindForbiddenNull(const ArrayPointer& column,
                                                          const arrow::Field& field) {
  if (!AnyRequired(field)) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const ArrayPointer decoded, Decode(column));
  if (!MayHoldNull(*decoded, field)) return std::nullopt;
  std::vector<int64_t> rows(static_cast<size_t>(decoded->length()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  return Find(*decoded, field, field.name(), rows);
}

std::string Describe(const NullPlace& place, const arrow::Field& field, int64_t first_row) {
  const int64_t row = first_row + place.row;
  if (place.path == field.name()) {
    return fmt::format("column {}: row {} is null, and the column is declared as never null",
                       Quoted(field.name()), row);
  }
  return fmt::format("column {}: row {} has a null in {}, which is declared as never null",
                     Quoted(field.name()), row, Quoted(place.path));
}

}  // namespace marquet::schema
