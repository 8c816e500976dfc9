#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/parquet/between_chunks_internal.h"
#include "marquet/parquet/page_header_internal.h"
#include "marquet/parquet/unclaimed_bytes_internal.h"
#include "parquet/metadata.h"

namespace marquet::pq {
namespace {

constexpr std::string_view kMagic = "PAR1";
constexpr int64_t kWindow = int64_t{1} << 20;  // read at once; no chunk's metadata is longer

class Search {
 public:
  Search(arrow::io::RandomAccessFile& file, const StopFlag* stop) : file_(file), stop_(stop) {}

  // What of a range between two parts of the file cannot be accounted for.
  arrow::Result<std::optional<UnclaimedBytes>> LookInto(ByteRange gap) {
    ARROW_RETURN_NOT_OK(PassKnown(&gap));
    if (gap.length() == 0) return std::nullopt;
    UnclaimedBytes found{gap, false, {}};
    ARROW_ASSIGN_OR_RAISE(const int64_t end, EndOfFooter(gap));
    ARROW_ASSIGN_OR_RAISE(const bool page, BeginsWithPage(gap));
    if (end > 0 && end < gap.end) {
      found.holds_rows = true;
      found.what = fmt::format(
          ", and a Parquet file ends among them, at byte {}: files were joined, and the rows that are read "
          "are not all that is there, or those of another footer",
          WithCommas(end));
    } else if (page) {
      found.holds_rows = true;
      found.what = ", and begin with a page: its rows are in no row group";
    } else if (end > 0) {
      found.what = ": they are another footer";
    }
    return found;
  }

 private:
  // Over zeros, and what writers repeat behind a chunk.
  arrow::Status PassKnown(ByteRange* gap) {
    while (gap->length() > 0) {
      ARROW_ASSIGN_OR_RAISE(const auto buffer, Read(gap->begin, gap->end));
      const std::span bytes(buffer->data(), static_cast<size_t>(buffer->size()));
      const int64_t zeros =
          std::find_if(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte != 0; }) - bytes.begin();
      int64_t size = zeros;
      if (zeros == 0) {
        if (const auto trailer = ParseChunkTrailer(bytes); trailer.ok()) {
          size = trailer->size;
        } else if (const auto filter = ParseBloomFilterSize(bytes); filter.ok()) {
          size = *filter;
        }
      }
      if (size <= 0 || size > gap->length()) break;
      gap->begin += size;
    }
    return arrow::Status::OK();
  }

  // Where, within the range, the first footer ends that can be read; 0 when there is none.
  arrow::Result<int64_t> EndOfFooter(ByteRange range) {
    for (int64_t at = range.begin; at < range.end; at += kWindow) {
      // A magic may begin in one window and end in the next.
      ARROW_ASSIGN_OR_RAISE(const auto buffer, Read(at, range.end, kWindow + kMagicBytes - 1));
      const std::string_view window(*buffer);
      for (size_t found = window.find(kMagic); found != std::string_view::npos;
           found = window.find(kMagic, found + 1)) {
        const int64_t end = at + static_cast<int64_t>(found + kMagic.size());
        if (end - range.begin <= kTailBytes) continue;
        ARROW_ASSIGN_OR_RAISE(const bool is_end, IsEndOfFooter(end));
        if (is_end) return end;
      }
    }
    return 0;
  }

  arrow::Result<bool> IsEndOfFooter(int64_t end) {
    ARROW_ASSIGN_OR_RAISE(const auto tail, file_.ReadAt(end - kTailBytes, sizeof(uint32_t)));
    if (tail->size() != sizeof(uint32_t)) return false;
    uint32_t length = 0;
    std::memcpy(&length, tail->data(), sizeof length);
    if (length == 0 || length > end - kTailBytes - kMagicBytes) return false;
    const arrow::Status parsed = ParseFooter(file_, end - kTailBytes - length, length).status();
    if (parsed.ok()) return true;
    if (IsKind(parsed, ErrorKind::kCorruptData) || IsKind(parsed, ErrorKind::kUnsupported)) return false;
    return parsed;
  }

  arrow::Result<bool> BeginsWithPage(ByteRange range) {
    ARROW_ASSIGN_OR_RAISE(const auto buffer, Read(range.begin, range.end));
    const auto header = ParsePageHeader({buffer->data(), static_cast<size_t>(buffer->size())});
    return header.ok() && header->holds_data() &&
           header->header_size + header->compressed_size <= range.length();
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t begin, int64_t end, int64_t most = kWindow) {
    if (stop_ != nullptr) ARROW_RETURN_NOT_OK(stop_->Check());
    return file_.ReadAt(begin, std::min(end - begin, most));
  }

  arrow::io::RandomAccessFile& file_;
  const StopFlag* const stop_;
};

// Adds the places of what the footer names besides chunks.
void AddIndexes(const ::parquet::FileMetaData& footer, std::vector<ByteRange>* claimed) {
  const auto add = [&](int64_t offset, int64_t length) {
    int64_t end = 0;
    if (offset >= 0 && length >= 0 && !__builtin_add_overflow(offset, length, &end))
      claimed->push_back({offset, end});
  };
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    for (int leaf = 0; leaf < footer.num_columns(); ++leaf) {
      const auto chunk = footer.RowGroup(group)->ColumnChunk(leaf);
      if (const auto index = chunk->GetColumnIndexLocation()) add(index->offset, index->length);
      if (const auto index = chunk->GetOffsetIndexLocation()) add(index->offset, index->length);
      if (chunk->bloom_filter_offset() && chunk->bloom_filter_length()) {
        add(*chunk->bloom_filter_offset(), *chunk->bloom_filter_length());
      }
    }
  }
}

}  // namespace

arrow::Result<std::vector<UnclaimedBytes>> FindUnclaimed(arrow::io::RandomAccessFile& file,
                                                         const Footer& footer, std::vector<ByteRange> chunks,
                                                         const StopFlag* stop) {
  AddIndexes(*footer.metadata, &chunks);
  std::sort(chunks.begin(), chunks.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  chunks.push_back({footer.begin, footer.begin});
  Search search(file, stop);
  std::vector<UnclaimedBytes> found;
  int64_t claimed = kMagicBytes;
  for (const ByteRange& range : chunks) {
    const ByteRange gap{claimed, std::min(range.begin, footer.begin)};
    claimed = std::max(claimed, range.end);
    if (gap.length() <= 0) continue;
    ARROW_ASSIGN_OR_RAISE(auto bytes, search.LookInto(gap));
    if (bytes) found.push_back(*std::move(bytes));
  }
  return found;
}

}  // namespace marquet::pq
