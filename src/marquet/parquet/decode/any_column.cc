#include <numeric>
#include <utility>

#include "arrow/array/concatenate.h"
#include "marquet/base/column_memory.h"
#include "marquet/parquet/decode/arrow_pages_internal.h"
#include "marquet/parquet/decode/column_stream_internal.h"
#include "parquet/arrow/reader.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

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
    ARROW_ASSIGN_OR_RAISE(const int64_t begin, PlaceOf(piece));
    const int64_t end = begin + piece.rows;
    arrow::ArrayVector found;
    for (int64_t row = begin; row < end;) {
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
    part_ = part;
    held_.reset();
    held_begin_ = 0;
    // Pages can be left out of a single leaf only: those of several end at different rows.
    if (leaves_.size() == 1) {
      const ReadRequest::Part& wanted = source_->parts[part];
      ARROW_ASSIGN_OR_RAISE(only_, ReadChunkPages(*source_, wanted.row_group, leaves_[0], wanted.rows));
      pages_ = only_.pages;
    }
    if (reader_ == nullptr) {
      ::parquet::ArrowReaderProperties properties(/*use_threads=*/false);
      properties.set_pre_buffer(false);
      // Arrow makes room for so many rows before it looks at a page.
      properties.set_batch_size(std::min(source_->batch_rows, kMostTrustedRows));
      properties.set_coerce_int96_timestamp_unit(source_->int96_unit);
      auto file =
          ArrowFile(source_->footer, [this](int row_group, int leaf) { return OpenChunk(row_group, leaf); });
      ARROW_ASSIGN_OR_RAISE(reader_,
                            ::parquet::arrow::FileReader::Make(ColumnMemory(), std::move(file), properties));
    }
    ARROW_ASSIGN_OR_RAISE(rows_, reader_->GetRecordBatchReader({source_->parts[part].row_group}, leaves_));
    return arrow::Status::OK();
  }

  arrow::Result<std::unique_ptr<ChunkReader>> OpenChunk(int row_group, int leaf) {
    ChunkPages found;
    if (leaves_.size() == 1) {
      found = std::exchange(only_, {});
    } else {
      ARROW_ASSIGN_OR_RAISE(found, ReadChunkPages(*source_, row_group, leaf, {}));
    }
    const auto chunk = source_->footer->RowGroup(row_group)->ColumnChunk(leaf);
    const bool repeated = source_->footer->schema()->Column(leaf)->max_repetition_level() > 0;
    const int64_t values = repeated && !found.pages.empty() ? -1 : found.values;
    return std::make_unique<ChunkReader>(std::move(found.bytes), chunk->compression(), values,
                                         Checksums::kVerify);
  }

  // Where the piece begins among the rows of the pages that are read.
  arrow::Result<int64_t> PlaceOf(const Piece& piece) const {
    if (pages_.empty()) return piece.begin;
    int64_t before = 0;
    for (const RowRange& page : pages_) {
      if (piece.begin >= page.begin && piece.begin < page.end) return before + piece.begin - page.begin;
      before += page.end - page.begin;
    }
    return arrow::Status::IOError("no page that was read holds row ", piece.begin);
  }

  arrow::Status Next() {
    std::shared_ptr<arrow::RecordBatch> batch;
    if (held_ != nullptr) held_begin_ += held_->length();
    ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch));
    // Arrow ends quietly when a column has fewer values than the row group has rows.
    if (batch == nullptr) {
      return arrow::Status::IOError("the values end after ", held_begin_,
                                    " rows of the row group; there should be more");
    }
    held_ = batch->column(0);
    return arrow::Status::OK();
  }

  const std::shared_ptr<const ReadSource> source_;
  std::vector<int> leaves_;
  const std::shared_ptr<arrow::Field> field_;
  std::unique_ptr<::parquet::arrow::FileReader> reader_;

  // The current part. Places count the rows of the pages that are read.
  int part_ = -1;
  ChunkPages only_;              // of a single leaf, until Arrow takes it
  std::vector<RowRange> pages_;  // see ChunkPages
  std::unique_ptr<arrow::RecordBatchReader> rows_;
  std::shared_ptr<arrow::Array> held_;
  int64_t held_begin_ = 0;
};

}  // namespace

std::unique_ptr<ColumnStream> MakeAnyColumn(std::shared_ptr<const ReadSource> source, int first_leaf,
                                            int end_leaf, const std::shared_ptr<arrow::Field>& field) {
  return std::make_unique<AnyColumn>(std::move(source), first_leaf, end_leaf, field);
}

std::unique_ptr<ColumnStream> MakeColumn(const std::shared_ptr<const ReadSource>& source, int first_leaf,
                                         int end_leaf, const std::shared_ptr<arrow::Field>& field) {
  if (end_leaf - first_leaf == 1) {
    if (auto column = MakeFlatColumn(source, first_leaf, field)) return column;
  }
  return MakeAnyColumn(source, first_leaf, end_leaf, field);
}

}  // namespace marquet::pq
