#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "marquet/parquet/decode/bit_unpacking_internal.h"

namespace marquet::pq {
namespace {

constexpr int64_t kWord = 8;  // bytes read for a value: up to seven bits before it, and its 32

// Every shift is a constant once the loop is unrolled. Reads up to kWord bytes beyond the groups.
template <int kWidth>
void UnpackWidth(const uint8_t* in, int64_t groups, uint32_t* out) {
  constexpr uint64_t kMask = (uint64_t{1} << kWidth) - 1;
  for (int64_t group = 0; group < groups; ++group) {
#pragma GCC unroll 8
    for (int i = 0; i < kGroupValues; ++i) {
      uint64_t word = 0;
      std::memcpy(&word, in + i * kWidth / 8, kWord);
      out[i] = static_cast<uint32_t>(word >> (i * kWidth % 8) & kMask);
    }
    in += kWidth;
    out += kGroupValues;
  }
}

template <int... kWidths>
constexpr auto Unpackers(std::integer_sequence<int, kWidths...>) {
  return std::array{&UnpackWidth<kWidths>...};
}

}  // namespace

void UnpackGroups(std::span<const uint8_t> bytes, int width, int64_t groups, uint32_t* out) {
  static constexpr auto kUnpackers = Unpackers(std::make_integer_sequence<int, 33>());
  const auto unpack = kUnpackers[static_cast<size_t>(width)];
  const auto size = static_cast<int64_t>(bytes.size());
  const int64_t inside = width == 0 ? 0 : std::clamp((size - kWord) / width, int64_t{0}, groups);
  unpack(bytes.data(), inside, out);
  uint8_t last[32 + kWord] = {};
  for (int64_t group = inside; group < groups; ++group) {
    const int64_t left = std::clamp(size - group * width, int64_t{0}, int64_t{width});
    std::fill(std::begin(last), std::end(last), uint8_t{0});
    if (left > 0) std::memcpy(last, bytes.data() + group * width, static_cast<size_t>(left));
    unpack(last, 1, out + group * kGroupValues);
  }
}

}  // namespace marquet::pq
