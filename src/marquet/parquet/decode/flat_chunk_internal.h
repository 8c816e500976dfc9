// The values of one flat column chunk, decoded page by page.
//
// Flat: not repeated, at most one definition level, so that a page's values are its rows.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "marquet/parquet/decode/chunk_pages_internal.h"
#include "marquet/parquet/decode/chunk_reader_internal.h"
#include "marquet/parquet/decode/dictionary_decoder_internal.h"
#include "marquet/parquet/decode/page_end_internal.h"
#include "parquet/column_reader.h"
#include "parquet/encoding.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace marquet::pq {

// True when hybrid-encoded levels of one bit are one run of ones that covers `values`: a page without nulls,
// whose levels need no decoding. (Encodings.md, "RLE / bit-packing hybrid".)
bool AllDefined(std::span<const uint8_t> levels, int64_t values);

// Belongs to one thread at a time. Errors and exceptions are Arrow's; the caller gives them their place.
// `Stored` is Parquet's physical type.
template <typename Stored>
class FlatChunk {
 public:
  using Raw = typename Stored::c_type;

  FlatChunk(const ::parquet::ColumnDescriptor& column, const ::parquet::ColumnChunkMetaData& chunk,
            ChunkPages pages, Checksums checksums)
      : column_(column),
        rows_(chunk.num_values()),
        pages_(std::move(pages.pages)),
        reader_(std::move(pages.bytes), chunk.compression(), pages.values, checksums) {}

  // The row within the row group that is decoded next, the end of its page, and whether that page has nulls.
  int64_t row() const { return row_; }
  int64_t page_end() const { return page_end_; }
  bool page_has_nulls() const { return page_has_nulls_; }
  const ChunkReader& reader() const { return reader_; }

  // Goes on to the next page that holds rows; false when there is none.
  arrow::Result<bool> NextPage() {
    while (row_ == page_end_) {
      ARROW_ASSIGN_OR_RAISE(const Page* const page, reader_.Next());
      if (page == nullptr) return false;
      ARROW_RETURN_NOT_OK(
          OfPage(page->header.kind == PageKind::kDictionary ? OpenDictionary(*page) : OpenPage(*page)));
    }
    return true;
  }

  // Whether the pages that are left say that they hold so many rows.
  arrow::Status CheckRowsLeft(int64_t rows) const {
    const int64_t said = page_end_ - row_ + reader_.ValuesAhead();
    if (said >= rows) return arrow::Status::OK();
    return arrow::Status::IOError("the pages end at row ", row_ + said, "; the row group has more");
  }

  // Passes over what is left of the page.
  void SkipPage() { row_ = page_end_; }

  // Of a page without nulls: decodes its next `count` rows.
  arrow::Status Decode(Raw* out, int64_t count) {
    row_ += count;
    ARROW_RETURN_NOT_OK(Take(out, count));
    return CheckEnd();
  }

  // Of a page with nulls: gives the next `count` rows' definition levels, and decodes those that are defined
  // next to each other. Returns how many these are.
  arrow::Result<int64_t> DecodeDefined(int16_t* defined, Raw* out, int64_t count) {
    if (levels_.Decode(static_cast<int>(count), defined) != count) {
      return OfPage(arrow::Status::IOError("holds fewer definition levels than values"));
    }
    const int64_t values = std::count(defined, defined + count, int16_t{1});
    row_ += count;
    ARROW_RETURN_NOT_OK(Take(out, values));
    ARROW_RETURN_NOT_OK(CheckEnd());
    return values;
  }

 private:
  using Decoder = ::parquet::TypedDecoder<Stored>;

  arrow::Status OpenDictionary(const Page& page) {
    using Encoding = ::parquet::Encoding;
    if (has_dictionary_) return arrow::Status::IOError("the column chunk has two dictionary pages");
    if (page.header.encoding != Encoding::PLAIN && page.header.encoding != Encoding::PLAIN_DICTIONARY) {
      return arrow::Status::IOError("the dictionary page's encoding is ", page.header.encoding);
    }
    has_dictionary_ = true;
    return dictionary_.SetDictionary(page.body, page.header.values);
  }

  arrow::Status OpenPage(const Page& page) {
    const int32_t values = page.header.values;
    if (!pages_.empty()) {
      if (next_page_ == pages_.size() || pages_[next_page_].end - pages_[next_page_].begin != values) {
        return arrow::Status::IOError("holds ", values, " values, which is not what the offset index says");
      }
      row_ = pages_[next_page_].begin;
    }
    ++next_page_;
    if (values > rows_ - row_) {
      return arrow::Status::IOError("holds ", values, " values from row ", row_, " on; the row group has ",
                                    rows_, " rows");
    }
    page_end_ = row_ + values;
    page_has_nulls_ = false;
    std::span<const uint8_t> body = page.body;
    if (page.header.kind == PageKind::kDataV2) {
      if (column_.max_definition_level() == 0 && page.header.nulls > 0) {
        return arrow::Status::IOError("has ", page.header.nulls, " nulls, and its column can have none");
      }
      body = body.subspan(static_cast<size_t>(page.header.repetition_level_bytes));
      const auto levels = body.first(static_cast<size_t>(page.header.definition_level_bytes));
      if (column_.max_definition_level() > 0 && !AllDefined(levels, values)) {
        page_has_nulls_ = true;
        levels_.SetDataV2(page.header.definition_level_bytes, 1, values, levels.data());
      }
      body = body.subspan(levels.size());
    } else if (column_.max_definition_level() > 0) {
      const auto encoding = static_cast<::parquet::Encoding::type>(page.header.definition_level_encoding);
      uint32_t length = 0;
      if (encoding == ::parquet::Encoding::RLE && body.size() >= 4) std::memcpy(&length, body.data(), 4);
      if (length > 0 && length <= body.size() - 4 && AllDefined(body.subspan(4, length), values)) {
        body = body.subspan(4 + size_t{length});
      } else {
        page_has_nulls_ = true;
        const int used = levels_.SetData(encoding, 1, values, body.data(), static_cast<int32_t>(body.size()));
        body = body.subspan(static_cast<size_t>(used));
      }
    }
    return OpenValues(static_cast<::parquet::Encoding::type>(page.header.encoding), values, body);
  }

  arrow::Status OpenValues(::parquet::Encoding::type encoding, int values, std::span<const uint8_t> bytes) {
    using Encoding = ::parquet::Encoding;
    encoding_ = encoding;
    bytes_ = bytes;
    taken_ = 0;
    std::unique_ptr<Decoder>* cached = nullptr;
    switch (encoding) {
      case Encoding::RLE_DICTIONARY:
      case Encoding::PLAIN_DICTIONARY:
        if (!has_dictionary_) return arrow::Status::IOError("needs a dictionary, and there is none");
        decoder_ = nullptr;
        return dictionary_.SetIndices(bytes);
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
        return arrow::Status::IOError("the encoding is ", ::parquet::EncodingToString(encoding),
                                      ", which no ", column_.path()->ToDotString(), " can have");
    }
    if (*cached == nullptr) *cached = ::parquet::MakeTypedDecoder<Stored>(encoding, &column_);
    decoder_ = cached->get();
    decoder_->SetData(values, bytes.data(), static_cast<int>(bytes.size()));
    return arrow::Status::OK();
  }

  arrow::Status Take(Raw* out, int64_t count) {
    taken_ += count;
    if (decoder_ == nullptr) return OfPage(dictionary_.Decode(out, count));
    if (decoder_->Decode(out, static_cast<int>(count)) == count) return arrow::Status::OK();
    return OfPage(arrow::Status::IOError("holds fewer values than it says"));
  }

  // At the end of a page: whether its values were all that it holds.
  arrow::Status CheckEnd() {
    if (row_ != page_end_) return arrow::Status::OK();
    const auto size = static_cast<int64_t>(bytes_.size());
    if (decoder_ == nullptr) {
      // Without a value there need be no indices, and some writers put their width alone.
      return taken_ == 0 ? arrow::Status::OK() : OfPage(CheckUsedUp(dictionary_.UnusedBytes()));
    }
    if (encoding_ != ::parquet::Encoding::DELTA_BINARY_PACKED) {
      return OfPage(CheckUsedUp(size - taken_ * static_cast<int64_t>(sizeof(Raw))));
    }
    const auto used = DeltaBytes(bytes_, taken_);
    return OfPage(used.ok() ? CheckUsedUp(size - *used) : used.status());
  }

  arrow::Status OfPage(arrow::Status status) const {
    if (status.ok()) return status;
    return status.WithMessage("page ", reader_.page_number(), ": ", status.message());
  }

  const ::parquet::ColumnDescriptor& column_;
  const int64_t rows_;                 // of the row group
  const std::vector<RowRange> pages_;  // see ChunkPages
  ChunkReader reader_;
  size_t next_page_ = 0;
  bool has_dictionary_ = false;
  DictionaryDecoder<Raw> dictionary_;
  std::unique_ptr<Decoder> plain_, delta_, split_;

  // The current page.
  int64_t row_ = 0;
  int64_t page_end_ = 0;
  bool page_has_nulls_ = false;
  ::parquet::LevelDecoder levels_;
  Decoder* decoder_ = nullptr;  // null: dictionary_
  ::parquet::Encoding::type encoding_ = ::parquet::Encoding::PLAIN;
  std::span<const uint8_t> bytes_;  // behind the levels
  int64_t taken_ = 0;               // values of them
};

}  // namespace marquet::pq
