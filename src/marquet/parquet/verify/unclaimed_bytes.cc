#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/crc32.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/parquet/format/between_chunks_internal.h"
#include "marquet/parquet/format/footer_candidates_internal.h"
#include "marquet/parquet/format/page_header_internal.h"
#include "marquet/parquet/verify/unclaimed_bytes_internal.h"
#include "parquet/metadata.h"
#include "parquet/types.h"

namespace marquet::pq {
namespace {

constexpr int64_t kWindow = int64_t{1} << 20;      // read at once; no chunk's metadata is longer
constexpr int64_t kMostHeader = int64_t{8} << 10;  // of a page whose beginning is not known

class Search {
 public:
  // `size`: of the file.
  Search(arrow::io::RandomAccessFile& file, int64_t size, const StopFlag* stop)
      : file_(file), stop_(stop), candidates_(file, size, stop) {}

  // What of a range between two parts of the file cannot be accounted for. `magic_tells`: whether "PAR1"
  // alone tells of another file, as it does where the footer behind may be that one's.
  arrow::Result<std::optional<UnclaimedBytes>> LookInto(ByteRange gap, bool magic_tells = true) {
    const ByteRange whole = gap;  // of rows that are not where the footer has them, a part may look known
    ARROW_RETURN_NOT_OK(PassKnown(&gap));
    if (gap.length() == 0) return std::nullopt;
    UnclaimedBytes found{gap, false, {}};
    ARROW_ASSIGN_OR_RAISE(const int64_t end, EndOfFooter(gap));
    ARROW_ASSIGN_OR_RAISE(const bool page, BeginsWithPage(gap));
    ARROW_ASSIGN_OR_RAISE(const int64_t magic, FirstMagic(whole));
    ARROW_ASSIGN_OR_RAISE(const int64_t inside, FirstPage(whole));
    if (end > 0 && end < gap.end) {
      found.holds_rows = true;
      found.what = fmt::format(
          ", and a Parquet file ends among them, at byte {}: files were joined, and the rows that are read "
          "are not all that is there, or those of another footer",
          WithCommas(end));
    } else if (page) {
      found.holds_rows = true;
      found.what = ", and begin with a page: its rows are in no row group";
    } else if (magic_tells && magic < (end > 0 ? end - kMagicBytes : gap.end)) {
      found.holds_rows = true;
      found.what = fmt::format(
          ", and 'PAR1' stands among them, at byte {}: files were joined, and the rows that are read may be "
          "those of another footer",
          WithCommas(magic));
    } else if (inside < gap.end) {
      found.holds_rows = true;
      found.what = fmt::format(", and a page lies among them, at byte {}: its rows are in no row group",
                               WithCommas(inside));
    } else if (candidates_.gave_up()) {
      found.holds_rows = true;
      found.what =
          ", and look like the end of a Parquet file at more places than could be looked at: whether they "
          "hold rows is not known";
    } else if (end > 0) {
      found.what = ": they are another footer";
    }
    return found;
  }

 private:
  // Over zeros, and what writers repeat behind a chunk.
  arrow::Status PassKnown(ByteRange* gap) {
    std::shared_ptr<arrow::Buffer> window;
    int64_t window_begin = 0;
    while (gap->length() > 0) {
      const int64_t most = std::min(gap->length(), kWindow);
      const int64_t held = window == nullptr ? 0 : window_begin + window->size() - gap->begin;
      int64_t size = held <= 0 ? 0 : KnownSize(*window, gap->begin - window_begin);
      if (size == 0 && held < most) {  // there may be more of it
        ARROW_ASSIGN_OR_RAISE(window, Read(gap->begin, gap->end));
        window_begin = gap->begin;
        size = KnownSize(*window, 0);
      }
      if (size <= 0 || size > gap->length()) break;
      gap->begin += size;
    }
    return arrow::Status::OK();
  }

  // Bytes of what is known, at the beginning; 0 where nothing is.
  static int64_t KnownSize(const arrow::Buffer& window, int64_t offset) {
    const auto bytes =
        std::span(window.data(), static_cast<size_t>(window.size())).subspan(static_cast<size_t>(offset));
    const int64_t zeros =
        std::find_if(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte != 0; }) - bytes.begin();
    if (zeros > 0) return zeros;
    if (const auto trailer = ParseChunkTrailer(bytes); trailer.ok()) return trailer->size;
    if (const auto filter = ParseBloomFilterSize(bytes); filter.ok()) return *filter;
    return 0;
  }

  // Where, within the range, the first footer ends that can be read; 0 when there is none.
  arrow::Result<int64_t> EndOfFooter(ByteRange range) {
    for (int64_t at = range.begin; at < range.end && !candidates_.gave_up(); at += kWindow) {
      // A tail may begin in one window and end in the next.
      ARROW_ASSIGN_OR_RAISE(const auto buffer, Read(at, range.end, kWindow + kTailBytes - 1));
      const std::string_view window(*buffer);
      for (size_t found = window.find(kMagic); found != std::string_view::npos;
           found = window.find(kMagic, found + 1)) {
        const int64_t end = at + static_cast<int64_t>(found + kMagic.size());
        if (end - range.begin <= kTailBytes || found < sizeof(uint32_t)) continue;
        uint32_t length = 0;
        std::memcpy(&length, window.data() + found - sizeof length, sizeof length);
        ARROW_ASSIGN_OR_RAISE(const bool is_end, IsEndOfFooter(end, length));
        if (is_end) return end;
        if (candidates_.gave_up()) break;
      }
    }
    return 0;
  }

  // Where it stands first; the range's end when nowhere.
  arrow::Result<int64_t> FirstMagic(ByteRange range) {
    for (int64_t at = range.begin; at < range.end; at += kWindow) {
      ARROW_ASSIGN_OR_RAISE(const auto buffer, Read(at, range.end, kWindow + kMagicBytes - 1));
      const size_t found = std::string_view(*buffer).find(kMagic);
      if (found != std::string_view::npos) return at + static_cast<int64_t>(found);
    }
    return range.end;
  }

  // Where the first data page lies, the whole of it; the range's end when there is none. Other bytes may look
  // like a header: one that has a checksum must have the right one, and one without the numbers that are
  // usual.
  arrow::Result<int64_t> FirstPage(ByteRange range) {
    constexpr std::string_view kField("\x15", 1);  // a number of 32 bits, the next field
    int64_t to_hash = 4 * range.length();          // whatever lies there
    for (int64_t at = range.begin; at < range.end; at += kWindow) {
      ARROW_ASSIGN_OR_RAISE(const auto buffer, Read(at, range.end, kWindow + kMostHeader));
      const std::string_view window(*buffer);
      for (size_t begin = window.find(kField);
           begin != std::string_view::npos && static_cast<int64_t>(begin) < kWindow;
           begin = window.find(kField, begin + 1)) {
        // The page's type, and the size behind it.
        if (begin + 2 >= window.size() || window[begin + 2] != kField[0]) continue;
        const int64_t place = at + static_cast<int64_t>(begin);
        const auto header =
            ParsePageHeader({buffer->data() + begin, static_cast<size_t>(buffer->size()) - begin});
        if (!header.ok() || !header->holds_data() || !IsUsual(*header)) continue;
        if (header->header_size + header->compressed_size > range.end - place) continue;
        if (header->crc) {
          to_hash -= header->compressed_size;
          if (to_hash < 0) continue;
          ARROW_ASSIGN_OR_RAISE(const auto body,
                                file_.ReadAt(place + header->header_size, header->compressed_size));
          if (Crc32({body->data(), static_cast<size_t>(body->size())}) != *header->crc) continue;
        }
        return place;
      }
    }
    return range.end;
  }

  // Levels are runs (or, of old writers, packed), and something is compressed to something.
  static bool IsUsual(const PageHeader& header) {
    const auto of_levels = [](int32_t encoding) {
      return encoding == ::parquet::Encoding::RLE || encoding == ::parquet::Encoding::BIT_PACKED;
    };
    if (header.values == 0 || header.compressed_size == 0 || header.uncompressed_size == 0) return false;
    return header.kind == PageKind::kDataV2
               ? header.rows <= header.values && header.nulls <= header.values
               : of_levels(header.definition_level_encoding) && of_levels(header.repetition_level_encoding);
  }

  arrow::Result<bool> IsEndOfFooter(int64_t end, int64_t length) {
    if (length == 0 || length > end - kTailBytes - kMagicBytes) return false;
    const int64_t begin = end - kTailBytes - length;
    ARROW_ASSIGN_OR_RAISE(const bool worth, candidates_.IsWorthReading(begin, length));
    if (!worth) return false;
    const arrow::Status parsed = ParseFooter(file_, begin, length).status();
    if (parsed.ok()) return true;
    if (IsKind(parsed, ErrorKind::kCorruptData) || IsKind(parsed, ErrorKind::kUnsupported)) return false;
    return parsed;
  }

  // A page of data, or a dictionary with one behind it.
  arrow::Result<bool> BeginsWithPage(ByteRange range) {
    ARROW_ASSIGN_OR_RAISE(auto header, HeaderOfWholePage(range));
    if (header && header->kind == PageKind::kDictionary) {
      range.begin += header->header_size + header->compressed_size;
      ARROW_ASSIGN_OR_RAISE(header, HeaderOfWholePage(range));
    }
    return header && header->holds_data();
  }

  // Of a page that begins the range and lies in it.
  arrow::Result<std::optional<PageHeader>> HeaderOfWholePage(ByteRange range) {
    ARROW_ASSIGN_OR_RAISE(const auto buffer, Read(range.begin, range.end));
    const auto header = ParsePageHeader({buffer->data(), static_cast<size_t>(buffer->size())});
    if (!header.ok() || header->header_size + header->compressed_size > range.length()) return std::nullopt;
    return *header;
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t begin, int64_t end, int64_t most = kWindow) {
    if (stop_ != nullptr) ARROW_RETURN_NOT_OK(stop_->Check());
    return file_.ReadAt(begin, std::min(end - begin, most));
  }

  arrow::io::RandomAccessFile& file_;
  const StopFlag* const stop_;
  FooterCandidates candidates_;
};

// Adds the places of the page indexes that the footer names.
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
    }
  }
}

}  // namespace

arrow::Result<std::vector<UnclaimedBytes>> FindUnclaimed(arrow::io::RandomAccessFile& file,
                                                         const Footer& footer, std::vector<ByteRange> known,
                                                         const StopFlag* stop) {
  AddIndexes(*footer.metadata, &known);
  std::sort(known.begin(), known.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  known.push_back({footer.begin, footer.begin});
  Search search(file, footer.begin, stop);
  std::vector<UnclaimedBytes> found;
  int64_t claimed = kMagicBytes;
  for (const ByteRange& range : known) {
    const ByteRange gap{claimed, std::min(range.begin, footer.begin)};
    claimed = std::max(claimed, range.end);
    if (gap.length() <= 0) continue;
    ARROW_ASSIGN_OR_RAISE(auto bytes, search.LookInto(gap));
    if (bytes) found.push_back(*std::move(bytes));
  }
  return found;
}

arrow::Result<std::optional<UnclaimedBytes>> LookBehindFooter(arrow::io::RandomAccessFile& file,
                                                              ByteRange tail, const StopFlag* stop) {
  if (tail.length() >= kMagicBytes) {
    ARROW_ASSIGN_OR_RAISE(const auto head, file.ReadAt(tail.begin, kMagicBytes));
    if (std::string_view(*head) == kMagic) tail.begin += kMagicBytes;
  }
  return Search(file, tail.end, stop).LookInto(tail, /*magic_tells=*/false);
}

}  // namespace marquet::pq
