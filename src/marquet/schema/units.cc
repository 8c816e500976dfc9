#include "marquet/schema/units.h"

#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"

namespace marquet::schema {

std::string UnitOf(const arrow::Field& field) {
  if (field.metadata() == nullptr) return {};
  return field.metadata()->Get("unit").ValueOr("");
}

bool HoldsPrices(const arrow::Field& field) {
  return field.type()->id() == arrow::Type::INT64 && UnitOf(field) == "1e-9";
}

}  // namespace marquet::schema
