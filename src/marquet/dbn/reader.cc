#include "marquet/dbn/reader.h"

#include <array>
#include <bit>

#include "arrow/api.h"
#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/dbn/batch_builder.h"
#include "marquet/dbn/byte_stream.h"
#include "marquet/dbn/layout.h"
#include "marquet/dbn/load_internal.h"
#include "marquet/dbn/metadata_codec.h"
#include "marquet/dbn/record_filter.h"
#include "marquet/dbn/symbols.h"
#include "marquet/dbn/text_field.h"

namespace marquet::dbn {
namespace {

constexpr int64_t kMaxKeptBytes = int64_t{64} << 20;
constexpr int kTsOutBytes = 8;

// The bytes of a record of this class that must be there, without ts_out; 0 for rows and unknown records.
int MinimumBytes(RecordClass record_class) {
  switch (record_class) {
    case RecordClass::kError:
    case RecordClass::kSystem:
    case RecordClass::kSymbolMapping:
      return 80;
    default:
      return 0;
  }
}

// Where a symbol mapping record, by its size, holds the symbol that was asked for, the one it stands for, and
// from when to when it does.
struct MappingLayout {
  int size, symbol_bytes, in_offset, out_offset, start_offset, end_offset;
};
constexpr MappingLayout kMappingLayouts[] = {{80, 22, 16, 38, 64, 72}, {176, 71, 17, 89, 160, 168}};

}  // namespace

struct Reader::Impl {
  ReadOptions options;
  std::unique_ptr<ByteStream> stream;
  ReadSummary summary;
  SymbolIndex symbols;
  std::optional<BatchBuilder> batches;  // of this reader's options and symbols
  std::optional<RecordFilter> filter;   // where not all records become rows

  // Which versions the records seen so far can be of, a bit each, and whether they end in ts_out. Both are
  // given by the metadata; a fragment's records tell them by their sizes.
  unsigned versions = 0b111;
  std::optional<bool> ts_out;
  std::array<std::optional<RecordFormat>, kKinds> formats;  // of the kinds seen so far

  ByteStream::Block block;
  int64_t position = 0;     // in the block
  int64_t block_start = 0;  // of the block in the uncompressed stream
  std::string carry;        // a record that began in the block before
  int64_t carry_start = 0;
  bool at_end = false;

  int64_t kept_bytes = 0;
  bool ended = false;

  arrow::Status At(ErrorKind kind, int64_t record, int64_t byte, const std::string& what,
                   std::string hint = {}) const {
    return Error(
        kind,
        fmt::format("{}: record {} at byte {} {}", options.name, WithCommas(record), WithCommas(byte), what),
        std::move(hint));
  }

  // ---- The start of the stream ----

  arrow::Status NextBlock() {
    block_start += block.size;
    position = 0;
    ARROW_ASSIGN_OR_RAISE(block, stream->Next());
    at_end = block.size == 0;
    return arrow::Status::OK();
  }

  // Appends bytes of the stream until `into` has `size`, or the stream ends.
  arrow::Status ReadUpTo(size_t size, std::string& into) {
    while (into.size() < size && !at_end) {
      if (position == block.size) {
        ARROW_RETURN_NOT_OK(NextBlock());
        continue;
      }
      const auto take = std::min<int64_t>(block.size - position, static_cast<int64_t>(size - into.size()));
      into.append(reinterpret_cast<const char*>(block.data) + position, take);
      position += take;
    }
    return arrow::Status::OK();
  }

  arrow::Status Start() {
    if (stream->legacy_dbz()) {
      return Unsupported(fmt::format("{}: a legacy DBZ file, the format before DBN", options.name),
                         "convert it with databento's dbn tool, or download it again as DBN");
    }
    std::string head;
    ARROW_RETURN_NOT_OK(ReadUpTo(kPreludeBytes, head));
    if (head.empty()) {
      if (!stream->truncated_frame().empty()) return TruncatedFrame();
      return CorruptData(fmt::format("{}: is empty; a DBN file starts with 'DBN'", options.name));
    }
    summary.compressed = stream->compressed();
    if (head.compare(0, 3, "DBN") == 0) return StartWithMetadata(head);
    if (head.compare(0, 3, "DBZ") == 0) {
      return Unsupported(fmt::format("{}: a legacy DBZ file, the format before DBN", options.name));
    }
    ARROW_RETURN_NOT_OK(ReadUpTo(kHeaderBytes, head));
    return StartFragment(head);
  }

  arrow::Status StartWithMetadata(const std::string& prelude) {
    if (prelude.size() < kPreludeBytes) return HeaderCutShort(kPreludeBytes, prelude.size());
    const int version = static_cast<uint8_t>(prelude[3]);
    if (version < 1 || version > kVersions) {
      return Unsupported(
          fmt::format("{}: DBN version {} at byte 3; versions 1 to 3 are known", options.name, version));
    }
    const auto length = Load<uint32_t>(reinterpret_cast<const uint8_t*>(prelude.data()) + 4);
    if (length > kMaxMetadataBytes) {
      return Unsupported(
          fmt::format("{}: the metadata header at byte 4 claims {} bytes; at most {} are taken", options.name,
                      WithCommas(length), WithCommas(kMaxMetadataBytes)));
    }
    std::string body;
    ARROW_RETURN_NOT_OK(ReadUpTo(length, body));
    if (body.size() < length)
      return HeaderCutShort(kPreludeBytes + int64_t{length}, kPreludeBytes + body.size());
    ARROW_ASSIGN_OR_RAISE(summary.metadata, DecodeMetadata(version, body, options.name));
    summary.has_metadata = true;
    summary.bytes_decoded = kPreludeBytes + static_cast<int64_t>(body.size());
    versions = 1u << (version - 1);
    ts_out = summary.metadata.ts_out;
    symbols.AddHeader(summary.metadata);
    return arrow::Status::OK();
  }

  arrow::Status HeaderCutShort(int64_t expected, size_t got) {
    if (!stream->truncated_frame().empty()) return TruncatedFrame();
    return CorruptData(
        fmt::format("{}: the metadata header is cut short: the stream ends at byte {}; expected {} bytes",
                    options.name, WithCommas(static_cast<int64_t>(got)), WithCommas(expected)),
        "fetch the file again");
  }

  arrow::Status TruncatedFrame() const {
    if (summary.records == 0) {
      return CorruptData(stream->truncated_frame() + "; no record is complete", "fetch the file again");
    }
    return CorruptData(
        stream->truncated_frame(),
        fmt::format("fetch the file again, or pass --allow-truncated to take the {} complete records",
                    WithCommas(summary.records)));
  }

  // Without metadata, the first record must look like one.
  arrow::Status StartFragment(const std::string& head) {
    const int size = static_cast<uint8_t>(head[0]) * 4;
    bool record = head.size() == kHeaderBytes && size >= kHeaderBytes;
    if (record) {
      const RtypeEntry& entry = kRtypes[static_cast<uint8_t>(head[1])];
      record = entry.record_class == RecordClass::kRow
                   ? VersionsOfSize(entry.kind, size) != 0
                   : MinimumBytes(entry.record_class) > 0 && size >= MinimumBytes(entry.record_class);
    }
    if (!record) {
      return CorruptData(fmt::format("{}: is not DBN: it starts with {}, not with 'DBN' or a record",
                                     options.name, Quoted(head)),
                         head.starts_with("PK\x03\x04")
                             ? "it is a zip archive: unpack it, and name the folder"
                         : head.starts_with("\x1f\x8b") ? "it is a gzip file: unpack it"
                                                        : "only .dbn and .dbn.zst content is read here");
    }
    carry = head;
    return arrow::Status::OK();
  }

  // The versions, a bit each, whose records of the kind have this size, with ts_out or without.
  unsigned VersionsOfSize(RecordKind kind, int size) const {
    unsigned found = 0;
    for (int v = 0; v < kVersions; ++v) {
      const int base = LayoutOf(kind).sizes[v];
      const bool fits =
          ts_out ? size == base + (*ts_out ? kTsOutBytes : 0) : size == base || size == base + kTsOutBytes;
      if (fits && (versions >> v & 1)) found |= 1u << v;
    }
    return found;
  }

  // ---- Records ----

  // How records of this kind look, by the size of one. Narrows what is known of a fragment's version.
  arrow::Result<const RecordFormat*> FormatOf(RecordKind kind, int size, int64_t byte) {
    std::optional<RecordFormat>& format = formats[static_cast<int>(kind)];
    if (format && format->size == size) return &*format;
    const unsigned fits = format ? 0 : VersionsOfSize(kind, size);
    if (fits == 0) return WrongSize(kind, size, byte);
    versions = fits;
    const int version = std::bit_width(fits);
    if (!ts_out) ts_out = size != LayoutOf(kind).sizes[version - 1];
    format = RecordFormat{kind, version, *ts_out, size, -1};
    for (const Column& column : LayoutOf(kind).columns) {
      if (std::string_view(column.name) == "ts_recv") format->ts_recv_offset = column.in(version).offset;
    }
    return &*format;
  }

  arrow::Status WrongSize(RecordKind kind, int size, int64_t byte) const {
    std::string expected;
    int smallest = kMaxRecordBytes;
    for (int v = 0; v < kVersions; ++v) {
      if (!(versions >> v & 1)) continue;
      const int base = LayoutOf(kind).sizes[v] + (ts_out.value_or(false) ? kTsOutBytes : 0);
      smallest = std::min(smallest, base);
      const std::string number = std::to_string(base);
      if (expected.find(number) == std::string::npos) expected += (expected.empty() ? "" : " or ") + number;
    }
    return At(ErrorKind::kCorruptData, summary.records, byte,
              fmt::format("is {} for its type {}: {} bytes; expected {}",
                          size < smallest ? "too short" : "of a wrong size", KindName(kind), size, expected));
  }

  arrow::Status AddOther(const uint8_t* record, const RtypeEntry& entry, int size, int64_t byte) {
    const bool unknown = entry.record_class == RecordClass::kUnknown;
    if (unknown) {
      ++summary.unknown_records;
      ++summary.unknown_by_rtype[record[1]];
      if (!options.keep_unknown) {
        summary.identical_export = false;
        return arrow::Status::OK();
      }
    } else {
      ++summary.control_records;
      if (size < MinimumBytes(entry.record_class)) {
        return At(ErrorKind::kCorruptData, summary.records, byte,
                  fmt::format("is too short for its type (rtype 0x{:02X}): {} bytes; expected at least {}",
                              record[1], size, MinimumBytes(entry.record_class)));
      }
      if (entry.record_class == RecordClass::kSymbolMapping)
        ARROW_RETURN_NOT_OK(AddMapping(record, size, byte));
    }
    kept_bytes += size + static_cast<int64_t>(sizeof(KeptRecord));
    if (kept_bytes > kMaxKeptBytes) {
      return At(ErrorKind::kUnsupported, summary.records, byte,
                fmt::format("is one control or unknown record too many: more than {} of them are not kept",
                            HumanBytes(kMaxKeptBytes)),
                "split the file");
    }
    summary.kept_records.push_back(
        {summary.records, {reinterpret_cast<const char*>(record), static_cast<size_t>(size)}});
    return arrow::Status::OK();
  }

  arrow::Status AddMapping(const uint8_t* record, int size, int64_t byte) {
    for (const MappingLayout& layout : kMappingLayouts) {
      if (size != layout.size && size != layout.size + kTsOutBytes) continue;
      const auto text = [&](int offset) {
        return DecodeText(
                   {reinterpret_cast<const char*>(record) + offset, static_cast<size_t>(layout.symbol_bytes)})
            .text;
      };
      const std::string in = text(layout.in_offset), out = text(layout.out_offset);
      symbols.AddLive({Load<uint32_t>(record + 4), in, out, Load<uint64_t>(record + layout.start_offset),
                       Load<uint64_t>(record + layout.end_offset)});
      return arrow::Status::OK();
    }
    return At(
        ErrorKind::kCorruptData, summary.records, byte,
        fmt::format("is a symbol mapping of {} bytes; expected 80 or 176, or 8 more with ts_out", size));
  }

  // Takes whole records from [data, data + size), whose first byte is `start` in the stream; says how many
  // bytes they took.
  arrow::Result<int64_t> Scan(const uint8_t* data, int64_t size, int64_t start) {
    int64_t at = 0;
    while (at < size) {
      const uint8_t* record = data + at;
      const int bytes = record[0] * 4;
      if (bytes < kHeaderBytes) {
        return At(ErrorKind::kCorruptData, summary.records, start + at,
                  fmt::format("has length {}; expected at least {}", bytes, kHeaderBytes),
                  "fetch the file again");
      }
      if (bytes > size - at) break;
      const RtypeEntry& entry = kRtypes[record[1]];
      if (entry.record_class == RecordClass::kRow) {
        ARROW_ASSIGN_OR_RAISE(const RecordFormat* format, FormatOf(entry.kind, bytes, start + at));
        if (!filter || filter->Takes(record, *format)) {
          ARROW_ASSIGN_OR_RAISE(const bool due, batches->Add(record, *format, summary.records));
          if (due) ARROW_RETURN_NOT_OK(Flush(data, start));
        }
      } else {
        ARROW_RETURN_NOT_OK(AddOther(record, entry, bytes, start + at));
      }
      ++summary.records;
      at += bytes;
    }
    ARROW_RETURN_NOT_OK(Flush(data, start));
    return at;
  }

  arrow::Status Flush(const uint8_t* data, int64_t start) {
    ARROW_ASSIGN_OR_RAISE(auto misfit, batches->Flush());
    if (!misfit) return arrow::Status::OK();
    return At(ErrorKind::kInvalidInput, misfit->source_row, start + (misfit->record - data),
              fmt::format("does not fit: {}", misfit->what),
              "times that do not fit are counted and left null with --on-error null");
  }

  // Reads a block's worth of records.
  arrow::Status Advance() {
    if (position == block.size) ARROW_RETURN_NOT_OK(NextBlock());
    if (at_end) return End();
    if (!carry.empty()) ARROW_RETURN_NOT_OK(CompleteCarry());
    if (position < block.size) {
      const int64_t start = block_start + position;
      ARROW_ASSIGN_OR_RAISE(int64_t used, Scan(block.data + position, block.size - position, start));
      carry.assign(reinterpret_cast<const char*>(block.data) + position + used, block.size - position - used);
      carry_start = start + used;
      position = block.size;
      summary.bytes_decoded = carry_start;
    }
    Count();
    return arrow::Status::OK();
  }

  // The record that began in an earlier block gets its missing bytes from this one.
  arrow::Status CompleteCarry() {
    const auto whole = static_cast<size_t>(static_cast<uint8_t>(carry[0]) * 4);
    if (whole >= kHeaderBytes && whole > carry.size()) {
      const auto take = std::min<int64_t>(block.size - position, static_cast<int64_t>(whole - carry.size()));
      carry.append(reinterpret_cast<const char*>(block.data) + position, take);
      position += take;
      if (carry.size() < whole) return arrow::Status::OK();
    }
    ARROW_RETURN_NOT_OK(
        Scan(reinterpret_cast<const uint8_t*>(carry.data()), static_cast<int64_t>(carry.size()), carry_start)
            .status());
    carry.clear();
    summary.bytes_decoded = block_start + position;
    return arrow::Status::OK();
  }

  arrow::Status End() {
    if (!carry.empty() && static_cast<uint8_t>(carry[0]) * 4 <= static_cast<int>(carry.size())) {
      ARROW_RETURN_NOT_OK(CompleteCarry());
    }
    if (!stream->truncated_frame().empty()) {
      if (!options.allow_truncated) return TruncatedFrame();
      summary.truncated_frame = true;
      summary.identical_export = false;
    }
    if (!carry.empty()) {
      if (!options.allow_truncated) {
        return At(
            ErrorKind::kCorruptData, summary.records, carry_start,
            fmt::format("is cut short: the stream ends after {} of its {} bytes", carry.size(),
                        static_cast<uint8_t>(carry[0]) * 4),
            fmt::format("fetch the file again, or pass --allow-truncated to take the {} complete records",
                        WithCommas(summary.records)));
      }
      summary.truncated_bytes = static_cast<int64_t>(carry.size());
      summary.truncated_records = 1;
      summary.identical_export = false;
      carry.clear();
    }
    ARROW_RETURN_NOT_OK(batches->Finish());
    Count();
    if (summary.nulled_times > 0) summary.identical_export = false;
    if (!summary.has_metadata) {
      summary.metadata.version = std::bit_width(versions);
      summary.metadata.symbol_cstr_len = summary.metadata.version == 1 ? 22 : 71;
      summary.metadata.ts_out = ts_out.value_or(false);
    }
    ended = true;
    return arrow::Status::OK();
  }

  void Count() {
    for (int k = 0; k < kKinds; ++k) {
      const auto kind = static_cast<RecordKind>(k);
      if (batches->rows(kind) > 0) summary.rows[kind] = batches->rows(kind);
    }
    summary.unmapped_rows = batches->unmapped_rows();
    summary.nulled_times = batches->nulled_times();
    if (filter) summary.selection = filter->counts();
  }
};

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::~Reader() = default;

arrow::Result<std::unique_ptr<Reader>> Reader::Open(std::shared_ptr<arrow::io::InputStream> input,
                                                    ReadOptions options) {
  if (options.batch_rows < 1) {
    return InvalidInput(fmt::format("batch_rows is {}; expected at least 1", options.batch_rows));
  }
  auto impl = std::make_unique<Impl>();
  impl->symbols.AddBeside(options.extra_mappings);
  ARROW_ASSIGN_OR_RAISE(impl->stream,
                        ByteStream::Open(std::move(input), options.name, options.abandon_input));
  impl->options = std::move(options);
  impl->batches.emplace(impl->options, impl->symbols);
  if (!impl->options.selection.is_all() || !impl->options.held.empty()) {
    ARROW_RETURN_NOT_OK(CheckSelection(impl->options.selection));
    impl->filter.emplace(impl->options, impl->symbols);
  }
  ARROW_RETURN_NOT_OK(impl->Start());
  impl->summary.symbol_conflict = impl->symbols.Conflict();
  impl->summary.unread_ids = impl->symbols.unread_ids();
  return std::unique_ptr<Reader>(new Reader(std::move(impl)));
}

arrow::Result<std::optional<Batch>> Reader::Next() {
  while (!impl_->batches->has_batch() && !impl_->ended) ARROW_RETURN_NOT_OK(impl_->Advance());
  return impl_->batches->Take();
}

const ReadSummary& Reader::summary() const { return impl_->summary; }

}  // namespace marquet::dbn
