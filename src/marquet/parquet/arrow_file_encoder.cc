#include "arrow/record_batch.h"
#include "arrow/util/thread_pool.h"
#include "marquet/parquet/column_threads_internal.h"
#include "marquet/parquet/file_encoder_internal.h"
#include "parquet/arrow/writer.h"
#include "parquet/file_writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

class ArrowFileEncoder final : public FileEncoder {
 public:
  ArrowFileEncoder(const FileLayout& layout, const WriteOptions& options)
      : layout_(layout), memory_(options.memory) {}

  ~ArrowFileEncoder() override {
    // Arrow's writer ends by writing a footer; into an aborted file that fails, and nothing is lost by it.
    try {
      writer_.reset();
    } catch (...) {
      writer_.release();
    }
  }

  arrow::Status Start(bool parallel) {
    const auto properties = ::parquet::ArrowWriterProperties::Builder()
                                .set_use_threads(parallel && ColumnThreads() != nullptr)
                                ->set_executor(ColumnThreads())
                                ->build();
    auto root = std::static_pointer_cast<::parquet::schema::GroupNode>(layout_.descriptor->schema_root());
    auto sink = ::parquet::ParquetFileWriter::Open(layout_.file, std::move(root), layout_.properties,
                                                   layout_.metadata);
    return ::parquet::arrow::FileWriter::Make(layout_.properties->memory_pool(), std::move(sink),
                                              layout_.schema, properties, &writer_);
  }

  arrow::Status Append(const arrow::RecordBatch& batch) override {
    for (int64_t begin = 0; begin < batch.num_rows(); begin += kSliceRows) {
      if (buffered_bytes() > memory_) ARROW_RETURN_NOT_OK(writer_->NewBufferedRowGroup());
      ARROW_RETURN_NOT_OK(writer_->WriteRecordBatch(*batch.Slice(begin, kSliceRows)));
    }
    return arrow::Status::OK();
  }

  arrow::Result<std::shared_ptr<::parquet::FileMetaData>> Finish() override {
    ARROW_RETURN_NOT_OK(writer_->Close());
    return writer_->metadata();
  }

  int64_t buffered_bytes() const override { return layout_.properties->memory_pool()->bytes_allocated(); }

 private:
  const FileLayout layout_;
  const int64_t memory_;
  std::unique_ptr<::parquet::arrow::FileWriter> writer_;
};

}  // namespace

arrow::Result<std::unique_ptr<FileEncoder>> MakeArrowFileEncoder(const FileLayout& layout,
                                                                 const WriteOptions& options) {
  auto encoder = std::make_unique<ArrowFileEncoder>(layout, options);
  ARROW_RETURN_NOT_OK(encoder->Start(options.parallel));
  return encoder;
}

}  // namespace marquet::pq
