// The digest that a checkpoint of ours carries of itself.
//
// Pages have CRCs, but nothing in Parquet covers a footer: one bit of a column's name there, and every action
// of its kind is gone without a word. So the footer's metadata holds "marquet.xxh3=" and 32 hexadecimal
// digits, the XXH3-128 of the file with zeros in their place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"

namespace marquet::delta {

// Where the digest stands in the footer's metadata, and what stands there until it is known.
inline constexpr const char* kCheckpointDigestKey = "marquet.digest";
std::string CheckpointDigestToCome();

struct CheckpointDigest {
  int64_t place = 0;   // of the digits in the file
  std::string digits;  // to be written there
};
// Of the bytes of a whole Parquet file that was written with CheckpointDigestToCome().
arrow::Result<CheckpointDigest> DigestOfCheckpoint(std::string_view bytes);

// Whether the file carries one, which is found by its own spelling and not through the footer's structure:
// damage elsewhere cannot hide it. kCorruptData when it is not that of the file's bytes. Reads the whole
// file.
arrow::Result<bool> CheckCheckpointDigest(arrow::io::RandomAccessFile& file);

}  // namespace marquet::delta
