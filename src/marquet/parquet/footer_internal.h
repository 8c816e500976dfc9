// A Parquet footer that is safe to work with: nothing that it claims lies outside of the file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"

namespace parquet {
class ColumnChunkMetaData;
class FileMetaData;
class SchemaDescriptor;
}  // namespace parquet

namespace marquet::pq {

inline constexpr int64_t kMagicBytes = 4;
inline constexpr int64_t kTailBytes = 8;  // the footer's length and the closing magic

struct Footer {
  std::shared_ptr<::parquet::FileMetaData> metadata;
  int64_t begin = 0;   // first byte of the serialized footer in the file
  int64_t length = 0;  // bytes, without the tail
};

// Half-open, in bytes of the file.
struct ByteRange {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t length() const { return end - begin; }
};

// Reads and checks the footer of a file of `size` bytes. kCorruptData names the place; kUnsupported for an
// encrypted file or one whose columns lie in other files.
arrow::Result<Footer> ReadFooter(arrow::io::RandomAccessFile& file, const std::string& path, int64_t size);

// The checks alone: row counts add up, every column chunk has its place before `end`, and flat columns have a
// value for each row.
arrow::Status CheckFooter(const ::parquet::FileMetaData& footer, const std::string& path, int64_t end);

// The first leaf of each top-level column, and the number of leaves at the end.
std::vector<int> FirstLeaves(const ::parquet::SchemaDescriptor& schema);

// The pages of a chunk, its dictionary page included.
ByteRange ChunkBytes(const ::parquet::ColumnChunkMetaData& chunk);

}  // namespace marquet::pq
