#include "marquet/schema/decoded.h"
#include "marquet/schema/validity_internal.h"

#include <algorithm>
#include <limits>

#include "arrow/array.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/array/util.h"
#include "arrow/buffer_builder.h"
#include "arrow/compute/api_vector.h"
#include "arrow/compute/cast.h"
#include "arrow/compute/initialize.h"
#include "arrow/extension_type.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "arrow/util/bitmap_ops.h"

namespace marquet::schema {
namespace {

using arrow::Type;
using ArrayPointer = std::shared_ptr<arrow::Array>;
using TypePointer = std::shared_ptr<arrow::DataType>;

std::shared_ptr<arrow::Field> DecodedField(const std::shared_ptr<arrow::Field>& field) {
  const TypePointer type = DecodedType(field->type());
  return type == field->type() ? field : field->WithType(type);
}

// Makes Arrow's kernels available; the first call does the work.
arrow::Status InitializeKernels() {
  static const arrow::Status status = arrow::compute::Initialize();
  return status;
}

// The rows of `values` at `indices`, null where an index is.
arrow::Result<ArrayPointer> TakeRows(const ArrayPointer& values, const arrow::Array& indices) {
  ARROW_RETURN_NOT_OK(InitializeKernels());
  return arrow::compute::Take(*values, indices);
}

struct ListRange {
  int64_t begin = 0;
  int64_t length = 0;
};

// Lists of any layout, where row i that is not null holds values[range_of(i)], as lists of `type` whose items
// lie one after the other.
template <typename Offset, typename RangeOf>
arrow::Result<ArrayPointer> GatherLists(const ArrayPointer& lists, const ArrayPointer& values,
                                        const TypePointer& type, const RangeOf& range_of) {
  const int64_t rows = lists->length();
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> offsets,
                        arrow::AllocateBuffer((rows + 1) * static_cast<int64_t>(sizeof(Offset))));
  auto* const ends = reinterpret_cast<Offset*>(offsets->mutable_data());
  ends[0] = 0;
  int64_t total = 0, first = values->length(), last = 0;
  bool contiguous = true, holes = false;
  for (int64_t i = 0; i < rows; ++i) {
    const ListRange range = lists->IsNull(i) ? ListRange{} : range_of(i);
    if (range.begin < 0 || range.length < 0 || range.begin > values->length() - range.length) {
      return arrow::Status::Invalid("row ", i, " has the items ", range.begin, " to ",
                                    range.begin + range.length, " of ", values->length());
    }
    if (range.length > 0) {
      contiguous &= total == 0 || range.begin == last;
      first = std::min(first, range.begin);
      last = std::max(last, range.begin + range.length);
    } else if (lists->IsNull(i)) {
      holes |= range_of(i).length > 0;
    }
    total += range.length;
    if (total > std::numeric_limits<Offset>::max()) {
      return arrow::Status::CapacityError("lists with more items than one array holds");
    }
    ends[i + 1] = static_cast<Offset>(total);
  }
  first = std::min(first, last);
  ARROW_ASSIGN_OR_RAISE(ArrayPointer used, values->SliceSafe(first, last - first));
  ARROW_ASSIGN_OR_RAISE(ArrayPointer items, Decode(used));
  if (!contiguous) {
    arrow::Int64Builder order;
    ARROW_RETURN_NOT_OK(order.Reserve(total));
    for (int64_t i = 0; i < rows; ++i) {
      if (lists->IsNull(i)) continue;
      const ListRange range = range_of(i);
      for (int64_t k = 0; k < range.length; ++k) order.UnsafeAppend(range.begin - first + k);
    }
    ARROW_ASSIGN_OR_RAISE(const auto indices, order.Finish());
    ARROW_ASSIGN_OR_RAISE(items, TakeRows(items, *indices));
  } else if (items == used && !holes && type == lists->type()) {
    return lists;
  }
  if (type->id() == Type::MAP) {
    if (const auto entry = EntryWithoutKey(*items)) {
      const auto row = std::upper_bound(ends, ends + rows + 1, static_cast<Offset>(*entry)) - ends - 1;
      return arrow::Status::Invalid("row ", row, " has a null among the keys of its map");
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto validity, Validity(*lists));
  return arrow::MakeArray(arrow::ArrayData::Make(type, rows, {std::move(validity), std::move(offsets)},
                                                 {items->data()}, lists->null_count()));
}

bool HoldsLists(const arrow::DataType& type) {
  return std::any_of(type.fields().begin(), type.fields().end(), [](const auto& field) {
    return arrow::is_list_like(field->type()->id()) || HoldsLists(*field->type());
  });
}

template <typename ListArray>
arrow::Result<ArrayPointer> DecodeLists(const ArrayPointer& array) {
  const TypePointer type = DecodedType(array->type());
  if (array->length() == 0) return type == array->type() ? array : arrow::MakeEmptyArray(type);
  // Only null rows can have items that need to go.
  if (type == array->type() && array->null_count() == 0 && !HoldsLists(*type)) return array;
  const auto& lists = static_cast<const ListArray&>(*array);
  using Offset = std::conditional_t<std::is_same_v<ListArray, arrow::LargeListArray> ||
                                        std::is_same_v<ListArray, arrow::LargeListViewArray>,
                                    int64_t, int32_t>;
  return GatherLists<Offset>(array, lists.values(), type, [&](int64_t i) {
    return ListRange{lists.value_offset(i), lists.value_length(i)};
  });
}

arrow::Result<ArrayPointer> DecodeStruct(const ArrayPointer& array) {
  const auto& rows = static_cast<const arrow::StructArray&>(*array);
  bool same = true;
  std::vector<std::shared_ptr<arrow::ArrayData>> parts;
  for (const ArrayPointer& part : rows.fields()) {
    ARROW_ASSIGN_OR_RAISE(const ArrayPointer decoded, Decode(part));
    same &= decoded == part;
    parts.push_back(decoded->data());
  }
  if (same) return array;
  ARROW_ASSIGN_OR_RAISE(auto validity, Validity(rows));
  return arrow::MakeArray(arrow::ArrayData::Make(DecodedType(array->type()), rows.length(),
                                                 {std::move(validity)}, std::move(parts), rows.null_count()));
}

arrow::Result<ArrayPointer> DecodeExtension(const ArrayPointer& array) {
  const ArrayPointer storage = static_cast<const arrow::ExtensionArray&>(*array).storage();
  ARROW_ASSIGN_OR_RAISE(ArrayPointer decoded, Decode(storage));
  if (decoded == storage) return array;
  // An extension of a type that has another decoded form cannot be made of that; its values stay.
  if (!decoded->type()->Equals(*storage->type())) return decoded;
  return arrow::ExtensionType::WrapArray(array->type(), decoded);
}

// The run of each row, by a walk over the ends.
template <typename RunEnd>
arrow::Result<ArrayPointer> RunsOfRows(const arrow::RunEndEncodedArray& array) {
  const auto& ends = static_cast<const arrow::NumericArray<RunEnd>&>(*array.run_ends());
  arrow::Int64Builder runs;
  ARROW_RETURN_NOT_OK(runs.Reserve(array.length()));
  int64_t run = 0;
  for (int64_t i = 0; i < array.length(); ++i) {
    while (run < ends.length() && static_cast<int64_t>(ends.Value(run)) <= array.offset() + i) ++run;
    runs.UnsafeAppend(run);  // one beyond the last is refused when it is taken
  }
  return runs.Finish();
}

arrow::Result<ArrayPointer> DecodeRuns(const ArrayPointer& array) {
  const auto& encoded = static_cast<const arrow::RunEndEncodedArray&>(*array);
  ARROW_ASSIGN_OR_RAISE(const ArrayPointer values, Decode(encoded.values()));
  ArrayPointer runs;
  switch (encoded.run_ends()->type_id()) {
    case Type::INT16: {
      ARROW_ASSIGN_OR_RAISE(runs, RunsOfRows<arrow::Int16Type>(encoded));
      break;
    }
    case Type::INT32: {
      ARROW_ASSIGN_OR_RAISE(runs, RunsOfRows<arrow::Int32Type>(encoded));
      break;
    }
    default: {
      ARROW_ASSIGN_OR_RAISE(runs, RunsOfRows<arrow::Int64Type>(encoded));
      break;
    }
  }
  return TakeRows(values, *runs);
}

// As TakeRows, of views, which Arrow does not take. The text itself is shared.
arrow::Result<ArrayPointer> TakeViews(const arrow::Array& values, const arrow::Array& indices) {
  ARROW_RETURN_NOT_OK(InitializeKernels());
  ARROW_ASSIGN_OR_RAISE(const ArrayPointer numbers, arrow::compute::Cast(indices, arrow::int64()));
  const auto& places = static_cast<const arrow::Int64Array&>(*numbers);
  using View = arrow::BinaryViewType::c_type;
  const auto* const from = values.data()->GetValues<View>(1);
  arrow::TypedBufferBuilder<View> views;
  arrow::TypedBufferBuilder<bool> valid;
  ARROW_RETURN_NOT_OK(views.Reserve(places.length()));
  ARROW_RETURN_NOT_OK(valid.Reserve(places.length()));
  for (int64_t i = 0; i < places.length(); ++i) {
    const int64_t place = places.IsValid(i) ? places.Value(i) : 0;
    if (place < 0 || place >= values.length()) {
      return arrow::Status::IndexError("row ", i, " has the index ", place, " into a dictionary of ",
                                       values.length());
    }
    const bool is_value = places.IsValid(i) && values.IsValid(place);
    views.UnsafeAppend(is_value ? from[place] : View{});
    valid.UnsafeAppend(is_value);
  }
  arrow::BufferVector buffers = values.data()->buffers;
  ARROW_ASSIGN_OR_RAISE(buffers[0], valid.Finish());
  ARROW_ASSIGN_OR_RAISE(buffers[1], views.Finish());
  return arrow::MakeArray(arrow::ArrayData::Make(values.type(), places.length(), std::move(buffers)));
}

arrow::Result<ArrayPointer> DecodeDictionary(const ArrayPointer& array) {
  const auto& encoded = static_cast<const arrow::DictionaryArray&>(*array);
  const ArrayPointer& dictionary = encoded.dictionary();
  const bool views = dictionary->type_id() == Type::STRING_VIEW || dictionary->type_id() == Type::BINARY_VIEW;
  // A few rows of many categories need no other text than their own.
  if (views && dictionary->length() > array->length()) {
    ARROW_ASSIGN_OR_RAISE(const ArrayPointer rows, TakeViews(*dictionary, *encoded.indices()));
    return Decode(rows);
  }
  ARROW_ASSIGN_OR_RAISE(const ArrayPointer values, Decode(dictionary));
  return TakeRows(values, *encoded.indices());
}

arrow::Result<ArrayPointer> DecodeView(const ArrayPointer& array, const TypePointer& type) {
  ARROW_RETURN_NOT_OK(InitializeKernels());
  return arrow::compute::Cast(*array, type, arrow::compute::CastOptions::Safe());
}

}  // namespace

TypePointer DecodedType(const TypePointer& type) {
  const auto part = [&](int i) { return DecodedField(type->field(i)); };
  switch (type->id()) {
    case Type::DICTIONARY:
      return DecodedType(static_cast<const arrow::DictionaryType&>(*type).value_type());
    case Type::RUN_END_ENCODED:
      return DecodedType(static_cast<const arrow::RunEndEncodedType&>(*type).value_type());
    case Type::STRING_VIEW:
      return arrow::utf8();
    case Type::BINARY_VIEW:
      return arrow::binary();
    case Type::LIST:
    case Type::LARGE_LIST: {
      const auto item = part(0);
      if (item == type->field(0)) return type;
      return type->id() == Type::LIST ? arrow::list(item) : arrow::large_list(item);
    }
    case Type::LIST_VIEW:
    case Type::FIXED_SIZE_LIST:
      return arrow::list(part(0));
    case Type::LARGE_LIST_VIEW:
      return arrow::large_list(part(0));
    case Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(*type);
      const auto key = DecodedField(map.key_field()), item = DecodedField(map.item_field());
      if (key == map.key_field() && item == map.item_field()) return type;
      return std::make_shared<arrow::MapType>(key, item, map.keys_sorted());
    }
    case Type::STRUCT: {
      arrow::FieldVector parts;
      bool same = true;
      for (int i = 0; i < type->num_fields(); ++i) {
        parts.push_back(part(i));
        same &= parts.back() == type->field(i);
      }
      return same ? type : arrow::struct_(std::move(parts));
    }
    case Type::EXTENSION: {
      const auto& storage = static_cast<const arrow::ExtensionType&>(*type).storage_type();
      const TypePointer decoded = DecodedType(storage);
      return decoded == storage ? type : decoded;
    }
    default:
      return type;
  }
}

std::optional<int64_t> EntryWithoutKey(const arrow::Array& entries) {
  // Also makes the counts known, without which Arrow takes there to be nulls.
  if (entries.data()->GetNullCount() == 0 && entries.data()->child_data[0]->GetNullCount() == 0) return {};
  const ArrayPointer keys = static_cast<const arrow::StructArray&>(entries).field(0);
  for (int64_t i = 0; i < entries.length(); ++i) {
    if (entries.IsNull(i) || keys->IsNull(i)) return i;
  }
  return {};
}

std::shared_ptr<arrow::Schema> DecodedSchema(const std::shared_ptr<arrow::Schema>& schema) {
  arrow::FieldVector fields;
  bool same = true;
  for (const auto& field : schema->fields()) {
    fields.push_back(DecodedField(field));
    same &= fields.back() == field;
  }
  return same ? schema : arrow::schema(std::move(fields), schema->metadata());
}

arrow::Result<ArrayPointer> Decode(const ArrayPointer& array) {
  switch (array->type_id()) {
    case Type::DICTIONARY:
      return DecodeDictionary(array);
    case Type::RUN_END_ENCODED:
      return DecodeRuns(array);
    case Type::STRING_VIEW:
      return DecodeView(array, arrow::utf8());
    case Type::BINARY_VIEW:
      return DecodeView(array, arrow::binary());
    case Type::LIST:
      return DecodeLists<arrow::ListArray>(array);
    case Type::MAP:
      return DecodeLists<arrow::MapArray>(array);
    case Type::LARGE_LIST:
      return DecodeLists<arrow::LargeListArray>(array);
    case Type::LIST_VIEW:
      return DecodeLists<arrow::ListViewArray>(array);
    case Type::LARGE_LIST_VIEW:
      return DecodeLists<arrow::LargeListViewArray>(array);
    case Type::FIXED_SIZE_LIST: {
      const auto& lists = static_cast<const arrow::FixedSizeListArray&>(*array);
      const int64_t size = static_cast<const arrow::FixedSizeListType&>(*array->type()).list_size();
      return GatherLists<int32_t>(array, lists.values(), DecodedType(array->type()), [&](int64_t i) {
        return ListRange{(lists.offset() + i) * size, size};
      });
    }
    case Type::STRUCT:
      return DecodeStruct(array);
    case Type::EXTENSION:
      return DecodeExtension(array);
    default:
      return array;
  }
}

}  // namespace marquet::schema
