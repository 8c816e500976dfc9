#include "marquet/parquet/encode/file_format_internal.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/parquet/encode/writer_properties_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "parquet/arrow/schema.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

// Beyond this Arrow's reader, among others, takes a footer for a damaged one.
constexpr size_t kMostLevels = 96;

using DescriptorPointer = std::shared_ptr<::parquet::SchemaDescriptor>;

// The schema as Parquet has it; `int96`: with times as files of old hold them.
arrow::Result<DescriptorPointer> Describe(const arrow::Schema& schema,
                                          const ::parquet::WriterProperties& properties, bool int96 = false) {
  DescriptorPointer descriptor;
  ARROW_RETURN_NOT_OK(GuardWrite("Parquet", [&]() -> arrow::Status {
    ::parquet::ArrowWriterProperties::Builder arrow_properties;
    if (int96) arrow_properties.enable_deprecated_int96_timestamps();
    ARROW_RETURN_NOT_OK(
        ::parquet::arrow::ToParquetSchema(&schema, properties, *arrow_properties.build(), &descriptor));
    for (int leaf = 0; leaf < descriptor->num_columns(); ++leaf) {
      const size_t levels = descriptor->Column(leaf)->path()->ToDotVector().size();
      if (levels > kMostLevels) {
        return Unsupported(
            fmt::format("{} levels, of which a list takes two; readers go {} deep", levels, kMostLevels));
      }
    }
    return arrow::Status::OK();
  }));
  return descriptor;
}

// The error of a schema that Parquet cannot have, with the column that it is about.
arrow::Status WithColumn(const arrow::Status& error, const arrow::Schema& schema,
                         const ::parquet::WriterProperties& properties) {
  for (const auto& field : schema.fields()) {
    const arrow::Status alone = Describe(arrow::Schema({field}), properties).status();
    if (!alone.ok()) return WithContext(alone, fmt::format("column {}", Quoted(field->name())));
  }
  return error;
}

arrow::Result<DescriptorPointer> FileDescriptor(const FormatParts& parts) {
  const auto described = Describe(*parts.file_schema, *parts.properties);
  if (!described.ok()) return WithColumn(described.status(), *parts.file_schema, *parts.properties);
  const std::vector<std::string>& names = parts.options.int96_columns;
  if (names.empty()) return described;
  ARROW_ASSIGN_OR_RAISE(const auto other, Describe(*parts.file_schema, *parts.properties, /*int96=*/true));
  ::parquet::schema::NodeVector columns;
  for (int i = 0; i < parts.file_schema->num_fields(); ++i) {
    const bool found = std::ranges::find(names, parts.file_schema->field(i)->name()) != names.end();
    columns.push_back((found ? other : *described)->group_node()->field(i));
  }
  const ::parquet::schema::Node& root = *(*described)->schema_root();
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
    return arrow::Status::OK();
  }));
  ARROW_ASSIGN_OR_RAISE(parts->descriptor, FileDescriptor(*parts));
  return std::shared_ptr<const FileFormat>(new FileFormat(std::move(parts)));
}

}  // namespace marquet::pq
