#include "marquet/parquet/reader.h"

#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/parquet/column_statistics_internal.h"
#include "marquet/parquet/failures_internal.h"
#include "marquet/parquet/footer_internal.h"
#include "parquet/arrow/reader.h"
#include "parquet/arrow/schema.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/properties.h"
#include "parquet/statistics.h"

namespace marquet::pq {

struct FileReader::Impl {
  std::string path;
  int64_t size = 0;
  std::shared_ptr<arrow::io::RandomAccessFile> file;
  std::shared_ptr<::parquet::FileMetaData> footer;
  std::shared_ptr<arrow::Schema> schema;
  std::vector<int> first_leaf;  // by top-level field; one more at the end

  arrow::Status Load(file::FileSystem& fs) {
    ARROW_ASSIGN_OR_RAISE(file, fs.OpenForReading(path));
    if (footer == nullptr) {
      ARROW_ASSIGN_OR_RAISE(Footer found, ReadFooter(*file, path, size));
      footer = std::move(found.metadata);
    }
    ARROW_RETURN_NOT_OK(::parquet::arrow::FromParquetSchema(
        footer->schema(), ::parquet::ArrowReaderProperties(), footer->key_value_metadata(), &schema));
    for (int leaf = 0; leaf < footer->num_columns(); ++leaf) {
      const auto* root = footer->schema()->GetColumnRoot(leaf);
      if (leaf == 0 || root != footer->schema()->GetColumnRoot(leaf - 1)) first_leaf.push_back(leaf);
    }
    first_leaf.push_back(footer->num_columns());
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

// The column index tells each page's bounds, the offset index where its rows begin.
arrow::Result<std::optional<std::vector<PageBounds>>> FileReader::Impl::Pages(int row_group,
                                                                              int field) const {
  using Pages = std::optional<std::vector<PageBounds>>;
  const int leaf = first_leaf[field];
  const auto group = footer->RowGroup(row_group);
  const auto chunk = group->ColumnChunk(leaf);
  if (!chunk->GetColumnIndexLocation().has_value() || !chunk->GetOffsetIndexLocation().has_value())
    return Pages{};
  const auto indexes = ::parquet::PageIndexReader::Make(file.get(), footer, ::parquet::ReaderProperties());
  const auto index = indexes->RowGroup(row_group);
  if (index == nullptr) return Pages{};
  const auto bounds = index->GetColumnIndex(leaf);
  const auto offsets = index->GetOffsetIndex(leaf);
  if (bounds == nullptr || offsets == nullptr) return Pages{};

  const auto& locations = offsets->page_locations();
  const size_t count = locations.size();
  if (bounds->null_pages().size() != count || bounds->encoded_min_values().size() != count ||
      bounds->encoded_max_values().size() != count ||
      (bounds->has_null_counts() && bounds->null_counts().size() != count)) {
    return CorruptData(
        fmt::format("{}: the column index and the offset index tell of different numbers of pages",
                    Place(row_group, schema->field(field)->name())));
  }
  const ::parquet::ColumnDescriptor& column = *footer->schema()->Column(leaf);
  std::vector<PageBounds> pages(count);
  for (size_t i = 0; i < count; ++i) {
    const int64_t end = i + 1 < count ? locations[i + 1].first_row_index : group->num_rows();
    if (locations[i].first_row_index < 0 || locations[i].first_row_index >= end ||
        (i == 0 && locations[0].first_row_index != 0)) {
      return CorruptData(fmt::format("{}: page {} begins at row {} and the next at row {}",
                                     Place(row_group, schema->field(field)->name()), i,
                                     locations[i].first_row_index, end));
    }
    pages[i].first_row = locations[i].first_row_index;
    pages[i].rows = end - locations[i].first_row_index;
    ::parquet::EncodedStatistics encoded;
    if (bounds->has_null_counts()) encoded.set_null_count(bounds->null_counts()[i]);
    if (!bounds->null_pages()[i]) {
      encoded.set_min(bounds->encoded_min_values()[i]);
      encoded.set_max(bounds->encoded_max_values()[i]);
    }
    const auto statistics = ::parquet::Statistics::Make(&column, &encoded, pages[i].rows);
    pages[i].statistics = TypedStatistics(statistics.get(), *schema->field(field));
    if (bounds->null_pages()[i]) {
      pages[i].statistics.null_count = pages[i].rows;
      pages[i].statistics.has_nan = false;
    }
  }
  return Pages{std::move(pages)};
}

namespace {

// The slices of the batches of one row group that lie in the ranges asked for.
class RowGroupRows final : public arrow::RecordBatchReader {
 public:
  RowGroupRows(std::string path, std::shared_ptr<arrow::Schema> schema,
               std::unique_ptr<::parquet::arrow::FileReader> reader, std::vector<int> leaves,
               ReadRequest request)
      : path_(std::move(path)),
        schema_(std::move(schema)),
        reader_(std::move(reader)),
        leaves_(std::move(leaves)),
        request_(std::move(request)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    return GuardRead(path_, [&] { return Next(out); });
  }

 private:
  arrow::Status Next(std::shared_ptr<arrow::RecordBatch>* out) {
    out->reset();
    for (;;) {
      if (batch_ != nullptr) {
        const std::vector<RowRange>& ranges = request_.parts[part_].rows;
        while (range_ < ranges.size()) {
          const int64_t begin = std::max(ranges[range_].begin, batch_begin_);
          const int64_t end = std::min(ranges[range_].end, batch_begin_ + batch_->num_rows());
          if (ranges[range_].end > batch_begin_ + batch_->num_rows()) {
            if (begin < end) *out = batch_->Slice(begin - batch_begin_, end - begin);
            break;
          }
          ++range_;
          if (begin < end) {
            *out = batch_->Slice(begin - batch_begin_, end - begin);
            return arrow::Status::OK();
          }
        }
        if (ranges.empty()) *out = batch_;
        batch_begin_ += batch_->num_rows();
        batch_.reset();
        if (*out != nullptr) return arrow::Status::OK();
      }
      if (rows_ == nullptr) {
        if (part_ == request_.parts.size()) return arrow::Status::OK();
        ARROW_ASSIGN_OR_RAISE(rows_,
                              reader_->GetRecordBatchReader({request_.parts[part_].row_group}, leaves_));
      }
      ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch_));
      if (batch_ == nullptr) {
        // Arrow ends quietly when a column has fewer values than the row group has rows.
        const int row_group = request_.parts[part_].row_group;
        const int64_t expected = reader_->parquet_reader()->metadata()->RowGroup(row_group)->num_rows();
        if (batch_begin_ != expected) {
          return CorruptData(fmt::format("{}: row group {}: {} rows could be decoded; the footer says {}",
                                         path_, row_group, batch_begin_, expected));
        }
        rows_.reset();
        ++part_;
        batch_begin_ = 0;
        range_ = 0;
        continue;
      }
      arrow::ArrayVector columns;
      for (const auto& field : schema_->fields()) {
        columns.push_back(batch_->GetColumnByName(field->name()));
        if (columns.back() == nullptr || columns.back()->length() != batch_->num_rows()) {
          return CorruptData(fmt::format("{}: row group {}, column {}: its values do not fill the rows",
                                         path_, request_.parts[part_].row_group, field->name()));
        }
      }
      batch_ = arrow::RecordBatch::Make(schema_, batch_->num_rows(), std::move(columns));
    }
  }

  std::string path_;
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<::parquet::arrow::FileReader> reader_;
  std::vector<int> leaves_;
  ReadRequest request_;
  std::unique_ptr<arrow::RecordBatchReader> rows_;  // of the current part
  std::shared_ptr<arrow::RecordBatch> batch_;
  int64_t batch_begin_ = 0;
  size_t part_ = 0;
  size_t range_ = 0;
};

}  // namespace

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

int64_t FileReader::rows() const { return impl_->footer->num_rows(); }

int FileReader::num_row_groups() const { return impl_->footer->num_row_groups(); }

int64_t FileReader::row_group_rows(int row_group) const {
  return impl_->footer->RowGroup(row_group)->num_rows();
}

arrow::Result<ColumnStatistics> FileReader::Statistics(int row_group, const std::string& column) const {
  ARROW_RETURN_NOT_OK(impl_->CheckRowGroup(row_group));
  ARROW_ASSIGN_OR_RAISE(const int field, impl_->Field(column));
  if (!impl_->IsFlat(field)) return ColumnStatistics{.name = column};
  return GuardRead(impl_->Place(row_group, column), [&]() -> arrow::Result<ColumnStatistics> {
    return FooterStatistics(*impl_->footer, row_group, impl_->first_leaf[field],
                            *impl_->schema->field(field));
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
  arrow::FieldVector fields;
  std::vector<int> leaves;
  for (const std::string& column : request.columns) {
    ARROW_ASSIGN_OR_RAISE(const int field, impl_->Field(column));
    fields.push_back(impl_->schema->field(field));
    for (int leaf = impl_->first_leaf[field]; leaf < impl_->first_leaf[field + 1]; ++leaf)
      leaves.push_back(leaf);
  }
  for (const ReadRequest::Part& part : request.parts)
    ARROW_RETURN_NOT_OK(impl_->CheckRowGroup(part.row_group));
  return GuardRead(impl_->path, [&]() -> arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> {
    ::parquet::arrow::FileReaderBuilder builder;
    ::parquet::ReaderProperties reading;
    reading.set_page_checksum_verification(true);  // damage must never become a value
    ARROW_RETURN_NOT_OK(builder.Open(impl_->file, reading, impl_->footer));
    ::parquet::ArrowReaderProperties properties(request.use_threads);
    properties.set_batch_size(request.batch_rows);
    ARROW_ASSIGN_OR_RAISE(auto reader, builder.properties(properties)->Build());
    return std::make_shared<RowGroupRows>(impl_->path,
                                          arrow::schema(std::move(fields), impl_->schema->metadata()),
                                          std::move(reader), std::move(leaves), std::move(request));
  });
}

}  // namespace marquet::pq
