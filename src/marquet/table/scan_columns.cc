#include "marquet/table/scan_columns.h"

#include <algorithm>

#include <fmt/format.h>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "arrow/util/bit_util.h"
#include "arrow/util/key_value_metadata.h"
#include "arrow/util/string.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/schema/coercion.h"
#include "marquet/schema/column_hint.h"
#include "marquet/schema/units.h"

namespace marquet::table {
namespace {

std::string UnitOfInteger(const arrow::Field& field) {
  if (field.type()->id() != arrow::Type::INT64 || field.metadata() == nullptr) return {};
  return field.metadata()->Get("unit").ValueOr("");
}

// The field without its unit, which the new type says.
std::shared_ptr<arrow::Field> Retyped(const arrow::Field& field, std::shared_ptr<arrow::DataType> type) {
  auto metadata = field.metadata()->Copy();
  (void)metadata->Delete("unit");
  return arrow::field(field.name(), std::move(type), field.nullable(),
                      metadata->size() == 0 ? nullptr : metadata);
}

std::shared_ptr<arrow::Field> OutputField(const std::shared_ptr<arrow::Field>& field,
                                          const ScanOptions& options) {
  const std::string unit = UnitOfInteger(*field);
  if (unit == "ns" && !options.stored_types) {
    return Retyped(*field, arrow::timestamp(arrow::TimeUnit::NANO, "UTC"));
  }
  if (unit == "1e-9" && options.price == schema::PriceForm::kFloat) return Retyped(*field, arrow::float64());
  if (unit == "1e-9" && options.price == schema::PriceForm::kDecimal)
    return Retyped(*field, arrow::decimal128(19, 9));
  return field;
}

// Whether the name of a column to sort by is one with an order: "-price", "price desc", "price:desc".
bool AsksForAnOrder(const std::string& name, const arrow::Schema& table) {
  if (name.starts_with('-') || name.starts_with('+')) return table.GetFieldIndex(name.substr(1)) >= 0;
  const size_t end = name.find_first_of(" :");
  if (end == std::string::npos || table.GetFieldIndex(name.substr(0, end)) < 0) return false;
  const std::string order = arrow::internal::AsciiToLower(name.substr(end + 1));
  return order.starts_with("asc") || order.starts_with("desc");
}

// The validity of an array, shifted to start at bit 0.
arrow::Result<std::shared_ptr<arrow::Buffer>> ValidityOf(const arrow::Array& array) {
  if (array.null_count() == 0) return nullptr;
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> bits, arrow::AllocateEmptyBitmap(array.length()));
  for (int64_t i = 0; i < array.length(); ++i) {
    if (array.IsValid(i)) arrow::bit_util::SetBit(bits->mutable_data(), i);
  }
  return bits;
}

arrow::Result<std::shared_ptr<arrow::Array>> ConvertPrices(const arrow::Array& array,
                                                           const std::shared_ptr<arrow::DataType>& type) {
  const int64_t rows = array.length();
  const int64_t* prices = static_cast<const arrow::Int64Array&>(array).raw_values();
  ARROW_ASSIGN_OR_RAISE(auto validity, ValidityOf(array));
  const int64_t width = type->id() == arrow::Type::DOUBLE ? 8 : 16;
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> values, arrow::AllocateBuffer(rows * width));
  if (type->id() == arrow::Type::DOUBLE) {
    auto* floats = reinterpret_cast<double*>(values->mutable_data());
    for (int64_t i = 0; i < rows; ++i) floats[i] = schema::PriceAsFloat(prices[i]);
  } else {
    auto* decimals = reinterpret_cast<int64_t*>(values->mutable_data());
    for (int64_t i = 0; i < rows; ++i) {
      decimals[2 * i] = prices[i];
      decimals[2 * i + 1] = prices[i] >> 63;  // the sign, over the upper half
    }
  }
  return arrow::MakeArray(
      arrow::ArrayData::Make(type, rows, {std::move(validity), std::move(values)}, array.null_count()));
}

}  // namespace

arrow::Result<ScanColumns> ColumnsOfScan(const arrow::Schema& table, const ScanOptions& options) {
  ScanColumns columns;
  arrow::FieldVector stored, output;
  auto find = [&](const std::string& name,
                  std::string_view purpose) -> arrow::Result<std::shared_ptr<arrow::Field>> {
    auto field = table.GetFieldByName(name);
    if (field != nullptr) return field;
    std::string hint = schema::ColumnHint(name, table);
    if (AsksForAnOrder(name, table))
      hint = "Rows are sorted in ascending order alone: name the column as it is.";
    return NotFound(fmt::format("there is no column {}{} in the table", Quoted(name), purpose),
                    std::move(hint));
  };
  std::vector<std::string> names = options.columns.empty() ? table.field_names() : options.columns;
  for (const std::string& name : names) {
    ARROW_ASSIGN_OR_RAISE(const auto field, find(name, ""));
    if (std::any_of(stored.begin(), stored.end(), [&](const auto& other) { return other->name() == name; })) {
      return InvalidInput(fmt::format("column {} is asked for twice", Quoted(name)));
    }
    stored.push_back(field);
    output.push_back(OutputField(field, options));
  }
  columns.output = arrow::schema(std::move(output), table.metadata());
  columns.filter = options.where.columns();
  const auto add = [&](const std::vector<std::string>& more, std::string_view purpose) -> arrow::Status {
    for (const std::string& name : more) {
      ARROW_ASSIGN_OR_RAISE(const auto field, find(name, purpose));
      if (std::none_of(stored.begin(), stored.end(),
                       [&](const auto& other) { return other->name() == name; })) {
        stored.push_back(field);
      }
    }
    return arrow::Status::OK();
  };
  ARROW_RETURN_NOT_OK(add(columns.filter, ""));
  ARROW_RETURN_NOT_OK(add(options.sort_by, " to sort by"));
  columns.stored = arrow::schema(std::move(stored), table.metadata());
  return columns;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> StoredColumns(
    const arrow::RecordBatch& from_file, const std::shared_ptr<arrow::Schema>& stored,
    const std::map<std::string, std::shared_ptr<arrow::Scalar>>& partition) {
  const int64_t rows = from_file.num_rows();
  arrow::ArrayVector columns;
  columns.reserve(static_cast<size_t>(stored->num_fields()));
  for (const auto& field : stored->fields()) {
    std::shared_ptr<arrow::Array> column;
    if (const auto value = partition.find(field->name()); value != partition.end()) {
      ARROW_ASSIGN_OR_RAISE(column, arrow::MakeArrayFromScalar(*value->second, rows));
    } else if (const int at = from_file.schema()->GetFieldIndex(field->name()); at >= 0) {
      ARROW_ASSIGN_OR_RAISE(column, schema::CoerceArray(from_file.column(at), *field));
    } else {
      ARROW_ASSIGN_OR_RAISE(column, arrow::MakeArrayOfNull(field->type(), rows));
    }
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(stored, rows, std::move(columns));
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> OutputColumns(
    const arrow::RecordBatch& stored, const std::shared_ptr<arrow::Schema>& output) {
  arrow::ArrayVector columns;
  columns.reserve(static_cast<size_t>(output->num_fields()));
  for (int i = 0; i < output->num_fields(); ++i) {
    std::shared_ptr<arrow::Array> column = stored.column(i);
    const auto& type = output->field(i)->type();
    if (!column->type()->Equals(*type)) {
      if (type->id() == arrow::Type::TIMESTAMP) {
        auto data = column->data()->Copy();
        data->type = type;
        column = arrow::MakeArray(std::move(data));
      } else {
        ARROW_ASSIGN_OR_RAISE(column, ConvertPrices(*column, type));
      }
    }
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(output, stored.num_rows(), std::move(columns));
}

}  // namespace marquet::table
