#include "marquet/parquet/decode/reader.h"

#include <algorithm>

#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/parquet/decode/batch_stream_internal.h"
#include "marquet/parquet/decode/column_stream_internal.h"
#include "marquet/parquet/decode/int96_column_internal.h"
#include "marquet/parquet/decode/page_bounds_internal.h"
#include "marquet/parquet/format/column_statistics_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "marquet/schema/column_statistics.h"
#include "parquet/arrow/schema.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/properties.h"
#include "parquet/size_statistics.h"

namespace marquet::pq {
namespace {

// Of a column, whatever a damaged footer says: so that sums over columns do not overflow.
constexpr int64_t kMostBytes = int64_t{1} << 40;

int64_t Bounded(int64_t bytes) { return std::clamp<int64_t>(bytes, 0, kMostBytes); }

// Bytes of one value in memory, an offset included where its length is its own.
int64_t ValueBytes(const ::parquet::ColumnDescriptor& column, const ::parquet::ColumnChunkMetaData& chunk) {
  switch (column.physical_type()) {
    case ::parquet::Type::BOOLEAN:
      return 1;
    case ::parquet::Type::INT32:
    case ::parquet::Type::FLOAT:
      return 4;
    case ::parquet::Type::INT64:
    case ::parquet::Type::DOUBLE:
    case ::parquet::Type::INT96:
      return 8;
    case ::parquet::Type::FIXED_LEN_BYTE_ARRAY:
      return Bounded(column.type_length());
    default: {
      const auto told = chunk.size_statistics();
      const int64_t bytes = told != nullptr && told->unencoded_byte_array_data_bytes
                                ? *told->unencoded_byte_array_data_bytes
                                : chunk.total_uncompressed_size();
      return Bounded(bytes) / std::max<int64_t>(chunk.num_values(), 1) + 1 + 4;
    }
  }
}

}  // namespace

struct FileReader::Impl {
  std::string path;
  int64_t size = 0;
  std::shared_ptr<arrow::io::RandomAccessFile> file;
  std::shared_ptr<::parquet::FileMetaData> footer;
  std::shared_ptr<arrow::Schema> schema;
  std::vector<int> first_leaf;  // by top-level field; one more at the end
  int64_t rows = 0;

  arrow::Status Load(file::FileSystem& fs) {
    ARROW_ASSIGN_OR_RAISE(file, fs.OpenForReading(path));
    if (footer == nullptr) {
      ARROW_ASSIGN_OR_RAISE(Footer found, ReadFooter(*file, path, size));
      footer = std::move(found.metadata);
    }
    for (int i = 0; i < footer->num_row_groups(); ++i) rows += footer->RowGroup(i)->num_rows();
    ::parquet::ArrowReaderProperties properties;
    properties.set_coerce_int96_timestamp_unit(kInt96Unit);
    ARROW_RETURN_NOT_OK(::parquet::arrow::FromParquetSchema(footer->schema(), properties,
                                                            footer->key_value_metadata(), &schema));
    first_leaf = FirstLeaves(*footer->schema());
    if (static_cast<int>(first_leaf.size()) != schema->num_fields() + 1) {
      return CorruptData(fmt::format("{}: {} top-level columns with values, {} in the schema", path,
                                     first_leaf.size() - 1, schema->num_fields()));
    }
    return arrow::Status::OK();
  }

  arrow::Result<int> Field(const std::string& column) const {
    const int field = schema->GetFieldIndex(column);
    if (field < 0) return NotFound(fmt::format("{}: no column '{}'", path, column));
    return field;
  }

  arrow::Status CheckRowGroup(int row_group) const {
    if (row_group >= 0 && row_group < footer->num_row_groups()) return arrow::Status::OK();
    return InvalidInput(
        fmt::format("{}: row group {} asked for; there are {}", path, row_group, footer->num_row_groups()));
  }

  bool IsFlat(int field) const { return !arrow::is_nested(schema->field(field)->type()->id()); }

  arrow::Result<std::optional<std::vector<PageBounds>>> Pages(int row_group, int field) const;

  std::string Place(int row_group, const std::string& column) const {
    return fmt::format("{}: row group {}, column {}", path, row_group, column);
  }
};

arrow::Result<std::optional<std::vector<PageBounds>>> FileReader::Impl::Pages(int row_group,
                                                                              int field) const {
  const int leaf = first_leaf[field];
  if (!HasPageIndex(*footer->RowGroup(row_group)->ColumnChunk(leaf))) return std::nullopt;
  const ::parquet::ReaderProperties properties;  // which the reader of the index refers to
  const auto indexes = ::parquet::PageIndexReader::Make(file.get(), footer, properties);
  const auto index = indexes->RowGroup(row_group);
  if (index == nullptr) return std::nullopt;
  return IndexedPages(*index, *footer, row_group, leaf, *schema->field(field));
}

FileReader::FileReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

FileReader::~FileReader() = default;

arrow::Result<std::shared_ptr<FileReader>> FileReader::Open(std::shared_ptr<file::FileSystem> fs,
                                                            std::string path,
                                                            std::shared_ptr<::parquet::FileMetaData> footer,
                                                            std::optional<int64_t> size) {
  auto impl = std::make_unique<Impl>();
  impl->path = std::move(path);
  impl->footer = std::move(footer);
  if (size.has_value()) {
    impl->size = *size;
  } else {
    ARROW_ASSIGN_OR_RAISE(const file::FileInfo info, fs->Stat(impl->path));
    impl->size = info.size;
  }
  ARROW_RETURN_NOT_OK(GuardRead(impl->path, [&] { return impl->Load(*fs); }));
  return std::shared_ptr<FileReader>(new FileReader(std::move(impl)));
}

const std::string& FileReader::path() const { return impl_->path; }

const std::shared_ptr<arrow::Schema>& FileReader::schema() const { return impl_->schema; }

std::shared_ptr<::parquet::FileMetaData> FileReader::footer() const { return impl_->footer; }

bool FileReader::written_by_marquet() const { return WrittenByMarquet(*impl_->footer); }

int64_t FileReader::rows() const { return impl_->rows; }

int FileReader::num_row_groups() const { return impl_->footer->num_row_groups(); }

int64_t FileReader::row_group_rows(int row_group) const {
  return impl_->footer->RowGroup(row_group)->num_rows();
}

arrow::Result<schema::ColumnStatistics> FileReader::Statistics(int row_group,
                                                               const std::string& column) const {
  ARROW_RETURN_NOT_OK(impl_->CheckRowGroup(row_group));
  ARROW_ASSIGN_OR_RAISE(const int field, impl_->Field(column));
  if (!impl_->IsFlat(field)) return schema::ColumnStatistics{.name = column};
  return GuardRead(impl_->Place(row_group, column), [&]() -> arrow::Result<schema::ColumnStatistics> {
    return FooterStatistics(*impl_->footer, row_group, impl_->first_leaf[field],
                            *impl_->schema->field(field));
  });
}

arrow::Result<ColumnSize> FileReader::SizeOf(int row_group, const std::string& column) const {
  ARROW_RETURN_NOT_OK(impl_->CheckRowGroup(row_group));
  ARROW_ASSIGN_OR_RAISE(const int field, impl_->Field(column));
  return GuardRead(impl_->Place(row_group, column), [&]() -> arrow::Result<ColumnSize> {
    const auto group = impl_->footer->RowGroup(row_group);
    const int64_t rows = std::max<int64_t>(group->num_rows(), 1);
    const arrow::DataType& type = *impl_->schema->field(field)->type();
    ColumnSize size;
    for (int leaf = impl_->first_leaf[field]; leaf < impl_->first_leaf[field + 1]; ++leaf) {
      const auto chunk = group->ColumnChunk(leaf);
      const ::parquet::ColumnDescriptor& descriptor = *impl_->footer->schema()->Column(leaf);
      const bool fixed = impl_->IsFlat(field) && arrow::is_fixed_width(type.id()) && type.byte_width() > 0;
      const int64_t value = fixed ? type.byte_width() : ValueBytes(descriptor, *chunk);
      const int64_t a_row = std::clamp<int64_t>((Bounded(chunk->num_values()) - 1) / rows + 1, 1, kMostBytes);
      size.compressed += Bounded(chunk->total_compressed_size());
      size.row_bytes = Bounded(size.row_bytes + a_row * std::min(value, kMostBytes / a_row) + 1);
    }
    return size;
  });
}

arrow::Result<std::optional<std::vector<PageBounds>>> FileReader::Pages(int row_group,
                                                                        const std::string& column) const {
  using Pages = std::optional<std::vector<PageBounds>>;
  ARROW_RETURN_NOT_OK(impl_->CheckRowGroup(row_group));
  ARROW_ASSIGN_OR_RAISE(const int field, impl_->Field(column));
  if (!impl_->IsFlat(field)) return Pages{};
  return GuardRead(impl_->Place(row_group, column), [&] { return impl_->Pages(row_group, field); });
}

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> FileReader::Read(ReadRequest request) const {
  if (request.batch_rows <= 0) {
    return InvalidInput(fmt::format("batch_rows is {}; expected at least 1", request.batch_rows));
  }
  int64_t longest = 1;  // what makes ready for a batch must not make more
  for (const ReadRequest::Part& part : request.parts) {
    ARROW_RETURN_NOT_OK(impl_->CheckRowGroup(part.row_group));
    longest = std::max(longest, impl_->footer->RowGroup(part.row_group)->num_rows());
  }
  request.batch_rows = std::min(request.batch_rows, longest);
  const auto source = std::make_shared<const ReadSource>(
      ReadSource{impl_->path, impl_->file, impl_->footer, std::move(request.parts), request.batch_rows});
  return GuardRead(impl_->path, [&]() -> arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> {
    arrow::FieldVector fields;
    std::vector<std::unique_ptr<ColumnStream>> columns;
    for (const std::string& name : request.columns) {
      ARROW_ASSIGN_OR_RAISE(const int index, impl_->Field(name));
      const int first = impl_->first_leaf[index], end = impl_->first_leaf[index + 1];
      fields.push_back(impl_->schema->field(index));
      columns.push_back(MakeExactColumn(source, first, end, fields.back()));
    }
    ARROW_ASSIGN_OR_RAISE(PiecePlan pieces, PlanPieces(*source));
    return MakeBatchStream(source, arrow::schema(std::move(fields), impl_->schema->metadata()),
                           std::move(columns), std::move(pieces), request.use_threads);
  });
}

}  // namespace marquet::pq
