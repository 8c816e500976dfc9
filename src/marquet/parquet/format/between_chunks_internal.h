// What writers put between column chunks, where a footer would say nothing of it: a chunk's own metadata,
// Bloom filters, zeros.
//
// Format: parquet.thrift, ColumnMetaData, ColumnChunk and BloomFilterHeader.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/util/type_fwd.h"

namespace marquet::pq {

// A chunk's metadata, written behind its last page: by Polars, by old versions of Arrow, and by Marquet.
struct ChunkTrailer {
  std::vector<std::string> path;  // of the column in the schema
  int32_t physical_type = -1;     // by parquet.thrift's numbers
  arrow::Compression::type codec = arrow::Compression::UNCOMPRESSED;
  int64_t values = 0;
  int64_t size = 0;  // bytes that this metadata takes itself
};

// Reads the metadata at the start of `bytes`, alone (ColumnMetaData) or in its frame (ColumnChunk). Errors
// are kCorruptData: there is no such thing.
arrow::Result<ChunkTrailer> ParseChunkTrailer(std::span<const uint8_t> bytes);

// How many bytes the Bloom filter at the start of `bytes` takes, its header included; it may be longer than
// they are. kCorruptData when there is none.
arrow::Result<int64_t> ParseBloomFilterSize(std::span<const uint8_t> bytes);

}  // namespace marquet::pq
