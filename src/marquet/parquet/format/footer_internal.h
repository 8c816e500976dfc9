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

inline constexpr std::string_view kMagic = "PAR1";
inline constexpr int64_t kMagicBytes = 4;
inline constexpr int64_t kTailBytes = 8;  // the footer's length and the closing magic

struct Footer {
  std::shared_ptr<::parquet::FileMetaData> metadata;
  int64_t begin = 0;   // first byte of the serialized footer in the file
  int64_t length = 0;  // bytes, without the tail
  int64_t rows = 0;    // of its row groups together
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

// The footer that lies in these bytes, by itself: kCorruptData, without the file's name, when it is none.
arrow::Result<std::shared_ptr<::parquet::FileMetaData>> ParseFooter(arrow::io::RandomAccessFile& file,
                                                                    int64_t begin, int64_t length);

// The checks alone: row counts add up, every column chunk has its place before `end` and not more values than
// so many bytes can hold, and flat columns have a value for each row. Returns the rows. A number of rows that
// the footer leaves 0 is passed over, unless Marquet wrote it (IsRowCountLeftOut).
arrow::Result<int64_t> CheckFooter(const ::parquet::FileMetaData& footer, const std::string& path,
                                   int64_t end);

// Whether the footer says 0 where its row groups have rows: some writers never fill the number in.
bool IsRowCountLeftOut(const ::parquet::FileMetaData& footer);

// The first leaf of each top-level column, and the number of leaves at the end.
std::vector<int> FirstLeaves(const ::parquet::SchemaDescriptor& schema);

// The pages of a chunk, its dictionary page included, by the footer's word.
ByteRange ChunkBytes(const ::parquet::ColumnChunkMetaData& chunk);

// Where the pages of a chunk may lie: those bytes, and some that follow them where the file's writer is one
// that left the dictionary page's header out of the chunk's size (PARQUET-816).
arrow::Result<ByteRange> ReadableBytes(arrow::io::RandomAccessFile& file,
                                       const ::parquet::FileMetaData& footer,
                                       const ::parquet::ColumnChunkMetaData& chunk);

}  // namespace marquet::pq
