// Integers of seven bits a byte, as Parquet's encodings write them (ULEB128, and zigzag for signed ones).
#pragma once

#include <cstdint>

namespace marquet::pq {

constexpr int kMostVarintBytes = 10;

// Writes at `out`; returns the end.
inline uint8_t* PutVarint(uint64_t value, uint8_t* out) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<uint8_t>(value | 0x80);
  *out++ = static_cast<uint8_t>(value);
  return out;
}

inline uint8_t* PutZigzag(int64_t value, uint8_t* out) {
  return PutVarint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63), out);
}

}  // namespace marquet::pq
