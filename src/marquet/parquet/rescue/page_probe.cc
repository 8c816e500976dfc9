#include "marquet/parquet/rescue/page_probe_internal.h"

#include <algorithm>
#include <array>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/column_memory.h"
#include "marquet/base/crc32.h"
#include "marquet/parquet/decode/page_content_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/format/leaf_type_internal.h"
#include "parquet/schema.h"
#include "parquet/types.h"

namespace marquet::pq {
namespace {

using arrow::Compression;
using ::parquet::ColumnDescriptor;
using ::parquet::Encoding;

// LZ4 comes bare (LZ4_RAW) and framed as Hadoop does it; the other way round, framed bytes may also be bare.
constexpr std::array kCodecs = {Compression::SNAPPY,      Compression::ZSTD,       Compression::GZIP,
                                Compression::LZ4,         Compression::LZ4_HADOOP, Compression::BROTLI,
                                Compression::UNCOMPRESSED};

bool SameShape(const ColumnDescriptor& a, const ColumnDescriptor& b) {
  return a.physical_type() == b.physical_type() && a.type_length() == b.type_length() &&
         a.max_definition_level() == b.max_definition_level() &&
         a.max_repetition_level() == b.max_repetition_level();
}

bool NeedsDictionary(int32_t encoding) {
  return encoding == Encoding::RLE_DICTIONARY || encoding == Encoding::PLAIN_DICTIONARY;
}

// Runs `body` with exceptions turned into statuses.
template <typename Body>
auto Caught(Body&& body) {
  return Guarded([](const arrow::Status& status, std::string_view) { return status; }, "page",
                 std::forward<Body>(body));
}

// The most bytes that hybrid-encoded levels of so many values take, with their length before them.
int64_t MostLevelBytes(int16_t most, int64_t values) {
  if (most == 0) return 0;
  int bits = 1;
  while ((1 << bits) <= most) ++bits;
  return 4 + 2 * (values * bits / 8 + values / 4 + 16);  // twice what any encoder makes
}

}  // namespace

std::string HeaderObjection(const PageHeader& header, const ColumnDescriptor& column, bool has_dictionary) {
  const int64_t width = PlainWidth(column);
  const int64_t values = header.values;
  if (header.kind == PageKind::kIndex) return "it is an index page";
  if (header.kind == PageKind::kDictionary) {
    if (column.physical_type() == ::parquet::Type::BOOLEAN) return "it is a dictionary, as no boolean has";
    if (width > 0 && header.uncompressed_size != width * values) {
      return fmt::format("it is a dictionary of {} values in {} bytes; expected {}", values,
                         header.uncompressed_size, width * values);
    }
    return {};
  }
  if (!TakesEncoding(column, header.encoding)) {
    return fmt::format("its encoding is {}",
                       ::parquet::EncodingToString(static_cast<Encoding::type>(header.encoding)));
  }
  if (NeedsDictionary(header.encoding) && !has_dictionary)
    return "it needs a dictionary, and none is before it";

  int64_t nulls_at_most = column.max_definition_level() == 0 ? 0 : values;
  int64_t nulls_at_least = 0;
  int64_t most_level_bytes = MostLevelBytes(column.max_repetition_level(), values) +
                             MostLevelBytes(column.max_definition_level(), values);
  if (header.kind == PageKind::kDataV2) {
    if (column.max_repetition_level() == 0 && (header.rows != values || header.repetition_level_bytes > 0)) {
      return fmt::format("it has {} values in {} rows, and {} bytes of repetition levels", values,
                         header.rows, header.repetition_level_bytes);
    }
    if (column.max_definition_level() == 0 && (header.definition_level_bytes > 0 || header.nulls > 0)) {
      return fmt::format("it has {} nulls, and the column can have none", header.nulls);
    }
    if (header.rows > values || header.nulls > values) {
      return fmt::format("it has {} values, {} rows and {} nulls", values, header.rows, header.nulls);
    }
    most_level_bytes = int64_t{header.definition_level_bytes} + header.repetition_level_bytes;
    nulls_at_least = nulls_at_most = header.nulls;
  }
  if (width == 0 || (header.encoding != Encoding::PLAIN && header.encoding != Encoding::BYTE_STREAM_SPLIT)) {
    return {};
  }
  const int64_t least = width * (values - nulls_at_most);
  const int64_t most = width * (values - nulls_at_least) + most_level_bytes;
  if (header.uncompressed_size < least || header.uncompressed_size > most) {
    return fmt::format("its {} values take {} bytes; expected {} to {}", values, header.uncompressed_size,
                       least, most);
  }
  return {};
}

PageProbe::PageProbe(arrow::io::RandomAccessFile& file, const ::parquet::SchemaDescriptor& schema,
                     std::vector<Compression::type> codecs)
    : file_(file), schema_(schema), codecs_(std::move(codecs)) {
  for (int leaf = 0; leaf < schema_.num_columns(); ++leaf) {
    int first = 0;
    while (!SameShape(*schema_.Column(first), *schema_.Column(leaf))) ++first;
    shapes_.push_back(first);
  }
}

arrow::Result<PageLook> PageProbe::Look(const WalkedPage& page, int leaf, const WalkedPage* dictionary) {
  const bool indexed = page.header.holds_data() && NeedsDictionary(page.header.encoding);
  const int64_t entries = indexed && dictionary != nullptr ? dictionary->header.values : -1;
  const auto key = std::make_tuple(page.offset, shapes_[static_cast<size_t>(leaf)], entries);
  if (const auto seen = seen_.find(key); seen != seen_.end()) return seen->second;
  ARROW_ASSIGN_OR_RAISE(PageLook look, LookAnew(page, leaf, entries));
  return seen_.emplace(key, std::move(look)).first->second;
}

arrow::Result<PageLook> PageProbe::LookAnew(const WalkedPage& page, int leaf, int64_t dictionary_values) {
  const std::string damage = Read(page);
  if (!damage.empty()) return PageLook{PageFit::kDamaged, damage};
  const ColumnDescriptor& column = *schema_.Column(leaf);
  // That a page is not compressed comes last: pages of fixed-width values, of which any bytes would do, may
  // by chance take as many bytes compressed.
  std::vector<Compression::type> codecs;
  if (ExpectedCodec(leaf) != Compression::UNCOMPRESSED) codecs.push_back(ExpectedCodec(leaf));
  if (last_codec_) codecs.push_back(*last_codec_);
  codecs.insert(codecs.end(), kCodecs.begin(), kCodecs.end());
  std::string misfit;
  for (auto codec = codecs.begin(); codec != codecs.end(); ++codec) {
    if (std::find(codecs.begin(), codec, *codec) != codec) continue;
    ARROW_ASSIGN_OR_RAISE(const Page* const opened, Decompress(page, *codec));
    if (opened == nullptr) continue;
    const auto content = Caught([&] { return CheckContent(*opened, column, dictionary_values); });
    if (content.ok()) {
      codec_of_[page.offset] = *codec;
      const bool decompressed = opened->body.data() != stored_->data() + page.header.header_size;
      if (decompressed) last_codec_ = *codec;
      return PageLook{PageFit::kFits, {}, content->rows, content->begins_row};
    }
    if (content.status().IsOutOfMemory()) return content.status();
    if (misfit.empty()) misfit = content.status().message();
  }
  if (!misfit.empty()) return PageLook{PageFit::kMisfit, misfit};
  return PageLook{PageFit::kDamaged, fmt::format("no codec makes {} bytes of its {}",
                                                 page.header.uncompressed_size, page.header.compressed_size)};
}

std::string PageProbe::Read(const WalkedPage& page) {
  if (read_ == page.offset) return damage_;
  read_ = page.offset;
  damage_.clear();
  reader_.reset();
  auto read = file_.ReadAt(page.offset, page.size());
  if (!read.ok()) return damage_ = read.status().message();
  stored_ = *std::move(read);
  if (stored_->size() < page.size()) {
    return damage_ = fmt::format("{} bytes could be read; expected {}", stored_->size(), page.size());
  }
  if (page.header.crc.has_value()) {
    const auto header_size = static_cast<size_t>(page.header.header_size);
    const uint32_t found =
        Crc32(std::span(stored_->data(), static_cast<size_t>(stored_->size())).subspan(header_size));
    if (found != *page.header.crc) {
      return damage_ = fmt::format("the CRC is {:08x}; expected {:08x}", found, *page.header.crc);
    }
  }
  return {};
}

arrow::Result<const Page*> PageProbe::Decompress(const WalkedPage& page, Compression::type codec) {
  const auto opened = Caught([&]() -> arrow::Result<const Page*> {
    reader_ = std::make_unique<ChunkReader>(stored_, codec, /*values=*/-1, Checksums::kIgnore);
    return reader_->Next();
  });
  if (opened.ok() || opened.status().IsOutOfMemory()) return opened;
  return nullptr;
}

std::optional<Compression::type> PageProbe::CodecOf(const WalkedPage& page) const {
  const auto found = codec_of_.find(page.offset);
  if (found == codec_of_.end()) return {};
  return found->second;
}

void PageProbe::Forget(int64_t before) {
  seen_.erase(seen_.begin(), seen_.lower_bound(std::make_tuple(before, 0, int64_t{-1})));
  codec_of_.erase(codec_of_.begin(), codec_of_.lower_bound(before));
}

}  // namespace marquet::pq
