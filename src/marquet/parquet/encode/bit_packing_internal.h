// Integers packed into the least number of bits, least significant bit first: what Parquet's delta and
// dictionary encodings are made of.
#pragma once

#include <cstdint>

namespace marquet::pq {

// Values that are packed at once. They take 4 * width bytes.
constexpr int kPackedValues = 32;

// Packs kPackedValues values of `width` bits each (0 to the type's size) into `out`. Bits of a value beyond
// `width` must be zero.
void PackBits(const uint32_t* values, int width, uint8_t* out);
void PackBits(const uint64_t* values, int width, uint8_t* out);

}  // namespace marquet::pq
