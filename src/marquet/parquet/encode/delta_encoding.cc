#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "marquet/base/dispatch.h"
#include "marquet/parquet/encode/bit_packing_internal.h"
#include "marquet/parquet/encode/delta_encoding_internal.h"
#include "marquet/parquet/format/varint_internal.h"

namespace marquet::pq {
namespace {

constexpr int kBlockValues = 128;
constexpr int kMiniblocks = kBlockValues / kPackedValues;

// The differences of one block over the least of them, and the bits that each miniblock of them needs.
template <typename T>
struct Block {
  std::make_unsigned_t<T> over[kBlockValues];
  T least;
  uint8_t widths[kMiniblocks];
};

// `values[-1]` is the value before the block.
template <typename T>
MARQUET_INLINE void FillBlockBody(const T* values, Block<T>* block) {
  using Unsigned = std::make_unsigned_t<T>;
  T least = std::numeric_limits<T>::max();
  for (int i = 0; i < kBlockValues; ++i) {
    const auto delta = static_cast<Unsigned>(values[i]) - static_cast<Unsigned>(values[i - 1]);
    block->over[i] = delta;
    least = std::min(least, static_cast<T>(delta));
  }
  for (int m = 0; m < kMiniblocks; ++m) {
    Unsigned any = 0;
    for (int i = m * kPackedValues; i < (m + 1) * kPackedValues; ++i) {
      block->over[i] -= static_cast<Unsigned>(least);
      any |= block->over[i];
    }
    block->widths[m] = static_cast<uint8_t>(std::bit_width(any));
  }
  block->least = least;
}
MARQUET_INLINE void FillBlock32Body(const int32_t* values, Block<int32_t>* block) {
  FillBlockBody(values, block);
}
MARQUET_INLINE void FillBlock64Body(const int64_t* values, Block<int64_t>* block) {
  FillBlockBody(values, block);
}
MARQUET_DISPATCH(void, FillBlock32, (const int32_t* values, Block<int32_t>* block), (values, block))
MARQUET_DISPATCH(void, FillBlock64, (const int64_t* values, Block<int64_t>* block), (values, block))

void FillBlock(const int32_t* values, Block<int32_t>* block) { FillBlock32(values, block); }
void FillBlock(const int64_t* values, Block<int64_t>* block) { FillBlock64(values, block); }

// The last block, of fewer than 128 values. It is continued with its last difference, which changes neither
// the least difference nor a width; miniblocks of nothing else are left out.
template <typename T>
void FillLastBlock(const T* values, int count, Block<T>* block) {
  T padded[kBlockValues + 1];
  std::memcpy(padded, values - 1, static_cast<size_t>(count + 1) * sizeof(T));
  using Unsigned = std::make_unsigned_t<T>;
  const Unsigned step = static_cast<Unsigned>(padded[count]) - static_cast<Unsigned>(padded[count - 1]);
  for (int i = count; i < kBlockValues; ++i) {
    padded[i + 1] = static_cast<T>(static_cast<Unsigned>(padded[i]) + step);
  }
  FillBlock(padded + 1, block);
}

template <typename T>
int64_t Encode(std::span<const T> values, uint8_t* const begin) {
  uint8_t* out = PutVarint(kBlockValues, begin);
  out = PutVarint(kMiniblocks, out);
  out = PutVarint(values.size(), out);
  out = PutZigzag(values.empty() ? 0 : values[0], out);
  Block<T> block;
  for (size_t at = 1; at < values.size(); at += kBlockValues) {
    const int count = static_cast<int>(std::min<size_t>(kBlockValues, values.size() - at));
    if (count == kBlockValues) {
      FillBlock(values.data() + at, &block);
    } else {
      FillLastBlock(values.data() + at, count, &block);
    }
    const int miniblocks = (count + kPackedValues - 1) / kPackedValues;
    std::fill(block.widths + miniblocks, block.widths + kMiniblocks, uint8_t{0});
    out = PutZigzag(block.least, out);
    std::memcpy(out, block.widths, kMiniblocks);
    out += kMiniblocks;
    for (int m = 0; m < miniblocks; ++m) {
      PackBits(block.over + m * kPackedValues, block.widths[m], out);
      out += block.widths[m] * kPackedValues / 8;
    }
  }
  return out - begin;
}

}  // namespace

int64_t MostDeltaBytes(int64_t values, int width) {
  const int64_t blocks = (values + kBlockValues - 1) / kBlockValues;
  return 4 * kMostVarintBytes + blocks * (kMostVarintBytes + kMiniblocks + kBlockValues * width);
}

int64_t EncodeDelta(std::span<const int32_t> values, uint8_t* out) { return Encode(values, out); }
int64_t EncodeDelta(std::span<const int64_t> values, uint8_t* out) { return Encode(values, out); }

}  // namespace marquet::pq
