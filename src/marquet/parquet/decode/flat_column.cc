#include <cstring>
#include <optional>

#include "arrow/util/bitmap_ops.h"
#include "marquet/base/column_memory.h"
#include "marquet/parquet/decode/column_stream_internal.h"
#include "marquet/parquet/decode/flat_chunk_internal.h"

namespace marquet::pq {

namespace {

// Decoded and dropped at a time, when rows are passed over.
constexpr int64_t kScratchValues = 4096;

// `Stored` is Parquet's physical type, `T` the array's values: the same width, or narrower.
template <typename Stored, typename T>
class FlatColumn final : public ColumnStream {
 public:
  using Raw = typename Stored::c_type;

  FlatColumn(std::shared_ptr<const ReadSource> source, int leaf, std::shared_ptr<arrow::DataType> type)
      : source_(std::move(source)),
        leaf_(leaf),
        column_(*source_->footer->schema()->Column(leaf)),
        type_(std::move(type)) {}

  arrow::Result<std::shared_ptr<arrow::Array>> Decode(const Piece& piece) override {
    if (piece.part != part_) ARROW_RETURN_NOT_OK(OpenPart(piece.part));
    ARROW_RETURN_NOT_OK(SkipTo(piece.begin));
    if (piece.rows > kMostTrustedRows) ARROW_RETURN_NOT_OK(chunk_->CheckRowsLeft(piece.rows));
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> values,
                          arrow::AllocateBuffer(piece.rows * sizeof(T), ColumnMemory()));
    validity_.reset();
    null_count_ = 0;
    T* const out = reinterpret_cast<T*>(values->mutable_data());
    for (int64_t done = 0; done < piece.rows;) {
      ARROW_RETURN_NOT_OK(FillPage());
      const int64_t count = std::min(piece.rows - done, chunk_->page_end() - chunk_->row());
      ARROW_RETURN_NOT_OK(chunk_->page_has_nulls() ? DecodeNullable(out + done, done, count, piece.rows)
                                                   : DecodeDense(out + done, count));
      done += count;
    }
    return arrow::MakeArray(
        arrow::ArrayData::Make(type_, piece.rows, {std::move(validity_), std::move(values)}, null_count_));
  }

 private:
  arrow::Status OpenPart(int part) {
    const ReadRequest::Part& wanted = source_->parts[part];
    const auto chunk = source_->footer->RowGroup(wanted.row_group)->ColumnChunk(leaf_);
    chunk_.reset();
    ARROW_ASSIGN_OR_RAISE(ChunkPages pages, ReadChunkPages(*source_, wanted.row_group, leaf_, wanted.rows));
    chunk_.emplace(column_, *chunk, std::move(pages), Checksums::kVerify);
    part_ = part;
    return arrow::Status::OK();
  }

  // Makes the page that holds the next row the current one.
  arrow::Status FillPage() {
    ARROW_ASSIGN_OR_RAISE(const bool filled, chunk_->NextPage());
    if (filled) return arrow::Status::OK();
    return arrow::Status::IOError("the pages end at row ", chunk_->row(), "; the row group has more");
  }

  arrow::Status DecodeDense(T* out, int64_t count) {
    if constexpr (sizeof(T) == sizeof(Raw)) {
      return chunk_->Decode(reinterpret_cast<Raw*>(out), count);
    } else {
      scratch_.resize(kScratchValues);
      for (int64_t done = 0; done < count;) {
        const int64_t step = std::min(count - done, kScratchValues);
        ARROW_RETURN_NOT_OK(chunk_->Decode(scratch_.data(), step));
        for (int64_t i = 0; i < step; ++i) out[done + i] = static_cast<T>(scratch_[i]);
        done += step;
      }
      return arrow::Status::OK();
    }
  }

  // `out` is the place of the piece's row `done`.
  arrow::Status DecodeNullable(T* out, int64_t done, int64_t count, int64_t piece_rows) {
    if (validity_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(validity_, arrow::AllocateBitmap(piece_rows));
      std::memset(validity_->mutable_data(), 0xff, validity_->size());  // no page before this one had nulls
    }
    scratch_.resize(kScratchValues);
    defined_.resize(kScratchValues);
    for (int64_t at = 0; at < count;) {
      const int64_t step = std::min(count - at, kScratchValues);
      ARROW_ASSIGN_OR_RAISE(const int64_t values,
                            chunk_->DecodeDefined(defined_.data(), scratch_.data(), step));
      int64_t next = 0;
      for (int64_t i = 0; i < step; ++i) {
        const bool valid = defined_[i] == 1;
        out[at + i] = valid ? static_cast<T>(scratch_[next++]) : T{};
        if (!valid) arrow::bit_util::ClearBit(validity_->mutable_data(), done + at + i);
      }
      null_count_ += step - values;
      at += step;
    }
    return arrow::Status::OK();
  }

  arrow::Status SkipTo(int64_t row) {
    scratch_.resize(kScratchValues);
    defined_.resize(kScratchValues);
    while (chunk_->row() < row) {
      if (chunk_->row() == chunk_->page_end()) {
        ARROW_RETURN_NOT_OK(FillPage());
        continue;  // pages left out may have moved the row
      }
      if (row >= chunk_->page_end()) {
        chunk_->SkipPage();
        continue;
      }
      const int64_t count = std::min(row - chunk_->row(), kScratchValues);
      if (chunk_->page_has_nulls()) {
        ARROW_RETURN_NOT_OK(chunk_->DecodeDefined(defined_.data(), scratch_.data(), count).status());
      } else {
        ARROW_RETURN_NOT_OK(chunk_->Decode(scratch_.data(), count));
      }
    }
    if (chunk_->row() == row) return arrow::Status::OK();
    return arrow::Status::IOError("row ", row, " lies before the pages that were read");
  }

  const std::shared_ptr<const ReadSource> source_;
  const int leaf_;
  const ::parquet::ColumnDescriptor& column_;
  const std::shared_ptr<arrow::DataType> type_;

  int part_ = -1;
  std::optional<FlatChunk<Stored>> chunk_;  // of the current part

  // The current piece.
  std::shared_ptr<arrow::Buffer> validity_;  // made when the first page with nulls comes
  int64_t null_count_ = 0;
  std::vector<int16_t> defined_;
  std::vector<Raw> scratch_;
};

// Whether a time's unit is the same in the file and in the array.
bool SameUnit(const ::parquet::ColumnDescriptor& column, arrow::TimeUnit::type unit) {
  using Unit = ::parquet::LogicalType::TimeUnit;
  const auto& logical = column.logical_type();
  if (logical == nullptr) return false;
  Unit::unit stored = Unit::UNKNOWN;
  if (logical->is_timestamp()) {
    stored = static_cast<const ::parquet::TimestampLogicalType&>(*logical).time_unit();
  } else if (logical->is_time()) {
    stored = static_cast<const ::parquet::TimeLogicalType&>(*logical).time_unit();
  }
  return (unit == arrow::TimeUnit::MILLI && stored == Unit::MILLIS) ||
         (unit == arrow::TimeUnit::MICRO && stored == Unit::MICROS) ||
         (unit == arrow::TimeUnit::NANO && stored == Unit::NANOS);
}

}  // namespace

std::unique_ptr<ColumnStream> MakeFlatColumn(std::shared_ptr<const ReadSource> source, int leaf,
                                             const std::shared_ptr<arrow::Field>& field) {
  using ::parquet::DoubleType;
  using ::parquet::FloatType;
  using ::parquet::Int32Type;
  using ::parquet::Int64Type;
  const ::parquet::ColumnDescriptor& column = *source->footer->schema()->Column(leaf);
  if (column.max_repetition_level() > 0 || column.max_definition_level() > 1) return nullptr;
  const auto make = [&]<typename Stored, typename T>(Stored, T) -> std::unique_ptr<ColumnStream> {
    if (column.physical_type() != Stored::type_num) return nullptr;
    return std::make_unique<FlatColumn<Stored, T>>(std::move(source), leaf, field->type());
  };
  switch (field->type()->id()) {
    case arrow::Type::INT8:
      return make(Int32Type{}, int8_t{});
    case arrow::Type::UINT8:
      return make(Int32Type{}, uint8_t{});
    case arrow::Type::INT16:
      return make(Int32Type{}, int16_t{});
    case arrow::Type::UINT16:
      return make(Int32Type{}, uint16_t{});
    case arrow::Type::INT32:
    case arrow::Type::UINT32:
    case arrow::Type::DATE32:
      return make(Int32Type{}, int32_t{});
    case arrow::Type::INT64:
    case arrow::Type::UINT64:
      return make(Int64Type{}, int64_t{});
    case arrow::Type::TIMESTAMP:
      if (!SameUnit(column, static_cast<const arrow::TimestampType&>(*field->type()).unit())) return nullptr;
      return make(Int64Type{}, int64_t{});
    case arrow::Type::FLOAT:
      return make(FloatType{}, float{});
    case arrow::Type::DOUBLE:
      return make(DoubleType{}, double{});
    default:
      return nullptr;
  }
}

}  // namespace marquet::pq
