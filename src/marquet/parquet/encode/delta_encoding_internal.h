// DELTA_BINARY_PACKED: integers as bit-packed differences to the one before, in blocks of 128.
//
// Format: parquet-format, Encodings.md, "Delta Encoding (DELTA_BINARY_PACKED = 5)". Differences wrap around,
// so every integer can be encoded.
#pragma once

#include <cstdint>
#include <span>

namespace marquet::pq {

// The most bytes that EncodeDelta() writes for so many values of `width` bytes (4 or 8) each.
int64_t MostDeltaBytes(int64_t values, int width);

// Encodes into `out`; returns the number of bytes written.
int64_t EncodeDelta(std::span<const int32_t> values, uint8_t* out);
int64_t EncodeDelta(std::span<const int64_t> values, uint8_t* out);

}  // namespace marquet::pq
