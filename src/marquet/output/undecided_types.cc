#include <algorithm>
#include <utility>

#include "arrow/type.h"
#include "marquet/output/undecided_types_internal.h"

namespace marquet::output {
namespace {

bool IsUndecided(const arrow::DataType& type) {
  if (type.id() == arrow::Type::NA) return true;
  return std::any_of(type.fields().begin(), type.fields().end(),
                     [](const auto& field) { return IsUndecided(*field->type()); });
}

bool IsList(arrow::Type::type id) {
  return id == arrow::Type::LIST || id == arrow::Type::LARGE_LIST || id == arrow::Type::LIST_VIEW ||
         id == arrow::Type::LARGE_LIST_VIEW;
}

std::shared_ptr<arrow::DataType> ListOf(arrow::Type::type id, std::shared_ptr<arrow::Field> item) {
  switch (id) {
    case arrow::Type::LARGE_LIST:
      return arrow::large_list(std::move(item));
    case arrow::Type::LIST_VIEW:
      return arrow::list_view(std::move(item));
    case arrow::Type::LARGE_LIST_VIEW:
      return arrow::large_list_view(std::move(item));
    default:
      return arrow::list(std::move(item));
  }
}

std::shared_ptr<arrow::DataType> Decided(const std::shared_ptr<arrow::DataType>& type,
                                         const std::shared_ptr<arrow::DataType>& found) {
  if (!IsUndecided(*type)) return type;
  if (type->id() == arrow::Type::NA) return found;
  if (IsList(type->id()) && IsList(found->id())) {
    const auto& item = type->field(0);
    return ListOf(type->id(), item->WithType(Decided(item->type(), found->field(0)->type())));
  }
  if (type->id() == arrow::Type::MAP && found->id() == arrow::Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(*type);
    const auto& other = static_cast<const arrow::MapType&>(*found);
    return arrow::map(map.key_type(), map.item_field()->WithType(Decided(map.item_type(), other.item_type())),
                      map.keys_sorted());
  }
  if (type->id() != arrow::Type::STRUCT || found->id() != arrow::Type::STRUCT) return type;
  arrow::FieldVector fields;
  for (const auto& field : type->fields()) {
    const auto match = static_cast<const arrow::StructType&>(*found).GetFieldByName(field->name());
    fields.push_back(match == nullptr ? field : field->WithType(Decided(field->type(), match->type())));
  }
  return arrow::struct_(std::move(fields));
}

}  // namespace

std::shared_ptr<arrow::Schema> Decided(const std::shared_ptr<arrow::Schema>& schema,
                                       const arrow::Schema& values, const std::vector<std::string>& late) {
  arrow::FieldVector fields;
  bool same = true;
  for (const auto& field : schema->fields()) {
    const auto found = values.GetFieldByName(field->name());
    fields.push_back(found == nullptr ? field : field->WithType(Decided(field->type(), found->type())));
    same &= fields.back()->type() == field->type() || fields.back()->type()->Equals(*field->type());
  }
  for (const auto& field : values.fields()) {
    if (schema->GetFieldByName(field->name()) != nullptr) continue;
    if (std::find(late.begin(), late.end(), field->name()) == late.end()) continue;
    fields.push_back(field->WithNullable(true));
    same = false;
  }
  return same ? schema : arrow::schema(std::move(fields), schema->metadata());
}

}  // namespace marquet::output
