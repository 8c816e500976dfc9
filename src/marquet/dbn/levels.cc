#include "marquet/dbn/levels_internal.h"

#include <cstring>

#include "marquet/base/dispatch.h"
#include "marquet/dbn/load_internal.h"

namespace marquet::dbn {
namespace {

constexpr size_t kLevelsAtOnce = 4;  // the fields of four records are turned into six stores
using Words = uint32_t __attribute__((vector_size(16)));
using Longs = int64_t __attribute__((vector_size(16)));
using FourLongs = int64_t __attribute__((vector_size(32)));

MARQUET_INLINE void StoreLongs(int64_t* out, Longs first, Longs second) {
  const FourLongs all = __builtin_shufflevector(first, second, 0, 1, 2, 3);
  std::memcpy(out, &all, sizeof all);
}
MARQUET_INLINE void StoreWidened(int64_t* out, Words values) {
  const FourLongs all = __builtin_convertvector(values, FourLongs);
  std::memcpy(out, &all, sizeof all);
}

MARQUET_INLINE bool GatherBody(const Chunk& chunk, int offset,
                               const std::array<int64_t*, kLevelFields>& out) {
  // INT64_MAX is told by its upper half here, so a few defined prices raise a false alarm.
  constexpr Words kUndefinedPrice = {UINT32_MAX, INT32_MAX, UINT32_MAX, INT32_MAX};
  constexpr Words kUndefinedSize = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
  const auto [bid_px, ask_px, bid_sz, ask_sz, bid_ct, ask_ct] = out;
  const uint8_t* const* record = chunk.records.data();
  Words price_alarm = {0, 0, 0, 0};
  Words size_alarm = {0, 0, 0, 0};
  size_t i = 0;
  for (; i + kLevelsAtOnce <= chunk.size; i += kLevelsAtOnce) {
    Words prices[kLevelsAtOnce], counts[kLevelsAtOnce];
    for (size_t k = 0; k < kLevelsAtOnce; ++k) {
      prices[k] = Load<Words>(record[i + k] + offset);
      counts[k] = Load<Words>(record[i + k] + offset + 16);
      price_alarm |= (Words)(prices[k] == kUndefinedPrice);
      size_alarm |= (Words)(counts[k] == kUndefinedSize);
    }
    const auto px0 = (Longs)prices[0], px1 = (Longs)prices[1];
    const auto px2 = (Longs)prices[2], px3 = (Longs)prices[3];
    StoreLongs(bid_px + i, __builtin_shufflevector(px0, px1, 0, 2), __builtin_shufflevector(px2, px3, 0, 2));
    StoreLongs(ask_px + i, __builtin_shufflevector(px0, px1, 1, 3), __builtin_shufflevector(px2, px3, 1, 3));
    const Words sz01 = __builtin_shufflevector(counts[0], counts[1], 0, 4, 1, 5);
    const Words sz23 = __builtin_shufflevector(counts[2], counts[3], 0, 4, 1, 5);
    StoreWidened(bid_sz + i, __builtin_shufflevector(sz01, sz23, 0, 1, 4, 5));
    StoreWidened(ask_sz + i, __builtin_shufflevector(sz01, sz23, 2, 3, 6, 7));
    const Words ct01 = __builtin_shufflevector(counts[0], counts[1], 2, 6, 3, 7);
    const Words ct23 = __builtin_shufflevector(counts[2], counts[3], 2, 6, 3, 7);
    StoreWidened(bid_ct + i, __builtin_shufflevector(ct01, ct23, 0, 1, 4, 5));
    StoreWidened(ask_ct + i, __builtin_shufflevector(ct01, ct23, 2, 3, 6, 7));
  }
  for (; i < chunk.size; ++i) {
    const auto prices = Load<Words>(record[i] + offset);
    const auto counts = Load<Words>(record[i] + offset + 16);
    price_alarm |= (Words)(prices == kUndefinedPrice);
    size_alarm |= (Words)(counts == kUndefinedSize);
    const auto px = (Longs)prices;
    bid_px[i] = px[0];
    ask_px[i] = px[1];
    bid_sz[i] = counts[0];
    ask_sz[i] = counts[1];
    bid_ct[i] = counts[2];
    ask_ct[i] = counts[3];
  }
  return (price_alarm[1] | price_alarm[3] | size_alarm[0] | size_alarm[1]) != 0;
}
MARQUET_DISPATCH(bool, Gather,
                 (const Chunk& chunk, int offset, const std::array<int64_t*, kLevelFields>& out),
                 (chunk, offset, out))

}  // namespace

bool OpensLevel(const Column* columns, int version) {
  constexpr int kOffsets[kLevelFields] = {0, 8, 16, 20, 24, 28};
  constexpr Role kRoles[kLevelFields] = {Role::kPrice,   Role::kPrice, Role::kMaximum,
                                         Role::kMaximum, Role::kPlain, Role::kPlain};
  for (int i = 0; i < kLevelFields; ++i) {
    const Place& place = columns[i].in(version);
    const Wire wire = i < 2 ? Wire::kI64 : Wire::kU32;
    if (place.wire != wire || columns[i].role != kRoles[i] ||
        place.offset != columns[0].in(version).offset + kOffsets[i]) {
      return false;
    }
  }
  return columns[0].in(version).offset >= 0;
}

bool GatherLevel(const Chunk& chunk, int offset, const std::array<int64_t*, kLevelFields>& out) {
  return Gather(chunk, offset, out);
}

}  // namespace marquet::dbn
