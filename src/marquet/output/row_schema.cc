#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/output/row_schema_internal.h"
#include "marquet/output/undecided_types_internal.h"
#include "marquet/schema/decoded.h"
#include "marquet/schema/field_names.h"
#include "spdlog/logger.h"

namespace marquet::output {
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
  return schema::CheckStructNames(schema.fields());
}

// The type of the values that another layout encodes; a null pointer for others.
const arrow::DataType* EncodedValues(const arrow::DataType& type) {
  if (type.id() == arrow::Type::DICTIONARY) {
    return static_cast<const arrow::DictionaryType&>(type).value_type().get();
  }
  if (type.id() == arrow::Type::RUN_END_ENCODED) {
    return static_cast<const arrow::RunEndEncodedType&>(type).value_type().get();
  }
  return nullptr;
}

// Where the one type has times with a zone and the other times without, within columns of one kind.
bool ZonesDiffer(const arrow::DataType& a, const arrow::DataType& b) {
  if (a.id() == arrow::Type::TIMESTAMP && b.id() == arrow::Type::TIMESTAMP) {
    return static_cast<const arrow::TimestampType&>(a).timezone().empty() !=
           static_cast<const arrow::TimestampType&>(b).timezone().empty();
  }
  if (const auto* values = EncodedValues(a)) return ZonesDiffer(*values, b);
  if (const auto* values = EncodedValues(b)) return ZonesDiffer(a, *values);
  if (a.id() == arrow::Type::STRUCT && b.id() == arrow::Type::STRUCT) {
    return std::any_of(a.fields().begin(), a.fields().end(), [&](const auto& field) {
      const auto other = static_cast<const arrow::StructType&>(b).GetFieldByName(field->name());
      return other != nullptr && ZonesDiffer(*field->type(), *other->type());
    });
  }
  if (a.num_fields() != b.num_fields()) return false;
  for (int i = 0; i < a.num_fields(); ++i) {
    if (ZonesDiffer(*a.field(i)->type(), *b.field(i)->type())) return true;
  }
  return false;
}

}  // namespace

arrow::Status RowSchema::Use(const std::shared_ptr<arrow::Schema>& wanted) {
  const auto schema = schema::DecodedSchema(wanted);
  ARROW_RETURN_NOT_OK(CheckSchema(*schema));
  ARROW_ASSIGN_OR_RAISE(format_, pq::FileFormat::Make(schema, file_));
  schema_ = schema;
  coercion_.reset();
  return arrow::Status::OK();
}

arrow::Result<schema::Coercion> FitRows(const std::shared_ptr<arrow::Schema>& rows,
                                        const std::shared_ptr<arrow::Schema>& file) {
  for (const auto& field : rows->fields()) {
    const auto other = file->GetFieldByName(field->name());
    if (other != nullptr && ZonesDiffer(*field->type(), *other->type())) {
      return SchemaError(
          fmt::format("column {} is {}; the file's is {}: times with a zone and times without do not mix",
                      Quoted(field->name()), field->type()->ToString(), other->type()->ToString()),
          "Give the times without a zone the one that they are told in, or take it from the others.");
    }
  }
  return schema::Coercion::Make(rows, file);
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> RowSchema::Fit(
    const std::shared_ptr<arrow::RecordBatch>& rows, bool* decided) {
  if (schema_ == nullptr) ARROW_RETURN_NOT_OK(Use(rows->schema()));
  if (rows->schema() == schema_ || rows->schema()->Equals(*schema_, /*check_metadata=*/false)) return rows;
  // The file writer decodes, a part of the rows at a time.
  if (schema::DecodedSchema(rows->schema())->Equals(*schema_, /*check_metadata=*/false)) return rows;
  if (!coercion_ || !coercion_->from()->Equals(*rows->schema(), /*check_metadata=*/false)) {
    auto made = FitRows(rows->schema(), schema_);
    if (made.ok()) {
      coercion_.emplace(*std::move(made));
    } else if (const auto wider = Decided(schema_, *schema::DecodedSchema(rows->schema()), late_columns_);
               wider != schema_ && FitRows(rows->schema(), wider).ok()) {
      ARROW_RETURN_NOT_OK(Use(wider));
      *decided = true;
      return Fit(rows, decided);
    } else if (on_change_ == SchemaChange::kNewPart) {
      Log().warn("{}: rows do not fit the schema of those before, so another file begins: {}", folder_,
                 made.status().message());
      ARROW_RETURN_NOT_OK(Use(rows->schema()));
      return Fit(rows, decided);
    } else {
      return WithHint(
          WithContext(made.status(), "rows do not fit the schema that was given, or that of those before"),
          "No row of theirs was taken. Cast the column first, where that keeps its values; or write with "
          "on_schema_change='new_part' to begin another file where the schema changes.");
    }
  }
  return coercion_->Apply(*rows, file_.verify == pq::VerifyLevel::kFull);
}

arrow::Result<std::shared_ptr<const pq::FileFormat>> RowSchema::DecidedFormat(
    const std::shared_ptr<arrow::Schema>& written) const {
  const auto decided = DecidedOf(written);
  if (decided == written) return nullptr;
  const bool same_columns = decided->field_names() == schema_->field_names();
  if (same_columns && schema::Coercion::Make(written, schema_).ok()) return format_;
  return pq::FileFormat::Make(decided->WithMetadata(schema_->metadata()), file_);
}

std::shared_ptr<arrow::Schema> RowSchema::DecidedOf(const std::shared_ptr<arrow::Schema>& earlier) const {
  return Decided(earlier, *schema_, late_columns_);
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> FittedOrNull(const arrow::RecordBatch& rows,
                                                                const pq::FileFormat& format) {
  const auto coercion = FitRows(rows.schema(), format.schema());
  if (!coercion.ok()) return nullptr;
  auto fitted = coercion->Apply(rows, format.options().verify == pq::VerifyLevel::kFull);
  if (IsKind(fitted.status(), ErrorKind::kInvalidInput) || IsKind(fitted.status(), ErrorKind::kSchema)) {
    return nullptr;
  }
  return fitted;
}

}  // namespace marquet::output
