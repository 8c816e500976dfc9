#include "marquet/parquet/file_format_internal.h"

#include <algorithm>

#include "arrow/util/key_value_metadata.h"
#include "marquet/parquet/failures_internal.h"
#include "marquet/parquet/writer_properties_internal.h"
#include "parquet/arrow/schema.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

using SchemaPointer = std::shared_ptr<::parquet::SchemaDescriptor>;

arrow::Result<SchemaPointer> ParquetSchema(const FormatParts& parts, bool int96) {
  ::parquet::ArrowWriterProperties::Builder arrow_properties;
  if (int96) arrow_properties.enable_deprecated_int96_timestamps();
  SchemaPointer schema;
  ARROW_RETURN_NOT_OK(::parquet::arrow::ToParquetSchema(parts.file_schema.get(), *parts.properties,
                                                        *arrow_properties.build(), &schema));
  if (int96 || parts.options.int96_columns.empty()) return schema;

  ARROW_ASSIGN_OR_RAISE(const SchemaPointer other, ParquetSchema(parts, true));
  ::parquet::schema::NodeVector columns;
  for (int i = 0; i < parts.file_schema->num_fields(); ++i) {
    const auto& names = parts.options.int96_columns;
    const bool found = std::ranges::find(names, parts.file_schema->field(i)->name()) != names.end();
    columns.push_back((found ? other : schema)->group_node()->field(i));
  }
  const ::parquet::schema::Node& root = *schema->schema_root();
  auto made = std::make_shared<::parquet::SchemaDescriptor>();
  made->Init(::parquet::schema::GroupNode::Make(root.name(), root.repetition(), columns));
  return made;
}

}  // namespace

FileFormat::FileFormat(std::unique_ptr<const FormatParts> parts) : parts_(std::move(parts)) {}
FileFormat::~FileFormat() = default;

const std::shared_ptr<arrow::Schema>& FileFormat::schema() const { return parts_->schema; }
const WriteOptions& FileFormat::options() const { return parts_->options; }

arrow::Result<std::shared_ptr<const FileFormat>> FileFormat::Make(std::shared_ptr<arrow::Schema> schema,
                                                                  WriteOptions options) {
  auto parts = std::make_unique<FormatParts>();
  parts->schema = std::move(schema);
  parts->options = std::move(options);
  ARROW_RETURN_NOT_OK(GuardWrite("Parquet", [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(parts->file_schema, FileSchema(*parts->schema));
    ARROW_ASSIGN_OR_RAISE(parts->properties, WriterPropertiesFor(*parts->file_schema, parts->options));
    ARROW_ASSIGN_OR_RAISE(parts->metadata, FooterMetadata(*parts->file_schema, parts->options));
    ARROW_ASSIGN_OR_RAISE(parts->compressor,
                          PageCompressor::Make(parts->options.codec, parts->options.level));
    return ParquetSchema(*parts, /*int96=*/false).Value(&parts->descriptor);
  }));
  return std::shared_ptr<const FileFormat>(new FileFormat(std::move(parts)));
}

}  // namespace marquet::pq
