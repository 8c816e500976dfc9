#include "marquet/parquet/file_format_internal.h"

#include "arrow/util/key_value_metadata.h"
#include "marquet/parquet/failures_internal.h"
#include "marquet/parquet/writer_properties_internal.h"
#include "parquet/arrow/schema.h"
#include "parquet/properties.h"

namespace marquet::pq {

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
    return ::parquet::arrow::ToParquetSchema(parts->file_schema.get(), *parts->properties,
                                             *::parquet::default_arrow_writer_properties(),
                                             &parts->descriptor);
  }));
  return std::shared_ptr<const FileFormat>(new FileFormat(std::move(parts)));
}

}  // namespace marquet::pq
