#include "marquet/parquet/verify/verify.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/column_memory.h"
#include "marquet/base/column_threads.h"
#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/parquet/format/arrow_schema_internal.h"
#include "marquet/parquet/format/column_statistics_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/format/footer_inside_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "marquet/parquet/verify/bloom_filters_internal.h"
#include "marquet/parquet/verify/chunk_check_internal.h"
#include "marquet/parquet/verify/nested_check_internal.h"
#include "marquet/parquet/verify/nested_levels_internal.h"
#include "marquet/parquet/verify/sort_check_internal.h"
#include "marquet/parquet/verify/statistics_check_internal.h"
#include "marquet/parquet/verify/unclaimed_bytes_internal.h"
#include "marquet/parquet/verify/verify_internal.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

constexpr int64_t kReadBytes = int64_t{4} << 20;  // of what is hashed only
constexpr int64_t kSmallFile = int64_t{1} << 19;  // below: checked by the caller's thread

struct Chunk {
  int row_group = 0;
  int leaf = 0;
  ByteRange bytes;
  std::vector<Damage> damage;
  std::vector<Damage> odd;
  LevelSummary levels;  // of a leaf inside of another column whose values were decoded
};

// One pass over a file in the order of its bytes: everything is hashed, and column chunks are checked from
// the same reads. Several threads take chunks: reading and hashing is done by one at a time, in order; what
// takes long, decoding, side by side. Each thread holds one chunk's bytes.
class Pass {
 public:
  Pass(arrow::io::RandomAccessFile& file, const std::string& path, int64_t size, bool hashed,
       const StopFlag* stop)
      : file_(file), path_(path), size_(size), hashed_(hashed), stop_(stop) {}

  // Adds what it finds in the order of the chunks' bytes. `statistics`: the file's, for kFull; may be a null
  // pointer for others.
  arrow::Status CheckChunks(const ::parquet::FileMetaData& footer, VerifyLevel level,
                            StatisticsChecks* statistics, bool parallel, FileVerdict* verdict) {
    for (int i = 0; i < footer.num_row_groups(); ++i) {
      const auto group = footer.RowGroup(i);
      for (int leaf = 0; leaf < group->num_columns(); ++leaf) {
        ARROW_ASSIGN_OR_RAISE(const ByteRange bytes, ReadableBytes(file_, footer, *group->ColumnChunk(leaf)));
        chunks_.push_back({i, leaf, bytes, {}, {}, {}});
      }
    }
    std::stable_sort(chunks_.begin(), chunks_.end(),
                     [](const Chunk& a, const Chunk& b) { return a.bytes.begin < b.bytes.begin; });
    // A small file is done before another thread has begun.
    const size_t takers = size_ < kSmallFile ? 1 : std::max(1u, std::thread::hardware_concurrency());
    const int items = static_cast<int>(std::min(takers, std::max(chunks_.size(), size_t{1})));
    ARROW_RETURN_NOT_OK(ForEach(items, parallel, [&](int) {
      return GuardRead(path_, [&] { return TakeChunks(footer, level, statistics); });
    }));
    by_place_.resize(chunks_.size());
    for (Chunk& chunk : chunks_) {
      by_place_[static_cast<size_t>(chunk.row_group) * static_cast<size_t>(footer.num_columns()) +
                static_cast<size_t>(chunk.leaf)] = &chunk;
      if (!chunk.damage.empty()) chunk.levels = {};
      std::move(chunk.damage.begin(), chunk.damage.end(), std::back_inserter(verdict->damage));
      std::move(chunk.odd.begin(), chunk.odd.end(), std::back_inserter(verdict->odd));
    }
    return arrow::Status::OK();
  }

  // Whether the leaves of a column in a row group, `columns` of the file being leaves, were decoded and make
  // the same lists.
  bool LevelsAgree(int row_group, int columns, int first_leaf, int end_leaf) const {
    const auto levels = [&](int leaf) -> const LevelSummary& {
      return by_place_[static_cast<size_t>(row_group) * static_cast<size_t>(columns) +
                       static_cast<size_t>(leaf)]
          ->levels;
    };
    for (int leaf = first_leaf; leaf < end_leaf; ++leaf) {
      if (!levels(leaf).sound) return false;
      if (leaf > first_leaf && levels(leaf).shared_before != levels(leaf - 1).shared_behind) return false;
    }
    return true;
  }

  // Of the chunks that were checked.
  std::vector<ByteRange> chunk_bytes() const {
    std::vector<ByteRange> found;
    for (const Chunk& chunk : chunks_) found.push_back(chunk.bytes);
    return found;
  }

  arrow::Result<std::string> Digest() {
    ARROW_RETURN_NOT_OK(HashTo(size_));
    return digest_.Hex();
  }

 private:
  arrow::Status TakeChunks(const ::parquet::FileMetaData& footer, VerifyLevel level,
                           StatisticsChecks* statistics) {
    while (true) {
      Chunk* chunk = nullptr;
      std::shared_ptr<arrow::Buffer> bytes;
      {
        std::lock_guard lock(mutex_);
        if (next_ == chunks_.size()) return arrow::Status::OK();
        chunk = &chunks_[next_++];
        auto read = ReadChunk(chunk->bytes);
        if (!read.ok()) {
          next_ = chunks_.size();  // for the other threads, too
          return read.status();
        }
        bytes = *std::move(read);
      }
      const auto group = footer.RowGroup(chunk->row_group);
      const auto metadata = group->ColumnChunk(chunk->leaf);
      const ::parquet::ColumnDescriptor& column = *footer.schema()->Column(chunk->leaf);
      const ChunkLocation place{path_, chunk->row_group, chunk->bytes.begin};
      const int64_t end = CheckPages(*bytes, *metadata, column, place, &chunk->damage, &chunk->odd);
      if (level == VerifyLevel::kFull && chunk->damage.empty()) {
        std::optional<LeafLevels> levels;
        if (IsInside(*footer.schema(), chunk->leaf)) levels.emplace(*footer.schema(), chunk->leaf);
        ARROW_ASSIGN_OR_RAISE(const auto said, statistics->Of(chunk->row_group, chunk->leaf));
        CheckValues(bytes, *metadata, column, group->num_rows(), place, levels ? &*levels : nullptr,
                    said.get(), &chunk->damage, &chunk->odd);
        if (levels) chunk->levels = levels->Summary();
      }
      chunk->bytes.end = chunk->bytes.begin + end;
    }
  }

  // With mutex_ held.
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadChunk(ByteRange range) {
    ARROW_RETURN_NOT_OK(HashTo(range.begin));
    ARROW_ASSIGN_OR_RAISE(auto bytes, Read(range));
    // Chunks that overlap are damage of the footer's; each byte is hashed once all the same.
    if (hashed_ && range.end > position_) {
      const int64_t seen = position_ - range.begin;
      digest_.Update(bytes->data() + seen, bytes->size() - seen);
    }
    position_ = std::max(position_, range.end);
    return bytes;
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(ByteRange range) {
    if (stop_ != nullptr) ARROW_RETURN_NOT_OK(stop_->Check());
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> bytes,
                          arrow::AllocateBuffer(range.length(), ColumnMemory()));
    ARROW_ASSIGN_OR_RAISE(const int64_t read,
                          file_.ReadAt(range.begin, range.length(), bytes->mutable_data()));
    if (read == range.length()) return bytes;
    return CorruptData(fmt::format("{}: {} bytes could be read at byte {}; expected {}", path_, read,
                                   range.begin, range.length()));
  }

  arrow::Status HashTo(int64_t end) {
    while (hashed_ && position_ < end) {
      ARROW_ASSIGN_OR_RAISE(const auto bytes, Read({position_, std::min(end, position_ + kReadBytes)}));
      digest_.Update(bytes->data(), bytes->size());
      position_ += bytes->size();
    }
    return arrow::Status::OK();
  }

  arrow::io::RandomAccessFile& file_;
  const std::string& path_;
  const int64_t size_;
  const bool hashed_;
  const StopFlag* const stop_;
  std::vector<Chunk> chunks_;           // by their bytes
  std::vector<const Chunk*> by_place_;  // row group after row group, by leaf

  std::mutex mutex_;  // of what follows
  size_t next_ = 0;   // chunk to be taken
  Xxh3Digest digest_;
  int64_t position_ = 0;  // hashed so far
};

Damage WholeFile(const FileVerdict& verdict, std::string region, int64_t offset, int64_t length,
                 std::string message) {
  return {verdict.file, -1, {}, -1, offset, length, std::move(region), std::move(message)};
}

int64_t IntactRows(const ::parquet::FileMetaData& footer, const std::vector<Damage>& damage) {
  std::vector<bool> hit(footer.num_row_groups(), false);
  for (const Damage& found : damage) {
    if (found.row_group >= 0) hit[found.row_group] = true;
  }
  int64_t rows = 0;
  for (int i = 0; i < footer.num_row_groups(); ++i) rows += hit[i] ? 0 : footer.RowGroup(i)->num_rows();
  return rows;
}

std::string WithoutPath(const arrow::Status& status, const std::string& path) {
  const std::string named = path + ": ";
  return status.message().starts_with(named) ? status.message().substr(named.size()) : status.message();
}

// The footer, or that of the file that this one begins with; nothing when there is none. What is wrong with
// it becomes part of the verdict.
arrow::Result<std::optional<Footer>> FooterOrDamage(arrow::io::RandomAccessFile& file, const StopFlag* stop,
                                                    FileVerdict* verdict) {
  auto footer = ReadFooter(file, verdict->file, verdict->bytes);
  if (!footer.ok()) {
    if (!IsKind(footer.status(), ErrorKind::kCorruptData)) return footer.status();
    ARROW_ASSIGN_OR_RAISE(auto inside, FindFooterInside(file, verdict->file, verdict->bytes, stop));
    if (!inside.footer) {
      std::string message = WithoutPath(footer.status(), verdict->file);
      if (inside.gave_up) {
        message +=
            "; it looks like the end of a Parquet file at more places than could be looked at for a footer";
      }
      verdict->damage.push_back(WholeFile(*verdict, "footer", -1, 0, std::move(message)));
      return std::nullopt;
    }
    const int64_t end = inside.footer->begin + inside.footer->length + kTailBytes;
    ARROW_ASSIGN_OR_RAISE(const auto behind, LookBehindFooter(file, {end, verdict->bytes}, stop));
    verdict->damage.push_back(WholeFile(
        *verdict, "tail", end, verdict->bytes - end,
        fmt::format("the file goes on for {} bytes behind its footer, which ends at byte {} and is of {} "
                    "rows{}",
                    WithCommas(verdict->bytes - end), WithCommas(end), WithCommas(inside.footer->rows),
                    behind && behind->holds_rows
                        ? fmt::format("; {} of these bytes are of nothing that it names{}",
                                      WithCommas(behind->range.length()), behind->what)
                        : "")));
    footer = *std::move(inside.footer);
  }
  verdict->rows = footer->rows;
  if (IsRowCountLeftOut(*footer->metadata)) {
    verdict->odd.push_back(
        WholeFile(*verdict, "footer", footer->begin, footer->length,
                  fmt::format("the footer says 0 rows; its row groups have {}", footer->rows)));
  }
  return *std::move(footer);
}

// Adds Bloom filters that are not where the footer has them, and what lies before it and is of nothing that
// it names.
arrow::Status CheckClaims(arrow::io::RandomAccessFile& file, const Footer& footer,
                          std::vector<ByteRange> known, const StopFlag* stop, FileVerdict* verdict) {
  ARROW_ASSIGN_OR_RAISE(BloomFilters filters, ReadBloomFilters(file, footer, stop));
  for (BloomFilterFault& fault : filters.faults) {
    verdict->damage.push_back(
        {verdict->file, fault.row_group, footer.metadata->schema()->Column(fault.leaf)->path()->ToDotString(),
         -1, fault.bytes.begin, fault.bytes.length(), "Bloom filter", std::move(fault.message)});
  }
  known.insert(known.end(), filters.whole.begin(), filters.whole.end());
  ARROW_ASSIGN_OR_RAISE(const auto found, FindUnclaimed(file, footer, std::move(known), stop));
  for (const UnclaimedBytes& bytes : found) {
    (bytes.holds_rows ? verdict->damage : verdict->odd)
        .push_back(WholeFile(*verdict, "unclaimed", bytes.range.begin, bytes.range.length(),
                             fmt::format("{} bytes are of nothing that the footer names{}",
                                         WithCommas(bytes.range.length()), bytes.what)));
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<FileVerdict> VerifyOpened(arrow::io::RandomAccessFile& file, const std::string& path,
                                        VerifyLevel level, const Expectation& expected, const StopFlag* stop,
                                        bool parallel, std::shared_ptr<::parquet::FileMetaData>* metadata) {
  FileVerdict verdict;
  verdict.file = path;
  ARROW_ASSIGN_OR_RAISE(verdict.bytes, file.GetSize());
  if (expected.bytes.has_value() && *expected.bytes != verdict.bytes) {
    verdict.damage.push_back(
        WholeFile(verdict, "file", 0, verdict.bytes,
                  fmt::format("the file has {} bytes; expected {}", verdict.bytes, *expected.bytes)));
  }
  ARROW_ASSIGN_OR_RAISE(const auto head, file.ReadAt(0, kMagicBytes));
  if (head->size() < kMagicBytes || std::memcmp(head->data(), "PAR1", kMagicBytes) != 0) {
    verdict.damage.push_back(
        WholeFile(verdict, "magic", 0, kMagicBytes, "the first four bytes are not 'PAR1'"));
  }
  ARROW_ASSIGN_OR_RAISE(const std::optional<Footer> footer, FooterOrDamage(file, stop, &verdict));
  if (footer && expected.rows.has_value() && *expected.rows != verdict.rows) {
    verdict.damage.push_back(
        WholeFile(verdict, "footer", footer->begin, footer->length,
                  fmt::format("the footer says {} rows; expected {}", verdict.rows, *expected.rows)));
  }
  if (footer) {
    const arrow::Status read = CheckArrowSchema(*footer->metadata, path);
    if (IsKind(read, ErrorKind::kCorruptData)) {
      verdict.damage.push_back(
          WholeFile(verdict, "schema", footer->begin, footer->length, WithoutPath(read, path)));
    } else if (!read.ok()) {
      return read;
    }
  }
  if (level != VerifyLevel::kFooter) {
    Pass pass(file, path, verdict.bytes, expected.digest.has_value(), stop);
    if (footer) {
      std::optional<StatisticsChecks> statistics;
      if (level == VerifyLevel::kFull) statistics.emplace(file, path, footer->metadata);
      ARROW_RETURN_NOT_OK(pass.CheckChunks(*footer->metadata, level, statistics ? &*statistics : nullptr,
                                           parallel, &verdict));
      ARROW_RETURN_NOT_OK(CheckClaims(file, *footer, pass.chunk_bytes(), stop, &verdict));
      if (level == VerifyLevel::kFull) {
        const int columns = footer->metadata->num_columns();
        const auto agree = [&](int row_group, int first_leaf, int end_leaf) {
          return pass.LevelsAgree(row_group, columns, first_leaf, end_leaf);
        };
        ARROW_RETURN_NOT_OK(
            CheckNested(file, path, footer->metadata, agree, stop, parallel, &verdict.damage));
      }
    }
    if (expected.digest.has_value()) {
      ARROW_ASSIGN_OR_RAISE(const std::string found, pass.Digest());
      // Only when nothing narrower was found: any damage changes the digest.
      if (found != *expected.digest && verdict.damage.empty()) {
        verdict.damage.push_back(
            WholeFile(verdict, "file", 0, verdict.bytes,
                      fmt::format("the digest of the file is {}; expected {}", found, *expected.digest)));
      }
    }
  }
  if (footer && WrittenByMarquet(*footer->metadata)) {
    std::move(verdict.odd.begin(), verdict.odd.end(), std::back_inserter(verdict.damage));
    verdict.odd.clear();
  }
  verdict.ok = verdict.damage.empty();
  if (footer) verdict.rows_intact = IntactRows(*footer->metadata, verdict.damage);
  if (footer && metadata != nullptr) *metadata = footer->metadata;
  return verdict;
}

arrow::Result<FileVerdict> VerifyFile(file::FileSystem& fs, const std::string& path, VerifyLevel level,
                                      const Expectation& expected, const StopFlag* stop, bool parallel,
                                      std::shared_ptr<::parquet::FileMetaData>* footer) {
  ARROW_ASSIGN_OR_RAISE(const auto file, fs.OpenForReading(path));
  std::shared_ptr<::parquet::FileMetaData> found;
  ARROW_ASSIGN_OR_RAISE(FileVerdict verdict,
                        VerifyOpened(*file, path, level, expected, stop, parallel, &found));
  if (footer != nullptr) *footer = found;
  if (level != VerifyLevel::kFull || !verdict.ok) return verdict;
  const std::shared_ptr<file::FileSystem> borrowed(std::shared_ptr<void>(), &fs);  // for this call
  const arrow::Status sorted = CheckSortOrder(borrowed, path, found, stop, &verdict.damage);
  if (IsKind(sorted, ErrorKind::kCorruptData)) {
    verdict.damage.push_back(WholeFile(verdict, "file", 0, verdict.bytes, WithoutPath(sorted, path)));
  } else {
    ARROW_RETURN_NOT_OK(sorted);
  }
  verdict.ok = verdict.damage.empty();
  return verdict;
}

arrow::Status CheckWritten(arrow::io::RandomAccessFile& file, const std::string& path,
                           const ::parquet::FileMetaData& footer, VerifyLevel level) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file.GetSize());
  ARROW_ASSIGN_OR_RAISE(const Footer found, ReadFooter(file, path, size));
  if (!found.metadata->Equals(footer)) {
    return CorruptData(fmt::format("{}: the footer read back differs from the one that was written", path));
  }
  if (level == VerifyLevel::kFooter) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const FileVerdict verdict,
                        VerifyOpened(file, path, level, {}, nullptr, /*parallel=*/true));
  if (verdict.ok) return arrow::Status::OK();
  const Damage& first = verdict.damage.front();
  return CorruptData(
      fmt::format("{}: what was written does not read back: row group {}, column {}, byte {}: {}", path,
                  first.row_group, first.column, first.offset, first.message));
}

}  // namespace marquet::pq
