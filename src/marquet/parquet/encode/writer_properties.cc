#include <algorithm>
#include <set>

#include "arrow/extension_type.h"
#include "arrow/ipc/writer.h"
#include "arrow/type.h"
#include "arrow/util/base64.h"
#include "arrow/util/key_value_metadata.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/parquet/encode/writer_properties_internal.h"
#include "marquet/parquet/format/arrow_schema_internal.h"
#include "marquet/parquet/format/codec_internal.h"
#include "marquet/schema/decoded.h"
#include "parquet/properties.h"

namespace marquet::pq {
namespace {

// Beyond this a dictionary no longer pays, and encoding goes on without one.
constexpr int64_t kDictionaryBytes = int64_t{1} << 20;

// Integers and times move by little from row to row, which deltas store in few bits. What Parquet stores as
// neither INT32 nor INT64 cannot be delta encoded.
bool IsDeltaEncoded(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || type.id() == arrow::Type::DATE32 ||
         type.id() == arrow::Type::DATE64 || arrow::is_time(type.id()) ||
         type.id() == arrow::Type::TIMESTAMP || type.id() == arrow::Type::DURATION;
}

// Parquet numbers the leaves of its schema, depth first.
int CountLeaves(const arrow::DataType& type) {
  if (type.num_fields() == 0) return 1;
  int leaves = 0;
  for (const auto& child : type.fields()) leaves += CountLeaves(*child->type());
  return leaves;
}

// The type as readers are told it: Polars refuses zones in an embedded schema that are only an offset, so
// they are UTC there; the values are the same.
std::shared_ptr<arrow::DataType> AsReadersTake(const std::shared_ptr<arrow::DataType>& type) {
  const auto part = [&](int i) { return type->field(i)->WithType(AsReadersTake(type->field(i)->type())); };
  switch (type->id()) {
    case arrow::Type::LIST:
      return arrow::list(part(0));
    case arrow::Type::LARGE_LIST:
      return arrow::large_list(part(0));
    case arrow::Type::TIMESTAMP: {
      const auto& times = static_cast<const arrow::TimestampType&>(*type);
      const bool offset = times.timezone().starts_with('+') || times.timezone().starts_with('-');
      return offset ? arrow::timestamp(times.unit(), "UTC") : type;
    }
    case arrow::Type::STRUCT: {
      arrow::FieldVector parts;
      for (int i = 0; i < type->num_fields(); ++i) parts.push_back(part(i));
      return arrow::struct_(std::move(parts));
    }
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(*type);
      return std::make_shared<arrow::MapType>(map.key_field()->WithType(AsReadersTake(map.key_type())),
                                              map.item_field()->WithType(AsReadersTake(map.item_type())),
                                              map.keys_sorted());
    }
    default:
      return type;
  }
}

arrow::Status CheckOptions(const arrow::Schema& schema, const WriteOptions& options) {
  ARROW_RETURN_NOT_OK(CheckWriteOptions(options));
  for (const std::string& column : options.sorted_by) {
    const auto field = schema.GetFieldByName(column);
    if (field == nullptr)
      return InvalidInput(fmt::format("sorted_by names the column '{}', which is not there", column));
    if (field->type()->num_fields() > 0) {
      return InvalidInput(fmt::format("sorted_by names the nested column '{}'; expected a flat one", column));
    }
  }
  return arrow::Status::OK();
}

// That Parquet has a type for the values.
arrow::Status CheckType(const arrow::DataType& type, const std::string& column) {
  const auto lacking = [&](const char* instead) {
    return Unsupported(fmt::format("column {} has type {}, which Parquet files cannot hold", Quoted(column),
                                   type.ToString()),
                       instead);
  };
  switch (type.id()) {
    case arrow::Type::SPARSE_UNION:
    case arrow::Type::DENSE_UNION:
      return lacking("Use one nullable column for each kind of value.");
    case arrow::Type::INTERVAL_MONTHS:
    case arrow::Type::INTERVAL_DAY_TIME:
    case arrow::Type::INTERVAL_MONTH_DAY_NANO:
      return lacking("Use one integer column for each part: months, days, nanoseconds.");
    case arrow::Type::DICTIONARY:
      return CheckType(*static_cast<const arrow::DictionaryType&>(type).value_type(), column);
    case arrow::Type::EXTENSION:
      return CheckType(*static_cast<const arrow::ExtensionType&>(type).storage_type(), column);
    default:
      for (const auto& part : type.fields()) {
        ARROW_RETURN_NOT_OK(CheckType(*part->type(), column + "." + part->name()));
      }
      return arrow::Status::OK();
  }
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::Schema>> FileSchema(const arrow::Schema& schema) {
  if (schema.num_fields() == 0) return InvalidInput("the schema has no columns; Parquet needs at least one");
  std::set<std::string_view> names;
  for (const auto& field : schema.fields()) {
    if (!names.insert(field->name()).second) {
      return InvalidInput(fmt::format("the schema has two columns named '{}'", field->name()));
    }
    ARROW_RETURN_NOT_OK(CheckType(*field->type(), field->name()));
  }
  return schema::DecodedSchema(std::make_shared<arrow::Schema>(schema));
}

arrow::Result<std::shared_ptr<::parquet::WriterProperties>> WriterPropertiesFor(
    const arrow::Schema& file_schema, const WriteOptions& options) {
  ARROW_RETURN_NOT_OK(CheckOptions(file_schema, options));
  ::parquet::WriterProperties::Builder builder;
  builder.version(::parquet::ParquetVersion::PARQUET_2_6)
      ->data_page_version(::parquet::ParquetDataPageVersion::V1)
      ->created_by("marquet version " MARQUET_VERSION)
      ->compression(ParquetCodec(options.codec))
      ->max_row_group_length(options.row_group_rows)
      ->data_pagesize(kPageBytes)
      ->max_rows_per_page(kPageRows)
      ->dictionary_pagesize_limit(kDictionaryBytes)
      ->enable_statistics()
      ->enable_page_checksum();
  options.page_index ? builder.enable_write_page_index() : builder.disable_write_page_index();
  if (const auto& pages = options.content_pages) {
    builder.enable_content_defined_chunking()->content_defined_chunking_options(
        {.min_chunk_size = pages->min_bytes,
         .max_chunk_size = pages->max_bytes,
         .norm_level = pages->norm_level});
  }
  if (options.level.has_value()) {
    builder.compression_level(*options.level);
  } else if (options.codec == Codec::kZstd) {
    builder.compression_level(kDefaultZstdLevel);
  }
  for (const auto& field : file_schema.fields()) {
    if (std::ranges::find(options.int96_columns, field->name()) != options.int96_columns.end()) continue;
    // A path, not a dotted string: a column's name may hold dots.
    const auto path =
        std::make_shared<::parquet::schema::ColumnPath>(std::vector<std::string>{field->name()});
    if (IsDeltaEncoded(*field->type())) {
      builder.disable_dictionary(path)->encoding(path, ::parquet::Encoding::DELTA_BINARY_PACKED);
    }
  }
  std::vector<::parquet::SortingColumn> sorting;
  for (const std::string& column : options.sorted_by) {
    int leaf = 0;
    for (const auto& field : file_schema.fields()) {
      if (field->name() == column) break;
      leaf += CountLeaves(*field->type());
    }
    sorting.push_back({leaf, /*descending=*/false, /*nulls_first=*/false});
  }
  if (!sorting.empty()) builder.set_sorting_columns(std::move(sorting));
  return builder.build();
}

arrow::Result<std::shared_ptr<arrow::KeyValueMetadata>> FooterMetadata(const arrow::Schema& file_schema,
                                                                       const WriteOptions& options) {
  auto metadata = std::make_shared<arrow::KeyValueMetadata>();
  for (const auto& [key, value] : options.metadata) metadata->Append(key, value);
  arrow::FieldVector fields;
  for (const auto& field : file_schema.fields()) {
    fields.push_back(field->WithType(AsReadersTake(field->type())));
  }
  ARROW_ASSIGN_OR_RAISE(const auto bytes, arrow::ipc::SerializeSchema(
                                              arrow::Schema(std::move(fields), file_schema.metadata())));
  metadata->Append(kArrowSchemaKey, arrow::util::base64_encode(std::string_view(*bytes)));
  return metadata;
}

}  // namespace marquet::pq
