#include <cstring>

#include "arrow/util/bitmap_ops.h"
#include "marquet/parquet/chunk_pages_internal.h"
#include "marquet/parquet/column_stream_internal.h"
#include "parquet/column_page.h"
#include "parquet/column_reader.h"
#include "parquet/encoding.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

// Decoded and dropped at a time, when rows are passed over.
constexpr int64_t kScratchValues = 4096;

// True when hybrid-encoded levels of one bit are one run of ones that covers `values`: a page without nulls,
// whose levels need no decoding. (Encodings.md, "RLE / bit-packing hybrid".)
bool AllDefined(const uint8_t* levels, int64_t size, int64_t values) {
  uint64_t header = 0;
  int64_t at = 0;
  for (int shift = 0; at < size && shift < 35; shift += 7) {
    const uint8_t byte = levels[at++];
    header |= uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) {
      return (header & 1) == 0 && static_cast<int64_t>(header >> 1) >= values && at < size && levels[at] == 1;
    }
  }
  return false;
}

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
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> values,
                          arrow::AllocateBuffer(piece.rows * sizeof(T)));
    validity_.reset();
    null_count_ = 0;
    T* const out = reinterpret_cast<T*>(values->mutable_data());
    for (int64_t done = 0; done < piece.rows;) {
      ARROW_RETURN_NOT_OK(FillPage());
      const int64_t count = std::min(piece.rows - done, page_end_ - row_);
      ARROW_RETURN_NOT_OK(page_has_nulls_ ? DecodeNullable(out + done, done, count, piece.rows)
                                          : DecodeDense(out + done, count));
      done += count;
      row_ += count;
    }
    return arrow::MakeArray(
        arrow::ArrayData::Make(type_, piece.rows, {std::move(validity_), std::move(values)}, null_count_));
  }

 private:
  using Decoder = ::parquet::TypedDecoder<Stored>;

  arrow::Status OpenPart(int part) {
    const ReadRequest::Part& wanted = source_->parts[part];
    const auto chunk = source_->footer->RowGroup(wanted.row_group)->ColumnChunk(leaf_);
    ARROW_ASSIGN_OR_RAISE(ChunkPages pages, ReadChunkPages(*source_, wanted.row_group, leaf_, wanted.rows));
    pages_ = std::move(pages.pages);
    ::parquet::ReaderProperties properties;
    properties.set_page_checksum_verification(true);
    reader_ = ::parquet::PageReader::Open(std::make_shared<arrow::io::BufferReader>(std::move(pages.bytes)),
                                          pages.values, chunk->compression(), properties, column_);
    group_rows_ = chunk->num_values();
    dictionary_.reset();
    plain_.reset();
    delta_.reset();
    split_.reset();
    decoder_ = nullptr;
    next_page_ = 0;
    row_ = page_end_ = 0;
    part_ = part;
    return arrow::Status::OK();
  }

  // Makes the page that holds row_ the current one.
  arrow::Status FillPage() {
    while (row_ == page_end_) {
      const std::shared_ptr<::parquet::Page> page = reader_->NextPage();
      if (page == nullptr) {
        return arrow::Status::IOError("the pages end at row ", row_, "; the row group has ", group_rows_);
      }
      if (page->type() == ::parquet::PageType::DICTIONARY_PAGE) {
        ARROW_RETURN_NOT_OK(OpenDictionary(static_cast<const ::parquet::DictionaryPage&>(*page)));
      } else if (page->type() == ::parquet::PageType::DATA_PAGE) {
        ARROW_RETURN_NOT_OK(OpenPage(page));
      } else if (page->type() == ::parquet::PageType::DATA_PAGE_V2) {
        ARROW_RETURN_NOT_OK(OpenPage(page));
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status OpenDictionary(const ::parquet::DictionaryPage& page) {
    if (dictionary_ != nullptr) return arrow::Status::IOError("the column chunk has two dictionary pages");
    if (page.encoding() != ::parquet::Encoding::PLAIN &&
        page.encoding() != ::parquet::Encoding::PLAIN_DICTIONARY) {
      return arrow::Status::IOError("the dictionary page's encoding is ",
                                    ::parquet::EncodingToString(page.encoding()));
    }
    const auto values = ::parquet::MakeTypedDecoder<Stored>(::parquet::Encoding::PLAIN, &column_);
    values->SetData(page.num_values(), page.data(), page.size());
    dictionary_ = ::parquet::MakeDictDecoder<Stored>(&column_);
    dictionary_->SetDict(values.get());
    return arrow::Status::OK();
  }

  arrow::Status OpenPage(const std::shared_ptr<::parquet::Page>& held) {
    const auto& page = static_cast<const ::parquet::DataPage&>(*held);
    const int32_t values = page.num_values();
    if (!pages_.empty()) {
      if (next_page_ == pages_.size() || pages_[next_page_].end - pages_[next_page_].begin != values) {
        return arrow::Status::IOError("page ", next_page_, " of those asked for holds ", values,
                                      " values, which is not what the offset index says");
      }
      row_ = pages_[next_page_].begin;
    }
    ++next_page_;
    if (values < 0 || values > group_rows_ - row_) {
      return arrow::Status::IOError("a page at row ", row_, " holds ", values, " values; the row group has ",
                                    group_rows_, " rows");
    }
    page_end_ = row_ + values;
    page_ = held;  // the decoders point into its bytes

    const uint8_t* data = page.data();
    int64_t size = page.size();
    page_has_nulls_ = false;
    if (held->type() == ::parquet::PageType::DATA_PAGE_V2) {
      const auto& v2 = static_cast<const ::parquet::DataPageV2&>(page);
      const int64_t repetition = v2.repetition_levels_byte_length();
      const int64_t definition = v2.definition_levels_byte_length();
      if (repetition < 0 || definition < 0 || repetition + definition > size) {
        return arrow::Status::IOError("the levels of a page at row ", row_,
                                      " take more bytes than the page has");
      }
      data += repetition;
      if (column_.max_definition_level() > 0 && !AllDefined(data, definition, values)) {
        page_has_nulls_ = true;
        levels_.SetDataV2(static_cast<int32_t>(definition), 1, values, data);
      }
      data += definition;
      size -= repetition + definition;
    } else if (column_.max_definition_level() > 0) {
      const auto& v1 = static_cast<const ::parquet::DataPageV1&>(page);
      uint32_t length = 0;
      if (v1.definition_level_encoding() == ::parquet::Encoding::RLE && size >= 4)
        std::memcpy(&length, data, 4);
      if (length > 0 && length <= size - 4 && AllDefined(data + 4, length, values)) {
        data += 4 + length;
        size -= 4 + length;
      } else {
        page_has_nulls_ = true;
        const int used =
            levels_.SetData(v1.definition_level_encoding(), 1, values, data, static_cast<int32_t>(size));
        data += used;
        size -= used;
      }
    }
    return OpenValues(page.encoding(), values, data, static_cast<int>(size));
  }

  arrow::Status OpenValues(::parquet::Encoding::type encoding, int values, const uint8_t* data, int size) {
    using Encoding = ::parquet::Encoding;
    std::unique_ptr<Decoder>* cached = nullptr;
    switch (encoding) {
      case Encoding::RLE_DICTIONARY:
      case Encoding::PLAIN_DICTIONARY:
        if (dictionary_ == nullptr)
          return arrow::Status::IOError("a page needs a dictionary, and there is none");
        decoder_ = dictionary_.get();
        break;
      case Encoding::PLAIN:
        cached = &plain_;
        break;
      case Encoding::DELTA_BINARY_PACKED:
        cached = &delta_;
        break;
      case Encoding::BYTE_STREAM_SPLIT:
        cached = &split_;
        break;
      default:
        return arrow::Status::IOError("a page's encoding is ", ::parquet::EncodingToString(encoding),
                                      ", which no ", column_.path()->ToDotString(), " can have");
    }
    if (cached != nullptr) {
      if (*cached == nullptr) *cached = ::parquet::MakeTypedDecoder<Stored>(encoding, &column_);
      decoder_ = cached->get();
    }
    decoder_->SetData(values, data, size);
    return arrow::Status::OK();
  }

  // Decoded values only, next to each other.
  arrow::Status DecodeDense(T* out, int64_t count) {
    if constexpr (sizeof(T) == sizeof(Raw)) {
      return Take(reinterpret_cast<Raw*>(out), count);
    } else {
      scratch_.resize(kScratchValues);
      for (int64_t done = 0; done < count;) {
        const int64_t step = std::min(count - done, kScratchValues);
        ARROW_RETURN_NOT_OK(Take(scratch_.data(), step));
        for (int64_t i = 0; i < step; ++i) out[done + i] = static_cast<T>(scratch_[i]);
        done += step;
      }
      return arrow::Status::OK();
    }
  }

  arrow::Status Take(Raw* out, int64_t count) {
    const int taken = decoder_->Decode(out, static_cast<int>(count));
    if (taken == count) return arrow::Status::OK();
    return arrow::Status::IOError("a page at row ", row_, " holds fewer values than it says");
  }

  // `out` is the place of the piece's row `done`.
  arrow::Status DecodeNullable(T* out, int64_t done, int64_t count, int64_t piece_rows) {
    if (validity_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(validity_, arrow::AllocateBitmap(piece_rows));
      std::memset(validity_->mutable_data(), 0xff, validity_->size());  // no page before this one had nulls
    }
    for (int64_t at = 0; at < count;) {
      const int64_t step = std::min(count - at, kScratchValues);
      ARROW_ASSIGN_OR_RAISE(const int64_t defined, TakeLevels(step));
      ARROW_RETURN_NOT_OK(DecodeDense(out + at, defined));
      // Spread from the back, so that nothing is overwritten before it is moved.
      int64_t from = defined;
      for (int64_t i = step - 1; i >= 0; --i) {
        const bool valid = defined_[i] == 1;
        out[at + i] = valid ? out[at + --from] : T{};
        if (!valid) arrow::bit_util::ClearBit(validity_->mutable_data(), done + at + i);
      }
      null_count_ += step - defined;
      at += step;
    }
    return arrow::Status::OK();
  }

  arrow::Result<int64_t> TakeLevels(int64_t count) {
    defined_.resize(kScratchValues);
    if (levels_.Decode(static_cast<int>(count), defined_.data()) != count) {
      return arrow::Status::IOError("a page at row ", row_, " holds fewer definition levels than values");
    }
    return std::count(defined_.begin(), defined_.begin() + count, int16_t{1});
  }

  arrow::Status SkipTo(int64_t row) {
    T dropped[kScratchValues];
    while (row_ < row) {
      if (row_ == page_end_) {
        ARROW_RETURN_NOT_OK(FillPage());
        continue;  // pages left out may have moved row_
      }
      int64_t count = std::min({row - row_, page_end_ - row_, kScratchValues});
      row_ += count;
      if (page_has_nulls_) {
        ARROW_ASSIGN_OR_RAISE(count, TakeLevels(count));
      }
      ARROW_RETURN_NOT_OK(DecodeDense(dropped, count));
    }
    if (row_ == row) return arrow::Status::OK();
    return arrow::Status::IOError("row ", row, " lies before the pages that were read");
  }

  const std::shared_ptr<const ReadSource> source_;
  const int leaf_;
  const ::parquet::ColumnDescriptor& column_;
  const std::shared_ptr<arrow::DataType> type_;

  // The current part.
  int part_ = -1;
  int64_t group_rows_ = 0;
  std::unique_ptr<::parquet::PageReader> reader_;
  std::vector<RowRange> pages_;  // see ChunkPages
  size_t next_page_ = 0;
  std::unique_ptr<::parquet::DictDecoder<Stored>> dictionary_;
  std::unique_ptr<Decoder> plain_, delta_, split_;

  // The current page.
  std::shared_ptr<::parquet::Page> page_;
  int64_t row_ = 0;  // next to be decoded, within the row group
  int64_t page_end_ = 0;
  bool page_has_nulls_ = false;
  ::parquet::LevelDecoder levels_;
  Decoder* decoder_ = nullptr;

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
