// A file of flat columns, which are encoded side by side as rows come and written one after another when a
// row group ends.
#include <algorithm>

#include "arrow/array.h"
#include "arrow/io/interfaces.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "fmt/format.h"
#include "marquet/base/column_threads.h"
#include "marquet/base/error.h"
#include "marquet/parquet/encode/column_encoder_internal.h"
#include "marquet/parquet/encode/file_encoder_internal.h"
#include "marquet/parquet/encode/writer_properties_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "parquet/file_writer.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

// Rows of which a column takes longer to encode than to hand over to another thread.
constexpr int64_t kLeastParallelRows = 1 << 12;

bool IsFlat(const arrow::DataType& type) {
  return type.num_fields() == 0 && type.id() != arrow::Type::EXTENSION;
}

class FlatFileEncoder final : public FileEncoder {
 public:
  explicit FlatFileEncoder(FileTarget target)
      : target_(std::move(target)),
        row_group_rows_(target_.parts().options.row_group_rows),
        memory_(target_.parts().options.memory),
        footer_(::parquet::FileMetaDataBuilder::Make(target_.parts().descriptor.get(),
                                                     target_.parts().properties)),
        page_index_(::parquet::PageIndexBuilder::Make(target_.parts().descriptor.get())) {
    const EncodingContext context{target_.parts().properties, ::parquet::default_arrow_writer_properties(),
                                  target_.parts().compressor, target_.file};
    for (const auto& field : target_.parts().file_schema->fields()) {
      encoders_.push_back(MakeColumnEncoder(context, *field));
    }
  }

  arrow::Status Start() { return target_.file->Write(kMagic); }

  arrow::Status Append(const arrow::RecordBatch& batch) override {
    for (int64_t begin = 0; begin < batch.num_rows();) {
      if (row_group_ == nullptr) BeginRowGroup();
      const int64_t rows = std::min({batch.num_rows() - begin, row_group_rows_ - rows_, kSliceRows});
      const bool whole = rows == batch.num_rows();
      const bool parallel = target_.parallel && rows >= kLeastParallelRows;
      ARROW_RETURN_NOT_OK(ForEachColumn(parallel, [&](int i) {
        return encoders_[i]->Append(whole ? *batch.column(i) : *batch.column(i)->Slice(begin, rows));
      }));
      begin += rows;
      rows_ += rows;
      if (rows_ == row_group_rows_ || buffered_bytes() > memory_) ARROW_RETURN_NOT_OK(EndRowGroup());
    }
    return arrow::Status::OK();
  }

  arrow::Status EndRowGroup() override { return WriteRowGroup(/*last=*/false); }

  arrow::Result<std::shared_ptr<::parquet::FileMetaData>> Finish() override {
    ARROW_RETURN_NOT_OK(WriteRowGroup(/*last=*/true));
    page_index_->Finish();
    const auto written = page_index_->WriteTo(target_.file.get());
    footer_->SetIndexLocations(::parquet::IndexKind::kColumnIndex, written.column_index_locations);
    footer_->SetIndexLocations(::parquet::IndexKind::kOffsetIndex, written.offset_index_locations);
    std::shared_ptr<::parquet::FileMetaData> footer = footer_->Finish(target_.parts().metadata);
    ::parquet::WriteFileMetaData(*footer, target_.file.get());
    return footer;
  }

  int64_t buffered_bytes() const override {
    int64_t bytes = 0;
    for (const auto& encoder : encoders_) bytes += encoder->buffered_bytes();
    return bytes;
  }

  int64_t lookup_bytes() const override {
    int64_t bytes = 0;
    for (const auto& encoder : encoders_) bytes += encoder->lookup_bytes();
    return bytes;
  }

  int64_t kept_bytes() const override {
    const auto columns = static_cast<int64_t>(encoders_.size());
    const int64_t row_groups = row_group_number_ + (row_group_ == nullptr ? 0 : 1);
    return columns *
           (kColumnBytes + row_groups * kChunkBytes + (ended_rows_ + rows_) / kPageRows * kFurtherPageBytes);
  }

 private:
  void BeginRowGroup() {
    row_group_ = footer_->AppendRowGroup();
    page_index_->AppendRowGroup();
    chunks_.clear();
    for (size_t i = 0; i < encoders_.size(); ++i) {
      const auto column = static_cast<int32_t>(i);
      chunks_.push_back(row_group_->NextColumnChunk());
      encoders_[i]->Begin({.row_group = row_group_number_,
                           .column = static_cast<int16_t>(i),
                           .metadata = chunks_.back(),
                           .column_index = page_index_->GetColumnIndexBuilder(column),
                           .offset_index = page_index_->GetOffsetIndexBuilder(column)});
    }
  }

  // `last`: the file ends with it.
  arrow::Status WriteRowGroup(bool last) {
    if (row_group_ == nullptr) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(ForEachColumn(target_.parallel && rows_ >= kLeastParallelRows,
                                      [&](int i) { return encoders_[i]->Flush(); }));
    int64_t bytes = 0;
    for (size_t i = 0; i < encoders_.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(const int64_t written, encoders_[i]->WriteChunk());
      bytes += written;
      // The chunk's metadata behind it tells the pages of columns apart when the footer is never written. A
      // file of one row group, written when the file ends, can do without.
      if (!last || row_group_number_ > 0) chunks_[i]->WriteTo(target_.file.get());
    }
    row_group_->set_num_rows(rows_);
    row_group_->Finish(bytes, row_group_number_);
    row_group_ = nullptr;
    ended_rows_ += rows_;
    rows_ = 0;
    ++row_group_number_;
    return last ? arrow::Status::OK() : target_.row_group_ended();
  }

  std::string Place(int column) const {
    return fmt::format("{}: column {}", target_.path, target_.parts().file_schema->field(column)->name());
  }

  template <typename Work>
  arrow::Status ForEachColumn(bool parallel, const Work& work) const {
    return ForEach(static_cast<int>(encoders_.size()), parallel,
                   [&](int i) { return GuardWrite([&] { return Place(i); }, [&] { return work(i); }); });
  }

  const FileTarget target_;
  const int64_t row_group_rows_;
  const int64_t memory_;
  const std::unique_ptr<::parquet::FileMetaDataBuilder> footer_;
  const std::unique_ptr<::parquet::PageIndexBuilder> page_index_;
  std::vector<std::unique_ptr<ColumnEncoder>> encoders_;
  ::parquet::RowGroupMetaDataBuilder* row_group_ = nullptr;     // null between row groups
  std::vector<::parquet::ColumnChunkMetaDataBuilder*> chunks_;  // of the row group
  int16_t row_group_number_ = 0;
  int64_t rows_ = 0;        // of the row group in the making
  int64_t ended_rows_ = 0;  // of those before it
};

}  // namespace

arrow::Result<std::unique_ptr<FileEncoder>> MakeFlatFileEncoder(const FileTarget& target) {
  const WriteOptions& options = target.parts().options;
  if (!options.page_index || options.content_pages || !options.int96_columns.empty()) return nullptr;
  for (const auto& field : target.parts().file_schema->fields()) {
    if (!IsFlat(*field->type())) return nullptr;
  }
  auto encoder = std::make_unique<FlatFileEncoder>(target);
  ARROW_RETURN_NOT_OK(encoder->Start());
  return encoder;
}

}  // namespace marquet::pq
