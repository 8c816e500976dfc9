#include "arrow/record_batch.h"
#include "arrow/util/thread_pool.h"
#include "marquet/base/column_threads.h"
#include "marquet/parquet/encode/file_encoder_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "parquet/arrow/writer.h"
#include "parquet/file_writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

class ArrowFileEncoder final : public FileEncoder {
 public:
  explicit ArrowFileEncoder(const FileTarget& target)
      : target_(target), memory_(target.parts().options.memory) {}

  ~ArrowFileEncoder() override {
    // Arrow's writer ends by writing a footer; into an aborted file that fails, and nothing is lost by it.
    try {
      writer_.reset();
    } catch (...) {
      writer_.release();
    }
  }

  arrow::Status Start() {
    const FormatParts& parts = target_.parts();
    const auto arrow_properties = ::parquet::ArrowWriterProperties::Builder()
                                      .set_use_threads(target_.parallel && ColumnThreads() != nullptr)
                                      ->set_executor(ColumnThreads())
                                      ->build();
    const auto properties =
        ::parquet::WriterProperties::Builder(*parts.properties).memory_pool(&pool_)->build();
    auto root = std::static_pointer_cast<::parquet::schema::GroupNode>(parts.descriptor->schema_root());
    auto sink = ::parquet::ParquetFileWriter::Open(target_.file, std::move(root), properties, parts.metadata);
    return ::parquet::arrow::FileWriter::Make(&pool_, std::move(sink), parts.file_schema, arrow_properties,
                                              &writer_);
  }

  arrow::Status Append(const arrow::RecordBatch& batch) override {
    for (int64_t begin = 0; begin < batch.num_rows(); begin += kSliceRows) {
      if (end_row_group_ || buffered_bytes() > memory_) {
        ARROW_RETURN_NOT_OK(writer_->NewBufferedRowGroup());
        ++row_groups_;
      }
      end_row_group_ = false;
      ARROW_RETURN_NOT_OK(writer_->WriteRecordBatch(*batch.Slice(begin, kSliceRows)));
      ARROW_ASSIGN_OR_RAISE(const int64_t written, target_.file->Tell());
      if (written > kMagicBytes) ARROW_RETURN_NOT_OK(target_.row_group_ended());
    }
    return arrow::Status::OK();
  }

  // Arrow begins a row group where it ends one, so this waits for rows: a file has no empty row group.
  arrow::Status EndRowGroup() override {
    end_row_group_ = buffered_bytes() > 0;
    return arrow::Status::OK();
  }

  arrow::Result<std::shared_ptr<::parquet::FileMetaData>> Finish() override {
    ARROW_RETURN_NOT_OK(writer_->Close());
    return writer_->metadata();
  }

  int64_t buffered_bytes() const override { return pool_.bytes_allocated(); }

  int64_t kept_bytes() const override {
    return target_.parts().descriptor->num_columns() * (kColumnBytes + (row_groups_ + 1) * kChunkBytes);
  }

 private:
  const FileTarget target_;
  const int64_t memory_;
  bool end_row_group_ = false;
  int64_t row_groups_ = 0;                                     // that memory has ended
  arrow::ProxyMemoryPool pool_{arrow::default_memory_pool()};  // counts what Arrow buffers
  std::unique_ptr<::parquet::arrow::FileWriter> writer_;
};

}  // namespace

arrow::Result<std::unique_ptr<FileEncoder>> MakeArrowFileEncoder(const FileTarget& target) {
  auto encoder = std::make_unique<ArrowFileEncoder>(target);
  ARROW_RETURN_NOT_OK(encoder->Start());
  return encoder;
}

}  // namespace marquet::pq
