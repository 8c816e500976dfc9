#include "marquet/schema/field_names.h"

#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::schema {
namespace {

std::string Folded(std::string name) {
  for (char& letter : name) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return name;
}

arrow::Status CheckBelow(const arrow::DataType& type, const std::string& path);

// `path`: of the struct whose fields these are, empty for columns.
arrow::Status CheckOf(const arrow::FieldVector& fields, const std::string& path) {
  std::unordered_map<std::string, std::string> names;
  for (const auto& field : fields) {
    const auto [other, is_new] = names.emplace(Folded(field->name()), field->name());
    if (!is_new) {
      return SchemaError(
          fmt::format("{}there are two {} {} and {}; names must differ by more than case",
                      path.empty() ? "" : fmt::format("column {}: ", Quoted(path)),
                      path.empty() ? "columns" : "fields", Quoted(other->second), Quoted(field->name())),
          "Rename one of them.");
    }
    const std::string below = path.empty() ? field->name() : path + "." + field->name();
    ARROW_RETURN_NOT_OK(CheckBelow(*field->type(), below));
  }
  return arrow::Status::OK();
}

arrow::Status CheckBelow(const arrow::DataType& type, const std::string& path) {
  if (type.id() == arrow::Type::STRUCT) return CheckOf(type.fields(), path);
  if (type.id() == arrow::Type::DICTIONARY) {
    return CheckBelow(*static_cast<const arrow::DictionaryType&>(type).value_type(), path);
  }
  for (const auto& field : type.fields()) {  // lists, maps and what else has parts
    ARROW_RETURN_NOT_OK(CheckBelow(*field->type(), path + "." + field->name()));
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Status CheckStructNames(const arrow::FieldVector& fields) {
  for (const auto& field : fields) ARROW_RETURN_NOT_OK(CheckBelow(*field->type(), field->name()));
  return arrow::Status::OK();
}

arrow::Status CheckFieldNames(const arrow::FieldVector& fields) { return CheckOf(fields, ""); }

}  // namespace marquet::schema
