#include <cstring>
#include <functional>

#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/parquet/failures_internal.h"
#include "marquet/parquet/footer_internal.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

// Read at once from the file's end: most footers fit.
constexpr int64_t kFirstRead = int64_t{64} << 10;

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
  if (column.max_repetition_level() == 0 && chunk.num_values() != rows) {
    return CorruptData(
        fmt::format("{}: has {} values in a row group of {} rows", place(), chunk.num_values(), rows));
  }
  if (chunk.num_values() < 0)
    return CorruptData(fmt::format("{}: has {} values", place(), chunk.num_values()));
  return arrow::Status::OK();
}

}  // namespace

ByteRange ChunkBytes(const ::parquet::ColumnChunkMetaData& chunk) {
  int64_t begin = chunk.data_page_offset();
  if (chunk.has_dictionary_page() && chunk.dictionary_page_offset() > 0) {
    begin = std::min(begin, chunk.dictionary_page_offset());
  }
  int64_t end = 0;
  if (__builtin_add_overflow(begin, chunk.total_compressed_size(), &end)) end = INT64_MAX;
  return {begin, end};
}

arrow::Status CheckFooter(const ::parquet::FileMetaData& footer, const std::string& path, int64_t end) {
  return GuardRead(path, [&]() -> arrow::Status {
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
    if (rows != footer.num_rows()) {
      return CorruptData(
          fmt::format("{}: the row groups hold {} rows; the footer says {}", path, rows, footer.num_rows()));
    }
    return arrow::Status::OK();
  });
}

arrow::Result<Footer> ReadFooter(arrow::io::RandomAccessFile& file, const std::string& path, int64_t size) {
  if (size < kMagicBytes + kTailBytes) {
    return CorruptData(fmt::format("{}: {} bytes are too few for a Parquet file; expected at least {}", path,
                                   size, kMagicBytes + kTailBytes));
  }
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
  if (std::memcmp(magic, "PAR1", kMagicBytes) != 0) {
    return CorruptData(
        fmt::format("{}: the last four bytes are not 'PAR1': not a Parquet file, or cut short", path));
  }
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
  ARROW_RETURN_NOT_OK(GuardRead(place, [&] {
    footer.metadata = ::parquet::FileMetaData::Make(tail->data(), int64_t{length});
    return arrow::Status::OK();
  }));
  if (footer.metadata->is_encryption_algorithm_set()) {
    return Unsupported(fmt::format("{}: has encrypted columns", path));
  }
  ARROW_RETURN_NOT_OK(CheckFooter(*footer.metadata, path, footer.begin));
  return footer;
}

}  // namespace marquet::pq
