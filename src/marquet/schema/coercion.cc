#include "marquet/schema/coercion.h"

#include <fmt/format.h>

#include <algorithm>

#include <limits>

#include "arrow/array.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/compute/api_vector.h"
#include "arrow/compute/cast.h"
#include "arrow/extension_type.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "arrow/util/bitmap_ops.h"
#include "arrow/util/key_value_metadata.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/schema/conversion_check.h"
#include "marquet/schema/decimals_internal.h"
#include "marquet/schema/decoded.h"
#include "marquet/schema/extension_meaning_internal.h"
#include "marquet/schema/required.h"
#include "marquet/schema/validity_internal.h"

namespace marquet::schema {
namespace {

using arrow::Type;
using ArrayPointer = std::shared_ptr<arrow::Array>;
using TypePointer = std::shared_ptr<arrow::DataType>;

bool HoldsNanos(const arrow::Field& field) {
  return field.type()->id() == Type::INT64 && field.metadata() != nullptr &&
         field.metadata()->Get("unit").ValueOr("") == "ns";
}

bool IsText(Type::type id) {
  return id == Type::STRING || id == Type::LARGE_STRING || id == Type::STRING_VIEW;
}

bool IsBinary(Type::type id) {
  return id == Type::BINARY || id == Type::LARGE_BINARY || id == Type::BINARY_VIEW ||
         id == Type::FIXED_SIZE_BINARY;
}

bool IsList(Type::type id) {
  return id == Type::LIST || id == Type::LARGE_LIST || id == Type::FIXED_SIZE_LIST || id == Type::LIST_VIEW ||
         id == Type::LARGE_LIST_VIEW;
}

bool IsTimeOfDay(Type::type id) { return id == Type::TIME32 || id == Type::TIME64; }

bool IsDay(Type::type id) { return id == Type::DATE32 || id == Type::DATE64; }

arrow::Result<ArrayPointer> Cast(const ArrayPointer& array, const TypePointer& type) {
  return arrow::compute::Cast(*array, type, arrow::compute::CastOptions::Safe());
}

// The same values under another type of the same layout.
ArrayPointer Reinterpret(const ArrayPointer& array, const TypePointer& type) {
  auto data = array->data()->Copy();
  data->type = type;
  return arrow::MakeArray(std::move(data));
}

arrow::Result<ArrayPointer> ConvertTimes(ArrayPointer array, const TypePointer& to) {
  // Zones only say how a time is shown; the stored integer counts from 1970 UTC, and without a zone it is
  // taken to. So the zone changes by name alone, and only the unit is converted.
  const auto& from_type = static_cast<const arrow::TimestampType&>(*array->type());
  const auto& to_type = static_cast<const arrow::TimestampType&>(*to);
  array = Reinterpret(array, arrow::timestamp(from_type.unit(), to_type.timezone()));
  if (from_type.unit() == to_type.unit()) return array;
  return Cast(array, to);
}

// Arrow's cast counts milliseconds in 32 bits without looking whether they fit.
arrow::Result<ArrayPointer> SecondsToMillis(const arrow::Array& array, const TypePointer& to) {
  constexpr int32_t kMillis = 1'000;
  const auto& seconds = static_cast<const arrow::Time32Array&>(array);
  arrow::Time32Builder builder(to, arrow::default_memory_pool());
  ARROW_RETURN_NOT_OK(builder.Reserve(seconds.length()));
  for (int64_t i = 0; i < seconds.length(); ++i) {
    int32_t millis = 0;
    if (seconds.IsValid(i) && __builtin_mul_overflow(seconds.Value(i), kMillis, &millis)) {
      return arrow::Status::Invalid("row ", i, " holds ", seconds.Value(i), " seconds, which ",
                                    to->ToString(), " does not hold");
    }
    if (seconds.IsValid(i)) {
      builder.UnsafeAppend(millis);
    } else {
      builder.UnsafeAppendNull();
    }
  }
  return builder.Finish();
}

// The items of decoded lists, and where each row's begin among them.
struct Items {
  ArrayPointer values;
  std::vector<int64_t> ends = {0};
};

template <typename ListArray>
Items ItemsIn(const ListArray& lists) {
  Items items;
  if (lists.length() == 0) {
    items.values = lists.values()->Slice(0, 0);
    return items;
  }
  const int64_t begin = lists.value_offset(0);
  items.values = lists.values()->Slice(begin, lists.value_offset(lists.length()) - begin);
  for (int64_t i = 1; i <= lists.length(); ++i) items.ends.push_back(lists.value_offset(i) - begin);
  return items;
}

template <typename Offset>
arrow::Result<std::shared_ptr<arrow::Buffer>> OffsetBuffer(const std::vector<int64_t>& ends, bool sizes) {
  if (ends.back() > std::numeric_limits<Offset>::max()) {
    return arrow::Status::CapacityError("lists with more items than one array holds");
  }
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer,
                        arrow::AllocateBuffer(static_cast<int64_t>(ends.size() * sizeof(Offset))));
  auto* const out = reinterpret_cast<Offset*>(buffer->mutable_data());
  for (size_t i = 0; i < ends.size(); ++i) {
    const int64_t size = i + 1 < ends.size() ? ends[i + 1] - ends[i] : 0;
    out[i] = static_cast<Offset>(sizes ? size : ends[i]);
  }
  return buffer;
}

template <typename Offset>
arrow::Result<ArrayPointer> MakeLists(const arrow::Array& rows, const Items& items,
                                      const ArrayPointer& values, const TypePointer& to) {
  ARROW_ASSIGN_OR_RAISE(auto validity, Validity(rows));
  ARROW_ASSIGN_OR_RAISE(auto offsets, OffsetBuffer<Offset>(items.ends, /*sizes=*/false));
  arrow::BufferVector buffers = {std::move(validity), std::move(offsets)};
  if (to->id() == Type::LIST_VIEW || to->id() == Type::LARGE_LIST_VIEW) {
    ARROW_ASSIGN_OR_RAISE(auto sizes, OffsetBuffer<Offset>(items.ends, /*sizes=*/true));
    buffers.push_back(std::move(sizes));
  }
  return arrow::MakeArray(
      arrow::ArrayData::Make(to, rows.length(), std::move(buffers), {values->data()}, rows.null_count()));
}

// Each row must have as many items as the type says; a null row gets as many nulls.
arrow::Result<ArrayPointer> MakeFixedLists(const arrow::Array& rows, const Items& items,
                                           const ArrayPointer& values, const TypePointer& to) {
  const int64_t size = static_cast<const arrow::FixedSizeListType&>(*to).list_size();
  arrow::Int64Builder places;
  for (int64_t i = 0; i < rows.length(); ++i) {
    const auto row = static_cast<size_t>(i);
    const int64_t found = items.ends[row + 1] - items.ends[row];
    if (rows.IsValid(i) && found != size) {
      return arrow::Status::Invalid("row ", i, " has ", found, " items; expected ", size);
    }
    for (int64_t k = 0; k < size; ++k) {
      ARROW_RETURN_NOT_OK(rows.IsValid(i) ? places.Append(items.ends[row] + k) : places.AppendNull());
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto indices, places.Finish());
  ARROW_ASSIGN_OR_RAISE(const auto padded, arrow::compute::Take(*values, *indices));
  ARROW_ASSIGN_OR_RAISE(auto validity, Validity(rows));
  return arrow::MakeArray(
      arrow::ArrayData::Make(to, rows.length(), {std::move(validity)}, {padded->data()}, rows.null_count()));
}

arrow::Result<ArrayPointer> Convert(const ArrayPointer& given, const arrow::Field& field);

arrow::Result<ArrayPointer> ConvertLists(const ArrayPointer& array, const TypePointer& to) {
  const Items items = array->type_id() == Type::LARGE_LIST
                          ? ItemsIn(static_cast<const arrow::LargeListArray&>(*array))
                          : ItemsIn(static_cast<const arrow::ListArray&>(*array));
  ARROW_ASSIGN_OR_RAISE(const ArrayPointer values, Convert(items.values, *to->field(0)));
  if (to->id() == Type::FIXED_SIZE_LIST) return MakeFixedLists(*array, items, values, to);
  const bool large = to->id() == Type::LARGE_LIST || to->id() == Type::LARGE_LIST_VIEW;
  return large ? MakeLists<int64_t>(*array, items, values, to)
               : MakeLists<int32_t>(*array, items, values, to);
}

// The place among a struct's fields of the one called `name`. The entries of maps are told by their order:
// every engine names them as it likes.
int PlaceInStruct(const arrow::DataType& from, const arrow::DataType& to, int target, bool entries) {
  if (entries) return target;
  return static_cast<const arrow::StructType&>(from).GetFieldIndex(to.field(target)->name());
}

arrow::Result<ArrayPointer> ConvertStruct(const ArrayPointer& array, const TypePointer& to, bool entries) {
  const auto& rows = static_cast<const arrow::StructArray&>(*array);
  std::vector<std::shared_ptr<arrow::ArrayData>> parts;
  for (int i = 0; i < to->num_fields(); ++i) {
    const int place = PlaceInStruct(*array->type(), *to, i, entries);
    ArrayPointer part;
    if (place < 0) {
      ARROW_ASSIGN_OR_RAISE(part, arrow::MakeArrayOfNull(to->field(i)->type(), array->length()));
    } else {
      ARROW_ASSIGN_OR_RAISE(part, Convert(rows.field(place), *to->field(i)));
    }
    parts.push_back(part->data());
  }
  ARROW_ASSIGN_OR_RAISE(auto validity, Validity(rows));
  return arrow::MakeArray(
      arrow::ArrayData::Make(to, rows.length(), {std::move(validity)}, std::move(parts), rows.null_count()));
}

arrow::Result<ArrayPointer> ConvertMap(const ArrayPointer& array, const TypePointer& to) {
  const Items items = array->type_id() == Type::LARGE_LIST
                          ? ItemsIn(static_cast<const arrow::LargeListArray&>(*array))
                          : ItemsIn(static_cast<const arrow::ListArray&>(*array));
  ARROW_ASSIGN_OR_RAISE(const ArrayPointer entries,
                        ConvertStruct(items.values, to->field(0)->type(), /*entries=*/true));
  if (const auto entry = EntryWithoutKey(*entries)) {
    const auto row = std::upper_bound(items.ends.begin(), items.ends.end(), *entry) - items.ends.begin() - 1;
    return arrow::Status::Invalid("row ", row, " has a null among the keys of its map");
  }
  return MakeLists<int32_t>(*array, items, entries, to);
}

arrow::Result<ArrayPointer> ConvertToDictionary(const ArrayPointer& array, const arrow::Field& field) {
  const auto& to = static_cast<const arrow::DictionaryType&>(*field.type());
  ARROW_ASSIGN_OR_RAISE(const ArrayPointer values, Convert(array, *field.WithType(to.value_type())));
  ARROW_ASSIGN_OR_RAISE(const arrow::Datum encoded, arrow::compute::DictionaryEncode(values));
  const auto made = std::static_pointer_cast<arrow::DictionaryArray>(encoded.make_array());
  ARROW_ASSIGN_OR_RAISE(const ArrayPointer indices, Cast(made->indices(), to.index_type()));
  return arrow::DictionaryArray::FromArrays(field.type(), indices, made->dictionary());
}

arrow::Result<ArrayPointer> Convert(const ArrayPointer& given, const arrow::Field& field) {
  const TypePointer& to = field.type();
  if (given->type()->Equals(*to)) return given;
  ARROW_ASSIGN_OR_RAISE(ArrayPointer array, Decode(given));
  if (array->type()->Equals(*to)) return array;
  if (array->type_id() == Type::NA) return arrow::MakeArrayOfNull(to, array->length());
  if (to->id() == Type::DICTIONARY) return ConvertToDictionary(array, field);
  if (array->type_id() == Type::EXTENSION) {
    return Convert(static_cast<const arrow::ExtensionArray&>(*array).storage(), field);
  }
  if (to->id() == Type::EXTENSION) {
    const auto& storage = static_cast<const arrow::ExtensionType&>(*to).storage_type();
    ARROW_ASSIGN_OR_RAISE(const ArrayPointer stored, Convert(array, *field.WithType(storage)));
    return arrow::ExtensionType::WrapArray(to, stored);
  }
  if (to->id() == Type::MAP) return ConvertMap(array, to);
  if (IsList(to->id())) return ConvertLists(array, to);
  if (to->id() == Type::STRUCT) return ConvertStruct(array, to, /*entries=*/false);
  if (array->type_id() == Type::TIMESTAMP) {
    if (to->id() == Type::TIMESTAMP) return ConvertTimes(array, to);
    const auto& zone = static_cast<const arrow::TimestampType&>(*array->type()).timezone();
    ARROW_ASSIGN_OR_RAISE(array, Cast(array, arrow::timestamp(arrow::TimeUnit::NANO, zone)));
    return Reinterpret(array, to);
  }
  if (array->type()->Equals(*arrow::time32(arrow::TimeUnit::SECOND)) && to->id() == Type::TIME32) {
    return SecondsToMillis(*array, to);
  }
  const bool is_exact = arrow::is_integer(array->type_id()) || arrow::is_decimal(array->type_id());
  if (is_exact && arrow::is_decimal(to->id())) return ToDecimals(*array, to);
  return Cast(array, to);
}

// Of an item of a list or a field of a struct. pandas has no integers with nulls inside of them but as
// floating numbers, so these convert where they are whole.
bool PartConvertible(const arrow::DataType& from, const arrow::Field& to) {
  return Convertible(from, to) || (arrow::is_floating(from.id()) && arrow::is_integer(to.type()->id()));
}

// Whether each field of one struct has its place in another, and fields that the first lacks may be null.
bool PartsConvert(const arrow::DataType& from, const arrow::DataType& to) {
  const auto& source = static_cast<const arrow::StructType&>(from);
  const auto& target = static_cast<const arrow::StructType&>(to);
  const bool all_placed = std::all_of(from.fields().begin(), from.fields().end(), [&](const auto& field) {
    const int place = target.GetFieldIndex(field->name());
    return place >= 0 && source.GetFieldIndex(field->name()) >= 0 &&
           PartConvertible(*field->type(), *target.field(place));
  });
  return all_placed && std::all_of(to.fields().begin(), to.fields().end(), [&](const auto& field) {
           return field->nullable() || source.GetFieldIndex(field->name()) >= 0;
         });
}

// `from`: the item of a list, or the entry of a map.
bool EntriesConvert(const arrow::DataType& from, const arrow::MapType& to) {
  return from.id() == Type::STRUCT && from.num_fields() == 2 &&
         PartConvertible(*from.field(0)->type(), *to.key_field()) &&
         PartConvertible(*from.field(1)->type(), *to.item_field());
}

}  // namespace

bool Convertible(const arrow::DataType& from, const arrow::Field& to) {
  const arrow::DataType& target = *to.type();
  if (from.Equals(target)) return true;
  const Type::type a = from.id();
  const Type::type b = target.id();
  if (a == Type::DICTIONARY) {
    return Convertible(*static_cast<const arrow::DictionaryType&>(from).value_type(), to);
  }
  if (a == Type::RUN_END_ENCODED) {
    return Convertible(*static_cast<const arrow::RunEndEncodedType&>(from).value_type(), to);
  }
  if (b == Type::DICTIONARY) {
    const auto& values = static_cast<const arrow::DictionaryType&>(target).value_type();
    return !arrow::is_nested(values->id()) && Convertible(from, *to.WithType(values));
  }
  if (a == Type::EXTENSION) {
    return Convertible(*static_cast<const arrow::ExtensionType&>(from).storage_type(), to);
  }
  if (b == Type::EXTENSION) {
    return Convertible(from, *to.WithType(static_cast<const arrow::ExtensionType&>(target).storage_type()));
  }
  if (a == Type::NA) return true;
  if (arrow::is_integer(a)) {
    return arrow::is_integer(b) || b == Type::FLOAT || b == Type::DOUBLE || arrow::is_decimal(b);
  }
  if (a == Type::HALF_FLOAT || a == Type::FLOAT)
    return b == Type::DOUBLE || (a == Type::HALF_FLOAT && b == Type::FLOAT);
  if (arrow::is_decimal(a)) return arrow::is_decimal(b);
  if (a == Type::TIMESTAMP) return b == Type::TIMESTAMP || HoldsNanos(to);
  if (IsDay(a)) return IsDay(b);
  if (IsText(a)) return IsText(b);
  if (IsBinary(a)) return IsBinary(b);
  if (IsTimeOfDay(a)) return IsTimeOfDay(b);
  if (a == Type::DURATION) return b == Type::DURATION;
  if (a == Type::STRUCT) return b == Type::STRUCT && PartsConvert(from, target);
  if (a != Type::MAP && !IsList(a)) return false;
  const arrow::DataType& item = *from.field(0)->type();
  if (b == Type::MAP) return EntriesConvert(item, static_cast<const arrow::MapType&>(target));
  return IsList(b) && PartConvertible(item, *target.field(0));
}

arrow::Result<std::shared_ptr<arrow::Array>> CoerceArray(const std::shared_ptr<arrow::Array>& array,
                                                         const arrow::Field& field) {
  if (array->type()->Equals(*field.type())) return array;
  if (!Convertible(*array->type(), field)) {
    return SchemaError(fmt::format("column {} is {}; expected {}", Quoted(field.name()),
                                   array->type()->ToString(), field.type()->ToString()));
  }
  auto converted = Convert(array, field);
  if (!converted.ok()) {
    return InvalidInput(fmt::format("column {}: a value of type {} does not fit {}: {}", Quoted(field.name()),
                                    array->type()->ToString(), field.type()->ToString(),
                                    converted.status().message()));
  }
  return converted;
}

arrow::Result<Coercion> Coercion::Make(std::shared_ptr<arrow::Schema> from,
                                       std::shared_ptr<arrow::Schema> to) {
  Coercion coercion(std::move(from), std::move(to));
  for (const auto& field : coercion.from_->fields()) {
    const int target = coercion.to_->GetFieldIndex(field->name());
    if (target < 0) {
      return SchemaError(fmt::format("there is no column {} in the table", Quoted(field->name())),
                         DidYouMean(field->name(), coercion.to_->field_names()));
    }
    if (coercion.from_->GetFieldIndex(field->name()) < 0) {
      return SchemaError(fmt::format("there are several columns {}", Quoted(field->name())));
    }
    const arrow::Field& wanted = *coercion.to_->field(target);
    if (!Convertible(*field->type(), wanted)) {
      return SchemaError(fmt::format("column {} is {}; expected {}", Quoted(field->name()),
                                     field->type()->ToString(), wanted.type()->ToString()));
    }
    if (const auto* const lost = LostMeaning(*field->type(), *wanted.type())) {
      return SchemaError(
          fmt::format("column {} is {}; expected {}: what {} stores is not the value itself",
                      Quoted(field->name()), field->type()->ToString(), wanted.type()->ToString(),
                      lost->extension_name()),
          "Cast the column to the type that is wanted first: periods to timestamps, intervals to their two "
          "ends.");
    }
  }
  for (const auto& field : coercion.to_->fields()) {
    const int source = coercion.from_->GetFieldIndex(field->name());
    if (source < 0 && !field->nullable()) {
      return SchemaError(fmt::format("column {} is missing, and the table does not allow it to be null",
                                     Quoted(field->name())));
    }
    coercion.sources_.push_back(source);
  }
  return coercion;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> Coercion::Apply(const arrow::RecordBatch& batch,
                                                                   bool check_all) const {
  arrow::ArrayVector columns;
  columns.reserve(sources_.size());
  for (size_t i = 0; i < sources_.size(); ++i) {
    const arrow::Field& field = *to_->field(static_cast<int>(i));
    std::shared_ptr<arrow::Array> column;
    if (sources_[i] < 0) {
      ARROW_ASSIGN_OR_RAISE(column, arrow::MakeArrayOfNull(field.type(), batch.num_rows()));
    } else {
      const ArrayPointer given = batch.column(sources_[i]);
      ARROW_ASSIGN_OR_RAISE(column, CoerceArray(given, field));
      const auto changed = column == given ? std::nullopt : FirstChanged(*given, *column, check_all);
      if (changed) {
        return CorruptData(
            fmt::format("column {}: row {} became another value when it was fitted from {} to {}",
                        Quoted(field.name()), *changed, given->type()->ToString(), field.type()->ToString()));
      }
    }
    ARROW_ASSIGN_OR_RAISE(const auto forbidden, FindForbiddenNull(column, field));
    if (forbidden) return InvalidInput(Describe(*forbidden, field, 0));
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(to_, batch.num_rows(), std::move(columns));
}

}  // namespace marquet::schema
