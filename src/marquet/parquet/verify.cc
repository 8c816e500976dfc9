#include "marquet/parquet/verify.h"

#include <cstring>

#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/parquet/chunk_check_internal.h"
#include "marquet/parquet/failures_internal.h"
#include "marquet/parquet/footer_internal.h"
#include "marquet/parquet/verify_internal.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

constexpr int64_t kReadBytes = int64_t{4} << 20;  // of what is hashed only

struct Chunk {
  int row_group = 0;
  int leaf = 0;
  ByteRange bytes;
};

// One pass over a file in the order of its bytes: everything is hashed, and column chunks are checked from
// the same reads.
class Pass {
 public:
  Pass(arrow::io::RandomAccessFile& file, const StopFlag* stop, bool hashed, FileVerdict* verdict)
      : file_(file), stop_(stop), hashed_(hashed), verdict_(*verdict) {}

  arrow::Status CheckChunks(const ::parquet::FileMetaData& footer, VerifyLevel level) {
    std::vector<Chunk> chunks;
    for (int i = 0; i < footer.num_row_groups(); ++i) {
      const auto group = footer.RowGroup(i);
      for (int leaf = 0; leaf < group->num_columns(); ++leaf) {
        chunks.push_back({i, leaf, ChunkBytes(*group->ColumnChunk(leaf))});
      }
    }
    std::stable_sort(chunks.begin(), chunks.end(),
                     [](const Chunk& a, const Chunk& b) { return a.bytes.begin < b.bytes.begin; });
    for (const Chunk& chunk : chunks) {
      ARROW_RETURN_NOT_OK(HashTo(chunk.bytes.begin));
      ARROW_ASSIGN_OR_RAISE(const auto bytes, Read(chunk.bytes));
      // Chunks that overlap are damage of the footer's; each byte is hashed once all the same.
      if (hashed_ && chunk.bytes.end > position_) {
        const int64_t seen = position_ - chunk.bytes.begin;
        digest_.Update(bytes->data() + seen, bytes->size() - seen);
      }
      position_ = std::max(position_, chunk.bytes.end);
      const auto group = footer.RowGroup(chunk.row_group);
      const auto metadata = group->ColumnChunk(chunk.leaf);
      const ::parquet::ColumnDescriptor& column = *footer.schema()->Column(chunk.leaf);
      const ChunkPlace place{verdict_.file, chunk.row_group, chunk.bytes.begin};
      const size_t before = verdict_.damage.size();
      CheckPages(*bytes, *metadata, column, place, &verdict_.damage);
      if (level == VerifyLevel::kFull && verdict_.damage.size() == before) {
        CheckValues(bytes, *metadata, column, group->num_rows(), place, &verdict_.damage);
      }
    }
    return arrow::Status::OK();
  }

  arrow::Result<std::string> Digest() {
    ARROW_RETURN_NOT_OK(HashTo(verdict_.bytes));
    return digest_.Hex();
  }

 private:
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(ByteRange range) {
    if (stop_ != nullptr) ARROW_RETURN_NOT_OK(stop_->Check());
    ARROW_ASSIGN_OR_RAISE(auto bytes, file_.ReadAt(range.begin, range.length()));
    if (bytes->size() == range.length()) return bytes;
    return CorruptData(fmt::format("{}: {} bytes could be read at byte {}; expected {}", verdict_.file,
                                   bytes->size(), range.begin, range.length()));
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
  const StopFlag* stop_;
  bool hashed_;
  FileVerdict& verdict_;
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

}  // namespace

arrow::Result<FileVerdict> VerifyOpened(arrow::io::RandomAccessFile& file, const std::string& path,
                                        VerifyLevel level, const Expectation& expected,
                                        const StopFlag* stop) {
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
  auto footer = ReadFooter(file, path, verdict.bytes);
  if (!footer.ok()) {
    if (!IsKind(footer.status(), ErrorKind::kCorruptData)) return footer.status();
    verdict.damage.push_back(WholeFile(verdict, "footer", -1, 0, footer.status().message()));
  } else {
    verdict.rows = footer->metadata->num_rows();
    if (expected.rows.has_value() && *expected.rows != verdict.rows) {
      verdict.damage.push_back(
          WholeFile(verdict, "footer", footer->begin, footer->length,
                    fmt::format("the footer says {} rows; expected {}", verdict.rows, *expected.rows)));
    }
  }
  if (level != VerifyLevel::kFooter) {
    Pass pass(file, stop, expected.digest.has_value(), &verdict);
    if (footer.ok()) {
      ARROW_RETURN_NOT_OK(GuardRead(path, [&] { return pass.CheckChunks(*footer->metadata, level); }));
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
  verdict.ok = verdict.damage.empty();
  if (footer.ok()) verdict.rows_intact = IntactRows(*footer->metadata, verdict.damage);
  return verdict;
}

arrow::Result<FileVerdict> VerifyFile(file::FileSystem& fs, const std::string& path, VerifyLevel level,
                                      const Expectation& expected, const StopFlag* stop) {
  ARROW_ASSIGN_OR_RAISE(const auto file, fs.OpenForReading(path));
  return VerifyOpened(*file, path, level, expected, stop);
}

arrow::Status CheckWritten(arrow::io::RandomAccessFile& file, const std::string& path,
                           const ::parquet::FileMetaData& footer, VerifyLevel level) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file.GetSize());
  ARROW_ASSIGN_OR_RAISE(const Footer found, ReadFooter(file, path, size));
  if (!found.metadata->Equals(footer)) {
    return CorruptData(fmt::format("{}: the footer read back differs from the one that was written", path));
  }
  if (level == VerifyLevel::kFooter) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const FileVerdict verdict, VerifyOpened(file, path, level, {}, nullptr));
  if (verdict.ok) return arrow::Status::OK();
  const Damage& first = verdict.damage.front();
  return CorruptData(
      fmt::format("{}: what was written does not read back: row group {}, column {}, byte {}: {}", path,
                  first.row_group, first.column, first.offset, first.message));
}

}  // namespace marquet::pq
