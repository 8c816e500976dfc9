#include <algorithm>
#include <array>
#include <string_view>

#include "arrow/extension_type.h"
#include "arrow/type.h"
#include "marquet/schema/extension_meaning_internal.h"

namespace marquet::schema {
namespace {

using arrow::Type;

// Their storage says all that a value is; the name adds how it is shown or checked.
constexpr std::array<std::string_view, 8> kStoredAsMeant = {
    "arrow.uuid",
    "arrow.json",
    "arrow.bool8",
    "arrow.fixed_shape_tensor",
    "arrow.variable_shape_tensor",
    "arrow.timestamp_with_offset",
    "geoarrow.wkb",
    "geoarrow.wkt",
};

bool IsStoredAsMeant(const arrow::ExtensionType& type) {
  return std::find(kStoredAsMeant.begin(), kStoredAsMeant.end(), type.extension_name()) !=
         kStoredAsMeant.end();
}

const arrow::DataType& WithoutEncoding(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::DICTIONARY:
      return WithoutEncoding(*static_cast<const arrow::DictionaryType&>(type).value_type());
    case Type::RUN_END_ENCODED:
      return WithoutEncoding(*static_cast<const arrow::RunEndEncodedType&>(type).value_type());
    default:
      return type;
  }
}

}  // namespace

const arrow::ExtensionType* LostMeaning(const arrow::DataType& from, const arrow::DataType& to) {
  const arrow::DataType& given = WithoutEncoding(from);
  const arrow::DataType& wanted = WithoutEncoding(to);
  if (given.id() == Type::NA || given.Equals(wanted)) return nullptr;
  if (given.id() == Type::EXTENSION) {
    const auto& extension = static_cast<const arrow::ExtensionType&>(given);
    return IsStoredAsMeant(extension) ? LostMeaning(*extension.storage_type(), wanted) : &extension;
  }
  if (wanted.id() == Type::EXTENSION) {
    const auto& extension = static_cast<const arrow::ExtensionType&>(wanted);
    return IsStoredAsMeant(extension) ? LostMeaning(given, *extension.storage_type()) : &extension;
  }
  // The entries of maps are told by their order, the fields of structs by their names.
  const bool entries = wanted.id() == Type::MAP;
  const arrow::DataType& parts = entries ? *given.field(0)->type() : given;
  const arrow::DataType& places = entries ? *wanted.field(0)->type() : wanted;
  for (int i = 0; i < parts.num_fields() && places.num_fields() > 0; ++i) {
    const int place =
        wanted.id() == Type::STRUCT
            ? static_cast<const arrow::StructType&>(wanted).GetFieldIndex(parts.field(i)->name())
            : i;
    if (place < 0) continue;
    if (const auto* const lost = LostMeaning(*parts.field(i)->type(), *places.field(place)->type())) {
      return lost;
    }
  }
  return nullptr;
}

}  // namespace marquet::schema
