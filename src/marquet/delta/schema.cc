#include "marquet/delta/schema.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <charconv>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/json_document.h"
#include "marquet/delta/json_text.h"

namespace marquet::delta {
namespace {

using arrow::DataType;
using arrow::Field;
using arrow::Type;

arrow::Status NoSuchType(const std::string& field, const DataType& type, std::string_view instead) {
  return SchemaError(fmt::format("column '{}' has type {}, which Delta tables lack", field, type.ToString()),
                     std::string(instead));
}

arrow::Status AppendFields(const arrow::FieldVector& fields, const std::string& prefix, std::string* out);

arrow::Status AppendType(const DataType& type, const std::string& field, std::string* out) {
  const auto name = [out](std::string_view text) {
    AppendJsonString(text, out);
    return arrow::Status::OK();
  };
  switch (type.id()) {
    case Type::INT8:
      return name("byte");
    case Type::INT16:
      return name("short");
    case Type::INT32:
      return name("integer");
    case Type::INT64:
      return name("long");
    case Type::FLOAT:
      return name("float");
    case Type::DOUBLE:
      return name("double");
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
      return name("string");
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
      return name("binary");
    case Type::BOOL:
      return name("boolean");
    case Type::DATE32:
      return name("date");
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      if (decimal.scale() < 0 || decimal.scale() > decimal.precision()) {
        return NoSuchType(field, type, "Use a scale between 0 and the precision.");
      }
      return name(fmt::format("decimal({},{})", decimal.precision(), decimal.scale()));
    }
    case Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      if (timestamp.timezone().empty()) {
        return NoSuchType(field, type, "Use timestamp[us, UTC]: a time without a zone needs table features.");
      }
      if (timestamp.unit() != arrow::TimeUnit::MICRO) {
        return NoSuchType(
            field, type,
            "Use timestamp[us, UTC], or int64 with the field metadata unit=ns to keep nanoseconds.");
      }
      return name("timestamp");
    }
    case Type::LIST:
    case Type::LARGE_LIST: {
      const auto& list = static_cast<const arrow::BaseListType&>(type);
      out->append("{\"type\":\"array\",\"elementType\":");
      ARROW_RETURN_NOT_OK(AppendType(*list.value_type(), field + ".element", out));
      out->append(list.value_field()->nullable() ? ",\"containsNull\":true}" : ",\"containsNull\":false}");
      return arrow::Status::OK();
    }
    case Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      out->append("{\"type\":\"map\",\"keyType\":");
      ARROW_RETURN_NOT_OK(AppendType(*map.key_type(), field + ".key", out));
      out->append(",\"valueType\":");
      ARROW_RETURN_NOT_OK(AppendType(*map.item_type(), field + ".value", out));
      out->append(map.item_field()->nullable() ? ",\"valueContainsNull\":true}"
                                               : ",\"valueContainsNull\":false}");
      return arrow::Status::OK();
    }
    case Type::STRUCT:
      return AppendFields(type.fields(), field + ".", out);
    case Type::UINT8:
      return NoSuchType(field, type, "Use int16, which holds every uint8.");
    case Type::UINT16:
      return NoSuchType(field, type, "Use int32, which holds every uint16.");
    case Type::UINT32:
      return NoSuchType(field, type, "Use int64, which holds every uint32.");
    case Type::UINT64:
      return NoSuchType(field, type, "Use int64 where the values fit, else decimal128(20, 0).");
    case Type::DICTIONARY:
      return NoSuchType(field, type, "Use the dictionary's value type; Parquet makes its own dictionaries.");
    case Type::NA:
      return NoSuchType(field, type, "Give the column the type that its values will have.");
    case Type::HALF_FLOAT:
      return NoSuchType(field, type, "Use float, which holds every half float.");
    case Type::DECIMAL32:
    case Type::DECIMAL64:
      return NoSuchType(field, type, "Use decimal128 of the same precision and scale.");
    case Type::DECIMAL256:
      return NoSuchType(field, type, "Use decimal128 where 38 digits hold the values, else a string.");
    case Type::DATE64:
      return NoSuchType(field, type, "Use date32, or timestamp[us, UTC] where the time of day counts.");
    case Type::TIME32:
    case Type::TIME64:
      return NoSuchType(field, type, "Use int64 of nanoseconds since midnight, or a string.");
    case Type::DURATION:
      return NoSuchType(field, type, "Use int64 of the same unit; a field's metadata can say which.");
    case Type::INTERVAL_MONTHS:
    case Type::INTERVAL_DAY_TIME:
    case Type::INTERVAL_MONTH_DAY_NANO:
      return NoSuchType(field, type, "Use one integer column for each part: months, days, nanoseconds.");
    case Type::FIXED_SIZE_BINARY:
      return NoSuchType(field, type, "Use binary.");
    case Type::FIXED_SIZE_LIST:
    case Type::LIST_VIEW:
    case Type::LARGE_LIST_VIEW:
      return NoSuchType(field, type, "Use a list of the same values.");
    case Type::RUN_END_ENCODED:
      return NoSuchType(field, type, "Use the type of the values; Parquet makes its own runs.");
    case Type::SPARSE_UNION:
    case Type::DENSE_UNION:
      return NoSuchType(field, type, "Use one nullable column for each kind of value.");
    case Type::EXTENSION:
      return NoSuchType(field, type, "Use its storage type.");
    default:
      return NoSuchType(field, type, "Cast the column to a type of the Delta protocol first.");
  }
}

arrow::Status AppendFields(const arrow::FieldVector& fields, const std::string& prefix, std::string* out) {
  out->append("{\"type\":\"struct\",\"fields\":[");
  for (const auto& field : fields) {
    if (out->back() != '[') out->push_back(',');
    out->append("{\"name\":");
    AppendJsonString(field->name(), out);
    out->append(",\"type\":");
    ARROW_RETURN_NOT_OK(AppendType(*field->type(), prefix + field->name(), out));
    out->append(field->nullable() ? ",\"nullable\":true,\"metadata\":{"
                                  : ",\"nullable\":false,\"metadata\":{");
    if (const auto metadata = field->metadata()) {
      for (int64_t i = 0; i < metadata->size(); ++i) {
        // Parquet's own column number, which Arrow's reader attaches, says nothing about the table.
        if (metadata->key(i) == "PARQUET:field_id") continue;
        if (out->back() != '{') out->push_back(',');
        AppendJsonString(metadata->key(i), out);
        out->push_back(':');
        AppendJsonString(metadata->value(i), out);
      }
    }
    out->append("}}");
  }
  out->append("]}");
  return arrow::Status::OK();
}

arrow::Status Malformed(std::string_view what, const std::string& field) {
  return CorruptData(field.empty() ? fmt::format("table schema: {}", what)
                                   : fmt::format("table schema: column '{}': {}", field, what));
}

// True where the flag is absent.
bool Flag(JsonValue json, std::string_view key) {
  const auto value = json.Find(key);
  return value ? value->Bool().value_or(true) : true;
}

arrow::Result<std::shared_ptr<DataType>> ReadType(JsonValue json, const std::string& field);

arrow::Result<std::shared_ptr<Field>> ReadField(JsonValue json, const std::string& prefix) {
  const auto name = json.Find("name");
  const auto type_json = json.Find("type");
  if (!name || !name->String() || !type_json) return Malformed("a field without name or type", prefix);
  std::string full(name->Text());
  if (!prefix.empty()) full = prefix + "." + full;
  ARROW_ASSIGN_OR_RAISE(auto type, ReadType(*type_json, full));
  std::shared_ptr<arrow::KeyValueMetadata> metadata;
  if (const auto entries = json.Find("metadata")) {
    entries->ForEachMember([&](std::string_view key, JsonValue value) {
      const auto text = value.String();
      if (!text) return;
      if (metadata == nullptr) metadata = std::make_shared<arrow::KeyValueMetadata>();
      metadata->Append(std::string(key), std::string(*text));
    });
  }
  return arrow::field(std::string(name->Text()), std::move(type), Flag(json, "nullable"),
                      std::move(metadata));
}

arrow::Result<arrow::FieldVector> ReadFields(JsonValue json, const std::string& prefix) {
  const auto array = json.Find("fields");
  if (!array || !array->IsArray()) return Malformed("a struct without fields", prefix);
  arrow::FieldVector fields;
  arrow::Status status;
  array->ForEachElement([&](JsonValue each) {
    if (!status.ok()) return;
    auto field = ReadField(each, prefix);
    status = field.status();
    if (field.ok()) fields.push_back(std::move(*field));
  });
  ARROW_RETURN_NOT_OK(status);
  return fields;
}

// Takes "12" or " -3 " from the front of a text; what 64 bits cannot hold is the nearest that they can.
std::optional<int64_t> TakeNumber(std::string_view* text) {
  const auto skip_spaces = [&] { text->remove_prefix(std::min(text->find_first_not_of(' '), text->size())); };
  skip_spaces();
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) number = text->front() == '-' ? INT64_MIN : INT64_MAX;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  skip_spaces();
  return number;
}

bool TakeCharacter(char wanted, std::string_view* text) {
  if (!text->starts_with(wanted)) return false;
  text->remove_prefix(1);
  return true;
}

// "decimal" and "decimal(10,2)".
arrow::Result<std::shared_ptr<DataType>> ReadDecimal(std::string_view text, const std::string& field) {
  constexpr std::string_view kName = "decimal";
  if (text == kName) return arrow::decimal128(10, 0);
  std::string_view rest = text.substr(kName.size());
  std::optional<int64_t> precision, scale;
  if (TakeCharacter('(', &rest)) precision = TakeNumber(&rest);
  if (precision && TakeCharacter(',', &rest)) scale = TakeNumber(&rest);
  if (!scale || rest != ")") {
    return Unsupported(fmt::format("table schema: column '{}' has type {}", field, Quoted(text)));
  }
  if (*precision < 1 || *precision > 38 || *scale < 0 || *scale > *precision) {
    return Malformed(
        fmt::format("{} is out of range; expected decimal(P,S) with P from 1 to 38 and S from 0 to P",
                    Quoted(text)),
        field);
  }
  return arrow::decimal128(static_cast<int32_t>(*precision), static_cast<int32_t>(*scale));
}

arrow::Result<std::shared_ptr<DataType>> ReadPrimitive(std::string_view name, const std::string& field) {
  if (name == "long") return arrow::int64();
  if (name == "integer") return arrow::int32();
  if (name == "short") return arrow::int16();
  if (name == "byte") return arrow::int8();
  if (name == "double") return arrow::float64();
  if (name == "float") return arrow::float32();
  if (name == "string") return arrow::utf8();
  if (name == "binary") return arrow::binary();
  if (name == "boolean") return arrow::boolean();
  if (name == "date") return arrow::date32();
  if (name == "timestamp") return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  if (name == "timestamp_ntz") return arrow::timestamp(arrow::TimeUnit::MICRO);
  if (name.starts_with("decimal")) return ReadDecimal(name, field);
  return Unsupported(fmt::format("table schema: column '{}' has type {}", field, Quoted(name)));
}

arrow::Result<std::shared_ptr<DataType>> ReadType(JsonValue json, const std::string& field) {
  if (const auto name = json.String()) return ReadPrimitive(*name, field);
  const auto kind = json.Find("type");
  if (!kind || !kind->String()) return Malformed("its type is neither a name nor a nested type", field);
  const std::string_view name = kind->Text();
  if (name == "struct") {
    ARROW_ASSIGN_OR_RAISE(auto fields, ReadFields(json, field));
    return arrow::struct_(std::move(fields));
  }
  if (name == "array") {
    const auto element = json.Find("elementType");
    if (!element) return Malformed("an array without an element type", field);
    ARROW_ASSIGN_OR_RAISE(auto type, ReadType(*element, field + ".element"));
    return arrow::list(arrow::field("element", std::move(type), Flag(json, "containsNull")));
  }
  if (name == "map") {
    const auto key = json.Find("keyType");
    const auto value = json.Find("valueType");
    if (!key || !value) return Malformed("a map without key or value type", field);
    ARROW_ASSIGN_OR_RAISE(auto key_type, ReadType(*key, field + ".key"));
    ARROW_ASSIGN_OR_RAISE(auto value_type, ReadType(*value, field + ".value"));
    return arrow::map(std::move(key_type),
                      arrow::field("value", std::move(value_type), Flag(json, "valueContainsNull")));
  }
  return Unsupported(fmt::format("table schema: column '{}' has type {}", field, Quoted(name)));
}

}  // namespace

arrow::Result<std::string> SchemaToJson(const arrow::Schema& schema) {
  std::string text;
  ARROW_RETURN_NOT_OK(AppendFields(schema.fields(), "", &text));
  if (!IsUtf8(text)) return SchemaError("a column's name or metadata is not UTF-8");
  return text;
}

arrow::Result<std::shared_ptr<arrow::Schema>> SchemaFromJson(std::string_view json) {
  const auto document = JsonDocument::Parse(json);
  if (!document.ok()) return Malformed(fmt::format("not JSON: {}", document.status().message()), "");
  const auto type = document->root().Find("type");
  if (!type || type->Text() != "struct") return Malformed("not a struct", "");
  ARROW_ASSIGN_OR_RAISE(auto fields, ReadFields(document->root(), ""));
  return arrow::schema(std::move(fields));
}

}  // namespace marquet::delta
