#include <array>
#include <cstring>
#include <utility>

#include "marquet/parquet/encode/bit_packing_internal.h"

namespace marquet::pq {
namespace {

// Every shift is a constant once the loop is unrolled.
template <typename T, int kWidth>
void PackWidth(const T* values, uint8_t* out) {
  if constexpr (kWidth > 0) {
    uint64_t word = 0;
    int filled = 0;
#pragma GCC unroll 32
    for (int i = 0; i < kPackedValues; ++i) {
      const uint64_t value = values[i];
      word |= value << filled;
      filled += kWidth;
      if (filled < 64) continue;
      std::memcpy(out, &word, 8);
      out += 8;
      filled -= 64;
      word = filled == 0 ? 0 : value >> (kWidth - filled);
    }
    if (filled > 0) std::memcpy(out, &word, 4);  // 32 values leave either nothing or half a word
  }
}

template <typename T, int... kWidths>
constexpr auto PackersOf(std::integer_sequence<int, kWidths...>) {
  return std::array{&PackWidth<T, kWidths>...};
}

}  // namespace

void PackBits(const uint32_t* values, int width, uint8_t* out) {
  static constexpr auto kPackers = PackersOf<uint32_t>(std::make_integer_sequence<int, 33>());
  kPackers[static_cast<size_t>(width)](values, out);
}

void PackBits(const uint64_t* values, int width, uint8_t* out) {
  static constexpr auto kPackers = PackersOf<uint64_t>(std::make_integer_sequence<int, 65>());
  kPackers[static_cast<size_t>(width)](values, out);
}

}  // namespace marquet::pq
