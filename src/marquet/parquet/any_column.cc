#include <numeric>

#include "arrow/array/concatenate.h"
#include "marquet/parquet/column_stream_internal.h"
#include "parquet/arrow/reader.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"

namespace marquet::pq {
namespace {

class AnyColumn final : public ColumnStream {
 public:
  AnyColumn(std::shared_ptr<const ReadSource> source, int first_leaf, int end_leaf,
            std::shared_ptr<arrow::Field> field)
      : source_(std::move(source)), leaves_(end_leaf - first_leaf), field_(std::move(field)) {
    std::iota(leaves_.begin(), leaves_.end(), first_leaf);
  }

  arrow::Result<std::shared_ptr<arrow::Array>> Decode(const Piece& piece) override {
    if (piece.part != part_) ARROW_RETURN_NOT_OK(OpenPart(piece.part));
    const int64_t end = piece.begin + piece.rows;
    arrow::ArrayVector found;
    for (int64_t row = piece.begin; row < end;) {
      while (held_ == nullptr || row >= held_begin_ + held_->length()) ARROW_RETURN_NOT_OK(Next());
      const int64_t count = std::min(end, held_begin_ + held_->length()) - row;
      found.push_back(held_->Slice(row - held_begin_, count));
      row += count;
    }
    if (found.size() == 1) return found[0];
    if (found.empty()) return arrow::MakeEmptyArray(field_->type());
    return arrow::Concatenate(found);
  }

 private:
  arrow::Status OpenPart(int part) {
    if (reader_ == nullptr) {
      ::parquet::arrow::FileReaderBuilder builder;
      ::parquet::ReaderProperties reading;
      reading.set_page_checksum_verification(true);
      ARROW_RETURN_NOT_OK(builder.Open(source_->file, reading, source_->footer));
      ::parquet::ArrowReaderProperties properties(/*use_threads=*/false);
      properties.set_pre_buffer(false);
      properties.set_batch_size(source_->batch_rows);
      ARROW_ASSIGN_OR_RAISE(reader_, builder.properties(properties)->Build());
    }
    ARROW_ASSIGN_OR_RAISE(rows_, reader_->GetRecordBatchReader({source_->parts[part].row_group}, leaves_));
    held_.reset();
    held_begin_ = 0;
    part_ = part;
    return arrow::Status::OK();
  }

  arrow::Status Next() {
    std::shared_ptr<arrow::RecordBatch> batch;
    if (held_ != nullptr) held_begin_ += held_->length();
    ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch));
    // Arrow ends quietly when a column has fewer values than the row group has rows.
    if (batch == nullptr) {
      return arrow::Status::IOError("the values end at row ", held_begin_,
                                    " of the row group, which has more");
    }
    held_ = batch->column(0);
    return arrow::Status::OK();
  }

  const std::shared_ptr<const ReadSource> source_;
  std::vector<int> leaves_;
  const std::shared_ptr<arrow::Field> field_;
  std::unique_ptr<::parquet::arrow::FileReader> reader_;
  int part_ = -1;
  std::unique_ptr<arrow::RecordBatchReader> rows_;  // of the current part
  std::shared_ptr<arrow::Array> held_;
  int64_t held_begin_ = 0;  // row of the row group that held_ begins with
};

}  // namespace

std::unique_ptr<ColumnStream> MakeAnyColumn(std::shared_ptr<const ReadSource> source, int first_leaf,
                                            int end_leaf, const std::shared_ptr<arrow::Field>& field) {
  return std::make_unique<AnyColumn>(std::move(source), first_leaf, end_leaf, field);
}

}  // namespace marquet::pq
