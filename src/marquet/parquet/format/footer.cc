#include <algorithm>
#include <cstring>
#include <functional>

#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/parquet/format/column_statistics_internal.h"
#include "marquet/parquet/format/compact_reader_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "marquet/parquet/format/leaf_type_internal.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

// Read at once from the file's end: most footers fit.
constexpr int64_t kFirstRead = int64_t{64} << 10;

// A page's header takes at least this: eight fields and the structures' ends (parquet.thrift, PageHeader).
constexpr int64_t kLeastHeaderBytes = 12;

// The header of a dictionary page takes at most this where it is left out of a chunk's size (PARQUET-816).
constexpr int64_t kMostDictionaryHeader = 100;

// More values than so many bytes of pages can stand for: a header says how many in 32 bits, and they may all
// be null. Where a page is missing it is not the whole file that is refused, but the reading of the column.
int64_t MostValues(int64_t bytes) {
  return (std::min<int64_t>(bytes / kLeastHeaderBytes, INT32_MAX) + 1) * INT32_MAX;
}

// The bytes' own claims are held against them before a reader makes room for what they claim.
arrow::Result<std::shared_ptr<::parquet::FileMetaData>> Parse(const arrow::Buffer& bytes) {
  const std::span<const uint8_t> all(bytes.data(), static_cast<size_t>(bytes.size()));
  const arrow::Status sane = thrift::CompactReader(all, "footer").Skip(thrift::kStruct);
  if (!sane.ok())
    return arrow::Status::IOError(sane.message());  // without a kind yet: the caller adds the place
  return ::parquet::FileMetaData::Make(bytes.data(), bytes.size());
}

// `place` gives the chunk's place.
arrow::Status CheckChunk(const ::parquet::ColumnChunkMetaData& chunk,
                         const ::parquet::ColumnDescriptor& column, const std::function<std::string()>& place,
                         int64_t rows, int64_t end) {
  if (!chunk.file_path().empty()) {
    return Unsupported(fmt::format("{}: lies in another file, '{}'", place(), chunk.file_path()));
  }
  if (chunk.crypto_metadata() != nullptr) return Unsupported(fmt::format("{}: is encrypted", place()));
  const ByteRange bytes = ChunkBytes(chunk);
  if (bytes.begin < kMagicBytes || chunk.total_compressed_size() < 0 || bytes.end > end) {
    return CorruptData(fmt::format("{}: bytes {} to {} are outside of the file's data, which ends at {}",
                                   place(), bytes.begin, bytes.end, end));
  }
  if (chunk.type() != column.physical_type()) {
    return CorruptData(fmt::format("{}: has the physical type {}; the schema says {}", place(),
                                   ::parquet::TypeToString(chunk.type()),
                                   ::parquet::TypeToString(column.physical_type())));
  }
  if (IsAlwaysNull(column) && column.schema_node()->is_required() && rows > 0) {
    return CorruptData(fmt::format("{}: its type is that of nulls alone, and it can hold none", place()));
  }
  if (column.max_repetition_level() == 0 && chunk.num_values() != rows) {
    return CorruptData(
        fmt::format("{}: has {} values in a row group of {} rows", place(), chunk.num_values(), rows));
  }
  const int64_t most = MostValues(bytes.length());
  if (chunk.num_values() < 0 || chunk.num_values() > most) {
    return CorruptData(fmt::format("{}: has {} values in {} bytes; expected at most {}", place(),
                                   chunk.num_values(), bytes.length(), most));
  }
  if (chunk.num_values() < rows) {  // each row has one at least, be it that there is nothing in it
    return CorruptData(
        fmt::format("{}: has {} values in a row group of {} rows", place(), chunk.num_values(), rows));
  }
  return arrow::Status::OK();
}

// Of a file that does not end as Parquet files do.
arrow::Status NoFooter(arrow::io::RandomAccessFile& file, const std::string& path, int64_t size) {
  constexpr const char* kUnfinished = "its writer may still be running, or was interrupted";
  if (size == 0) {
    return CorruptData(fmt::format("{}: is empty: {}", path, kUnfinished),
                       "When no writer is at it any more, nothing is lost by removing it.");
  }
  ARROW_ASSIGN_OR_RAISE(const auto head, file.ReadAt(0, std::min(size, kMagicBytes)));
  const std::string_view magic(*head);
  if (!std::string_view("PAR1").starts_with(magic) || magic.empty()) {
    return CorruptData(fmt::format("{}: not a Parquet file: begins with {} and does not end with 'PAR1'",
                                   path, Quoted(magic)));
  }
  return CorruptData(
      fmt::format("{}: has no footer ({} bytes, which do not end with 'PAR1'): {}", path, WithCommas(size),
                  kUnfinished),
      fmt::format(
          "When no writer is at it any more, its rows can be recovered: marquet rescue {} -o OUT.parquet "
          "--schema ANOTHER.parquet, where ANOTHER is a file with the same columns.",
          path));
}

}  // namespace

ByteRange ChunkBytes(const ::parquet::ColumnChunkMetaData& chunk) {
  // Arrow's writer says that data pages begin at 0 where there are none: in a row group without rows.
  int64_t begin = chunk.data_page_offset();
  if (begin == 0 && chunk.num_values() == 0) begin = INT64_MAX;
  if (chunk.has_dictionary_page() && chunk.dictionary_page_offset() > 0) {
    begin = std::min(begin, chunk.dictionary_page_offset());
  }
  if (begin == INT64_MAX && chunk.total_compressed_size() == 0) begin = kMagicBytes;
  int64_t end = 0;
  if (__builtin_add_overflow(begin, chunk.total_compressed_size(), &end)) end = INT64_MAX;
  return {begin, end};
}

arrow::Result<ByteRange> ReadableBytes(arrow::io::RandomAccessFile& file,
                                       const ::parquet::FileMetaData& footer,
                                       const ::parquet::ColumnChunkMetaData& chunk) {
  ByteRange bytes = ChunkBytes(chunk);
  // Such files need not say either that a chunk has a dictionary page.
  const bool left_out =
      footer.writer_version().VersionLt(::parquet::ApplicationVersion::PARQUET_816_FIXED_VERSION());
  if (left_out) {
    ARROW_ASSIGN_OR_RAISE(const int64_t size, file.GetSize());
    bytes.end = std::max(bytes.end, std::min(size, bytes.end + kMostDictionaryHeader));
  }
  return bytes;
}

bool IsRowCountLeftOut(const ::parquet::FileMetaData& footer) {
  if (footer.num_rows() != 0) return false;
  for (int i = 0; i < footer.num_row_groups(); ++i) {
    if (footer.RowGroup(i)->num_rows() > 0) return true;
  }
  return false;
}

std::vector<int> FirstLeaves(const ::parquet::SchemaDescriptor& schema) {
  std::vector<int> first;
  for (int leaf = 0; leaf < schema.num_columns(); ++leaf) {
    if (leaf == 0 || schema.GetColumnRoot(leaf) != schema.GetColumnRoot(leaf - 1)) first.push_back(leaf);
  }
  first.push_back(schema.num_columns());
  return first;
}

arrow::Result<std::shared_ptr<::parquet::FileMetaData>> ParseFooter(arrow::io::RandomAccessFile& file,
                                                                    int64_t begin, int64_t length) {
  return GuardRead("footer", [&]() -> arrow::Result<std::shared_ptr<::parquet::FileMetaData>> {
    ARROW_ASSIGN_OR_RAISE(const auto bytes, file.ReadAt(begin, length));
    if (bytes->size() != length) return arrow::Status::IOError(bytes->size(), " bytes could be read");
    return Parse(*bytes);
  });
}

arrow::Result<int64_t> CheckFooter(const ::parquet::FileMetaData& footer, const std::string& path,
                                   int64_t end) {
  return GuardRead(path, [&]() -> arrow::Result<int64_t> {
    int64_t rows = 0;
    for (int i = 0; i < footer.num_row_groups(); ++i) {
      const auto group = footer.RowGroup(i);
      if (group->num_rows() < 0 || __builtin_add_overflow(rows, group->num_rows(), &rows)) {
        return CorruptData(fmt::format("{}: row group {} has {} rows", path, i, group->num_rows()));
      }
      if (group->num_columns() != footer.num_columns()) {
        return CorruptData(fmt::format("{}: row group {} has {} columns; the schema has {}", path, i,
                                       group->num_columns(), footer.num_columns()));
      }
      if (footer.num_columns() == 0 && group->num_rows() > MostValues(0)) {
        return CorruptData(fmt::format("{}: row group {} has {} rows, and no columns; expected at most {}",
                                       path, i, group->num_rows(), MostValues(0)));
      }
      for (int leaf = 0; leaf < group->num_columns(); ++leaf) {
        const ::parquet::ColumnDescriptor& column = *footer.schema()->Column(leaf);
        const auto place = [&] {
          return fmt::format("{}: row group {}, column {}", path, i, column.path()->ToDotString());
        };
        ARROW_RETURN_NOT_OK(GuardRead(place, [&] {
          return CheckChunk(*group->ColumnChunk(leaf), column, place, group->num_rows(), end);
        }));
      }
    }
    if (rows != footer.num_rows() && (WrittenByMarquet(footer) || !IsRowCountLeftOut(footer))) {
      return CorruptData(
          fmt::format("{}: the row groups hold {} rows; the footer says {}", path, rows, footer.num_rows()));
    }
    return rows;
  });
}

arrow::Result<Footer> ReadFooter(arrow::io::RandomAccessFile& file, const std::string& path, int64_t size) {
  if (size < kMagicBytes + kTailBytes) return NoFooter(file, path, size);
  const int64_t first = std::min(size, kFirstRead);
  ARROW_ASSIGN_OR_RAISE(auto tail, file.ReadAt(size - first, first));
  if (tail->size() != first) {
    return CorruptData(fmt::format("{}: {} bytes could be read at byte {}; expected {}", path, tail->size(),
                                   size - first, first));
  }
  const uint8_t* const magic = tail->data() + first - kMagicBytes;
  if (std::memcmp(magic, "PARE", kMagicBytes) == 0) {
    return Unsupported(fmt::format("{}: the footer is encrypted", path));
  }
  if (std::memcmp(magic, "PAR1", kMagicBytes) != 0) return NoFooter(file, path, size);
  uint32_t length = 0;  // little-endian, as every machine that Arrow's wheels are built for
  std::memcpy(&length, tail->data() + first - kTailBytes, sizeof length);
  Footer footer;
  footer.length = length;
  footer.begin = size - kTailBytes - footer.length;
  if (footer.begin < kMagicBytes || length == 0) {
    return CorruptData(
        fmt::format("{}: the footer's length is {} bytes, in a file of {}", path, length, size));
  }
  if (footer.length + kTailBytes <= first) {
    tail = arrow::SliceBuffer(tail, first - kTailBytes - footer.length, footer.length);
  } else {
    ARROW_ASSIGN_OR_RAISE(tail, file.ReadAt(footer.begin, footer.length));
    if (tail->size() != footer.length) {
      return CorruptData(fmt::format("{}: {} bytes of the footer could be read; expected {}", path,
                                     tail->size(), footer.length));
    }
  }
  const std::string place = fmt::format("{}: footer at byte {}", path, footer.begin);
  ARROW_ASSIGN_OR_RAISE(footer.metadata, GuardRead(place, [&] { return Parse(*tail); }));
  if (footer.metadata->is_encryption_algorithm_set()) {
    return Unsupported(fmt::format("{}: has encrypted columns", path));
  }
  ARROW_ASSIGN_OR_RAISE(footer.rows, CheckFooter(*footer.metadata, path, footer.begin));
  return footer;
}

}  // namespace marquet::pq
