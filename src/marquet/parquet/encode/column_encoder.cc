#include "marquet/parquet/encode/column_encoder_internal.h"

#include <algorithm>

#include "arrow/array.h"
#include "arrow/memory_pool.h"
#include "arrow/type.h"
#include "arrow/util/bit_util.h"
#include "marquet/parquet/encode/scratch_internal.h"
#include "parquet/column_writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"

namespace marquet::pq {
namespace {

// Arrow's writer of a column chunk, whose pages it holds back until the chunk is closed.
class ArrowEncoder final : public ColumnEncoder {
 public:
  ArrowEncoder(EncodingContext context, bool nullable)
      : context_(Counted(std::move(context), &pool_)),
        nullable_(nullable),
        write_context_(&pool_, context_.arrow_properties.get()) {}

  void Begin(const ChunkPlace& place) override {
    writer_ = ::parquet::ColumnWriter::Make(
        place.metadata, OpenPageWriter(context_, place, /*hold_back=*/true), context_.properties.get());
  }

  arrow::Status Append(const arrow::Array& rows) override {
    if (!nullable_) {
      return writer_->WriteArrow(nullptr, nullptr, rows.length(), rows, &write_context_, false);
    }
    levels_.resize(static_cast<size_t>(rows.length()));
    for (int64_t i = 0; i < rows.length(); ++i) levels_[static_cast<size_t>(i)] = rows.IsValid(i) ? 1 : 0;
    return writer_->WriteArrow(levels_.data(), nullptr, rows.length(), rows, &write_context_, true);
  }

  arrow::Status Flush() override { return arrow::Status::OK(); }

  arrow::Result<int64_t> WriteChunk() override {
    const int64_t bytes = writer_->Close();
    writer_.reset();
    write_context_ =
        ::parquet::ArrowWriteContext(&pool_, context_.arrow_properties.get());  // without buffers
    GiveBack(&levels_);
    return bytes;
  }

  int64_t buffered_bytes() const override {
    return pool_.bytes_allocated() + static_cast<int64_t>(levels_.capacity() * sizeof(int16_t));
  }

  int64_t lookup_bytes() const override {
    if (writer_ == nullptr) return buffered_bytes();
    const int64_t encoded = writer_->total_compressed_bytes() + writer_->total_compressed_bytes_written() +
                            writer_->estimated_buffered_value_bytes() +
                            writer_->estimated_buffered_dict_bytes() +
                            writer_->estimated_buffered_def_level_bytes();
    return std::max<int64_t>(buffered_bytes() - encoded, 0);
  }

 private:
  // The same with a pool of its own, by which Arrow's buffers and tables are counted.
  static EncodingContext Counted(EncodingContext context, arrow::MemoryPool* pool) {
    context.properties = ::parquet::WriterProperties::Builder(*context.properties).memory_pool(pool)->build();
    return context;
  }

  arrow::ProxyMemoryPool pool_{arrow::default_memory_pool()};  // before all that takes memory of it
  const EncodingContext context_;
  const bool nullable_;
  ::parquet::ArrowWriteContext write_context_;
  std::shared_ptr<::parquet::ColumnWriter> writer_;
  std::vector<int16_t> levels_;
};

}  // namespace

std::unique_ptr<ColumnEncoder> MakeColumnEncoder(const EncodingContext& context, const arrow::Field& field) {
  if (auto encoder = MakeNumberEncoder(context, *field.type(), field.nullable())) return encoder;
  if (auto encoder = MakeBytesEncoder(context, *field.type(), field.nullable())) return encoder;
  return MakeArrowEncoder(context, field.nullable());
}

std::unique_ptr<ColumnEncoder> MakeArrowEncoder(const EncodingContext& context, bool nullable) {
  return std::make_unique<ArrowEncoder>(context, nullable);
}

std::unique_ptr<::parquet::PageWriter> OpenPageWriter(const EncodingContext& context, const ChunkPlace& place,
                                                      bool hold_back) {
  const ::parquet::WriterProperties& properties = *context.properties;
  const ::parquet::ColumnProperties& all = properties.default_column_properties();  // alike in every column
  const auto& codec_options = all.codec_options();  // a null pointer where no level is asked for
  return ::parquet::PageWriter::Open(
      context.file, all.compression(), place.metadata, place.row_group, place.column,
      properties.memory_pool(), hold_back,
      /*header_encryptor=*/nullptr, /*data_encryptor=*/nullptr, properties.page_checksum_enabled(),
      place.column_index, place.offset_index, codec_options ? *codec_options : arrow::util::CodecOptions());
}

}  // namespace marquet::pq
