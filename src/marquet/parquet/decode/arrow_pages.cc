#include "marquet/parquet/decode/arrow_pages_internal.h"

#include "arrow/buffer.h"
#include "marquet/parquet/decode/page_content_internal.h"
#include "marquet/parquet/format/leaf_type_internal.h"
#include "parquet/bloom_filter_reader.h"
#include "parquet/column_page.h"
#include "parquet/column_reader.h"
#include "parquet/exception.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

using Encoding = ::parquet::Encoding::type;

class PagesOfChunk final : public ::parquet::PageReader {
 public:
  PagesOfChunk(std::unique_ptr<ChunkReader> reader, const ::parquet::ColumnDescriptor* checked)
      : reader_(std::move(reader)), checked_(checked) {}

  std::shared_ptr<::parquet::Page> NextPage() override {
    PARQUET_ASSIGN_OR_THROW(const Page* const page, reader_->Next());
    if (page == nullptr) return nullptr;
    if (checked_ != nullptr) PARQUET_THROW_NOT_OK(Check(*page));
    const PageHeader& header = page->header;
    // Not owned: Arrow, too, is done with a page when it asks for the next.
    auto body = std::make_shared<arrow::Buffer>(page->body.data(), static_cast<int64_t>(page->body.size()));
    const auto encoding = static_cast<Encoding>(header.encoding);
    switch (header.kind) {
      case PageKind::kDictionary:
        return std::make_shared<::parquet::DictionaryPage>(std::move(body), header.values, encoding);
      case PageKind::kDataV2:
        return std::make_shared<::parquet::DataPageV2>(
            std::move(body), header.values, header.nulls, header.rows, encoding,
            header.definition_level_bytes, header.repetition_level_bytes, header.uncompressed_size);
      default:
        return std::make_shared<::parquet::DataPageV1>(
            std::move(body), header.values, encoding, static_cast<Encoding>(header.definition_level_encoding),
            static_cast<Encoding>(header.repetition_level_encoding), header.uncompressed_size);
    }
  }

  void set_max_page_header_size(uint32_t) override {}  // headers are bounded by their chunk

 private:
  arrow::Status Check(const Page& page) {
    const arrow::Status status = CheckContent(page, *checked_, dictionary_values_).status();
    if (!status.ok()) return status.WithMessage("page ", reader_->page_number(), ": ", status.message());
    if (page.header.kind == PageKind::kDictionary) dictionary_values_ = page.header.values;
    return status;
  }

  const std::unique_ptr<ChunkReader> reader_;
  const ::parquet::ColumnDescriptor* const checked_;  // may be a null pointer
  int64_t dictionary_values_ = -1;
};

// Whether Arrow's reader gives values of a page that does not fit its column, without a word: it takes as
// many as the levels say, and does not look behind the last. Of lists only a full check looks at the whole
// page.
bool NeedsCheck(const ::parquet::ColumnDescriptor& column) {
  return column.max_repetition_level() == 0 || IsAlwaysNull(column);
}

class RowGroup final : public ::parquet::RowGroupReader::Contents {
 public:
  RowGroup(const std::shared_ptr<::parquet::FileMetaData>& footer, int row_group, OpenChunk open)
      : metadata_(footer->RowGroup(row_group)), row_group_(row_group), open_(std::move(open)) {}

  std::unique_ptr<::parquet::PageReader> GetColumnPageReader(int leaf) override {
    PARQUET_ASSIGN_OR_THROW(auto reader, open_(row_group_, leaf));
    const ::parquet::ColumnDescriptor& column = *metadata_->schema()->Column(leaf);
    return ArrowPages(std::move(reader), NeedsCheck(column) ? &column : nullptr);
  }
  const ::parquet::RowGroupMetaData* metadata() const override { return metadata_.get(); }
  const ::parquet::ReaderProperties* properties() const override { return &properties_; }

 private:
  const std::unique_ptr<::parquet::RowGroupMetaData> metadata_;
  const int row_group_;
  const OpenChunk open_;
  const ::parquet::ReaderProperties properties_;
};

class File final : public ::parquet::ParquetFileReader::Contents {
 public:
  File(std::shared_ptr<::parquet::FileMetaData> footer, OpenChunk open)
      : footer_(std::move(footer)), open_(std::move(open)) {}

  void Close() override {}
  std::shared_ptr<::parquet::RowGroupReader> GetRowGroup(int i) override {
    return std::make_shared<::parquet::RowGroupReader>(std::make_unique<RowGroup>(footer_, i, open_));
  }
  std::shared_ptr<::parquet::FileMetaData> metadata() const override { return footer_; }
  std::shared_ptr<::parquet::PageIndexReader> GetPageIndexReader() override { return nullptr; }
  ::parquet::BloomFilterReader& GetBloomFilterReader() override {
    throw ::parquet::ParquetException("Bloom filters are not read");
  }

 private:
  const std::shared_ptr<::parquet::FileMetaData> footer_;
  const OpenChunk open_;
};

}  // namespace

std::unique_ptr<::parquet::PageReader> ArrowPages(std::unique_ptr<ChunkReader> reader,
                                                  const ::parquet::ColumnDescriptor* checked) {
  return std::make_unique<PagesOfChunk>(std::move(reader), checked);
}

std::unique_ptr<::parquet::ParquetFileReader> ArrowFile(std::shared_ptr<::parquet::FileMetaData> footer,
                                                        OpenChunk open) {
  auto file = std::make_unique<::parquet::ParquetFileReader>();
  file->Open(std::make_unique<File>(std::move(footer), std::move(open)));
  return file;
}

}  // namespace marquet::pq
