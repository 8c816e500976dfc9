#include "marquet/schema/coercion.h"

#include <fmt/format.h>

#include <algorithm>

#include "arrow/array.h"
#include "arrow/compute/cast.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "arrow/util/key_value_metadata.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::schema {
namespace {

using arrow::Type;

bool HoldsNanos(const arrow::Field& field) {
  return field.type()->id() == Type::INT64 && field.metadata() != nullptr &&
         field.metadata()->Get("unit").ValueOr("") == "ns";
}

bool IsText(Type::type id) {
  return id == Type::STRING || id == Type::LARGE_STRING || id == Type::STRING_VIEW;
}

bool IsBytes(Type::type id) {
  return id == Type::BINARY || id == Type::LARGE_BINARY || id == Type::BINARY_VIEW ||
         id == Type::FIXED_SIZE_BINARY;
}

bool IsTimeOfDay(Type::type id) { return id == Type::TIME32 || id == Type::TIME64; }

bool IsDay(Type::type id) { return id == Type::DATE32 || id == Type::DATE64; }

arrow::Result<std::shared_ptr<arrow::Array>> Cast(const std::shared_ptr<arrow::Array>& array,
                                                  const std::shared_ptr<arrow::DataType>& type) {
  return arrow::compute::Cast(*array, type, arrow::compute::CastOptions::Safe());
}

// The same values under another type of the same layout.
std::shared_ptr<arrow::Array> Reinterpret(const std::shared_ptr<arrow::Array>& array,
                                          const std::shared_ptr<arrow::DataType>& type) {
  auto data = array->data()->Copy();
  data->type = type;
  return arrow::MakeArray(std::move(data));
}

// A dictionary's values, where they are views, in the layout from which Arrow decodes (Polars' categories).
arrow::Result<std::shared_ptr<arrow::Array>> WithoutViews(const std::shared_ptr<arrow::Array>& array) {
  const auto& encoded = static_cast<const arrow::DictionaryArray&>(*array);
  const Type::type id = encoded.dictionary()->type_id();
  if (id != Type::STRING_VIEW && id != Type::BINARY_VIEW) return array;
  ARROW_ASSIGN_OR_RAISE(
      auto values, Cast(encoded.dictionary(), id == Type::STRING_VIEW ? arrow::utf8() : arrow::binary()));
  return arrow::DictionaryArray::FromArrays(encoded.indices(), std::move(values));
}

arrow::Result<std::shared_ptr<arrow::Array>> Convert(std::shared_ptr<arrow::Array> array,
                                                     const arrow::Field& field) {
  const std::shared_ptr<arrow::DataType>& to = field.type();
  if (array->type_id() == Type::DICTIONARY) {
    ARROW_ASSIGN_OR_RAISE(array, WithoutViews(array));
    const auto& values = static_cast<const arrow::DictionaryType&>(*array->type()).value_type();
    ARROW_ASSIGN_OR_RAISE(array, Cast(array, values));
  }
  // Not by Arrow's cast, which gives an array that is cut short where a list is null.
  if (array->type_id() == Type::LIST_VIEW) {
    ARROW_ASSIGN_OR_RAISE(array,
                          arrow::ListArray::FromListView(static_cast<const arrow::ListViewArray&>(*array),
                                                         arrow::default_memory_pool()));
  } else if (array->type_id() == Type::LARGE_LIST_VIEW) {
    ARROW_ASSIGN_OR_RAISE(
        array, arrow::LargeListArray::FromListView(static_cast<const arrow::LargeListViewArray&>(*array),
                                                   arrow::default_memory_pool()));
  }
  if (array->type()->Equals(*to)) return array;
  if (array->type_id() == Type::NA) return arrow::MakeArrayOfNull(to, array->length());
  if (HoldsNanos(field) && array->type_id() == Type::TIMESTAMP) {
    const auto& zone = static_cast<const arrow::TimestampType&>(*array->type()).timezone();
    ARROW_ASSIGN_OR_RAISE(array, Cast(array, arrow::timestamp(arrow::TimeUnit::NANO, zone)));
    return Reinterpret(array, to);
  }
  if (to->id() == Type::TIMESTAMP && array->type_id() == Type::TIMESTAMP) {
    // Zones only say how a time is shown; the stored integer counts from 1970 UTC, and without a zone it is
    // taken to. So the zone changes by name alone, and only the unit is converted.
    const auto& from_type = static_cast<const arrow::TimestampType&>(*array->type());
    const auto& to_type = static_cast<const arrow::TimestampType&>(*to);
    array = Reinterpret(array, arrow::timestamp(from_type.unit(), to_type.timezone()));
    if (from_type.unit() == to_type.unit()) return array;
  }
  return Cast(array, to);
}

// Of two nested types of one kind: whether each part of the first has its place in the second. Arrow's cast
// would leave out the fields of a struct that the other lacks, and knows nothing of unit=ns.
bool PartsConvert(const arrow::DataType& from, const arrow::DataType& to) {
  if (from.id() == Type::STRUCT) {
    const auto& target = static_cast<const arrow::StructType&>(to);
    return std::all_of(from.fields().begin(), from.fields().end(), [&](const auto& field) {
      const int place = target.GetFieldIndex(field->name());
      return place >= 0 && Convertible(*field->type(), *target.field(place)->RemoveMetadata());
    });
  }
  if (from.num_fields() == 0 || from.num_fields() != to.num_fields()) return false;
  for (int i = 0; i < from.num_fields(); ++i) {
    if (!Convertible(*from.field(i)->type(), *to.field(i)->RemoveMetadata())) return false;
  }
  return true;
}

}  // namespace

bool Convertible(const arrow::DataType& from, const arrow::Field& to) {
  const arrow::DataType& target = *to.type();
  if (from.Equals(target)) return true;
  if (from.id() == Type::DICTIONARY) {
    return Convertible(*static_cast<const arrow::DictionaryType&>(from).value_type(), to);
  }
  const Type::type a = from.id();
  const Type::type b = target.id();
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
  if (IsBytes(a)) return IsBytes(b);
  if (IsTimeOfDay(a)) return IsTimeOfDay(b);
  if (a == Type::DURATION) return b == Type::DURATION;
  if (a == Type::LIST_VIEW) return b == Type::LIST && PartsConvert(from, target);
  if (a == Type::LARGE_LIST_VIEW) return b == Type::LARGE_LIST && PartsConvert(from, target);
  return a == b && PartsConvert(from, target);
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
      return SchemaError(fmt::format("column {} is {}; the table's is {}", Quoted(field->name()),
                                     field->type()->ToString(), wanted.type()->ToString()));
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

arrow::Result<std::shared_ptr<arrow::RecordBatch>> Coercion::Apply(const arrow::RecordBatch& batch) const {
  arrow::ArrayVector columns;
  columns.reserve(sources_.size());
  for (size_t i = 0; i < sources_.size(); ++i) {
    const arrow::Field& field = *to_->field(static_cast<int>(i));
    std::shared_ptr<arrow::Array> column;
    if (sources_[i] < 0) {
      ARROW_ASSIGN_OR_RAISE(column, arrow::MakeArrayOfNull(field.type(), batch.num_rows()));
    } else {
      ARROW_ASSIGN_OR_RAISE(column, CoerceArray(batch.column(sources_[i]), field));
    }
    if (!field.nullable() && column->null_count() > 0) {
      return InvalidInput(fmt::format("column {} must not be null; {} of {} rows are", Quoted(field.name()),
                                      column->null_count(), batch.num_rows()));
    }
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(to_, batch.num_rows(), std::move(columns));
}

}  // namespace marquet::schema
