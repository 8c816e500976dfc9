// Integers out of the bits that they are packed into; the other way round of bit_packing_internal.h.
#pragma once

#include <cstdint>
#include <span>

namespace marquet::pq {

// Values that are unpacked at once. They take `width` bytes.
constexpr int kGroupValues = 8;

// Unpacks `groups` groups of values of `width` bits each (0 to 32) that `bytes` begins with into `out`.
// `bytes` is not read beyond its end: what is missing there counts as zeros.
void UnpackGroups(std::span<const uint8_t> bytes, int width, int64_t groups, uint32_t* out);

}  // namespace marquet::pq
