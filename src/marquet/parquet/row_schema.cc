#include <set>
#include <utility>

#include <fmt/format.h>

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/parquet/row_schema_internal.h"
#include "marquet/schema/decoded.h"
#include "spdlog/logger.h"

namespace marquet::pq {
namespace {

arrow::Status CheckSchema(const arrow::Schema& schema) {
  if (schema.num_fields() == 0)
    return SchemaError("the rows have no columns; a Parquet file needs at least one");
  std::set<std::string_view> names;
  for (const auto& field : schema.fields()) {
    if (field->name().empty()) return SchemaError("a column has an empty name");
    if (!names.insert(field->name()).second) {
      return SchemaError(fmt::format("two columns are named {}", Quoted(field->name())));
    }
  }
  return arrow::Status::OK();
}

// A type in which whatever had nothing but nulls so far is what it is in `other`.
std::shared_ptr<arrow::DataType> WithoutNulls(const std::shared_ptr<arrow::DataType>& type,
                                              const arrow::Field& other) {
  const auto& found = other.type();
  if (type->id() == arrow::Type::NA) return found;
  if (type->id() != found->id()) return type;
  if (type->id() == arrow::Type::LIST) {
    const auto& item = static_cast<const arrow::ListType&>(*type).value_field();
    return arrow::list(item->WithType(WithoutNulls(item->type(), *found->field(0))));
  }
  if (type->id() != arrow::Type::STRUCT) return type;
  arrow::FieldVector fields;
  for (const auto& field : type->fields()) {
    const auto match = static_cast<const arrow::StructType&>(*found).GetFieldByName(field->name());
    fields.push_back(match == nullptr ? field : field->WithType(WithoutNulls(field->type(), *match)));
  }
  return arrow::struct_(std::move(fields));
}

}  // namespace

arrow::Status RowSchema::Use(const std::shared_ptr<arrow::Schema>& wanted) {
  const auto schema = schema::DecodedSchema(wanted);
  ARROW_RETURN_NOT_OK(CheckSchema(*schema));
  ARROW_ASSIGN_OR_RAISE(format_, FileFormat::Make(schema, file_));
  schema_ = schema;
  coercion_.reset();
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> RowSchema::Fit(
    const std::shared_ptr<arrow::RecordBatch>& rows, bool begun) {
  if (schema_ == nullptr) ARROW_RETURN_NOT_OK(Use(rows->schema()));
  if (rows->schema() == schema_ || rows->schema()->Equals(*schema_, /*check_metadata=*/false)) return rows;
  // The file writer decodes, a part of the rows at a time.
  if (schema::DecodedSchema(rows->schema())->Equals(*schema_, /*check_metadata=*/false)) return rows;
  if (!coercion_ || !coercion_->from()->Equals(*rows->schema(), /*check_metadata=*/false)) {
    auto made = schema::Coercion::Make(rows->schema(), schema_);
    if (made.ok()) {
      coercion_.emplace(*std::move(made));
    } else if (const auto wider = begun ? nullptr : Widened(rows->schema()); wider != nullptr) {
      ARROW_RETURN_NOT_OK(Use(wider));
      return Fit(rows, begun);
    } else if (on_change_ == SchemaChange::kNewPart) {
      Log().warn("{}: rows do not fit the schema of those before, so another file begins: {}", folder_,
                 made.status().message());
      ARROW_RETURN_NOT_OK(Use(rows->schema()));
      return Fit(rows, begun);
    } else {
      return WithHint(WithContext(made.status(), "rows do not fit the schema of those before"),
                      "No row of theirs was taken. Write with on_schema_change='new_part' to begin another "
                      "file where the schema changes.");
    }
  }
  return coercion_->Apply(*rows, file_.verify == VerifyLevel::kFull);
}

// The schema where columns that had nothing but nulls so far take the type of `rows`; a null pointer where
// the rows would not fit that either.
std::shared_ptr<arrow::Schema> RowSchema::Widened(const std::shared_ptr<arrow::Schema>& rows) const {
  arrow::FieldVector fields;
  for (const auto& field : schema_->fields()) {
    const auto other = rows->GetFieldByName(field->name());
    fields.push_back(other == nullptr ? field : field->WithType(WithoutNulls(field->type(), *other)));
  }
  auto schema = arrow::schema(std::move(fields), schema_->metadata());
  return schema::Coercion::Make(rows, schema).ok() ? schema : nullptr;
}

std::shared_ptr<arrow::RecordBatch> FittedOrNull(const arrow::RecordBatch& rows,
                                                 const std::shared_ptr<arrow::Schema>& schema) {
  const auto coercion = schema::Coercion::Make(rows.schema(), schema);
  if (!coercion.ok()) return nullptr;
  return coercion->Apply(rows).ValueOr(nullptr);
}

}  // namespace marquet::pq
