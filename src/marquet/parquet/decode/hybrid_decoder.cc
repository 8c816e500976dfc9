#include "marquet/parquet/decode/hybrid_decoder_internal.h"

#include "marquet/base/dispatch.h"

namespace marquet::pq {
namespace {

MARQUET_INLINE uint32_t GreatestPairBody(const uint8_t* pairs, int64_t count) {
  uint16_t greatest = 0;
  for (int64_t i = 0; i < count; ++i) greatest = std::max(greatest, LoadPair(pairs, i));
  return greatest;
}
MARQUET_INLINE uint32_t GreatestWordBody(const uint32_t* words, int64_t count) {
  uint32_t greatest = 0;
  for (int64_t i = 0; i < count; ++i) greatest = std::max(greatest, words[i]);
  return greatest;
}

}  // namespace

MARQUET_DISPATCH(uint32_t, GreatestPair, (const uint8_t* pairs, int64_t count), (pairs, count))
MARQUET_DISPATCH(uint32_t, GreatestWord, (const uint32_t* words, int64_t count), (words, count))

HybridDecoder::Stretch HybridDecoder::Unpack(int64_t most) {
  if (unpacked_begin_ == unpacked_end_) {
    const int64_t groups = std::min((left_ + kGroupValues - 1) / kGroupValues, kUnpacked / kGroupValues);
    UnpackGroups({run_, run_end_}, width_, groups, unpacked_);
    run_ += std::min(groups * width_, static_cast<int64_t>(run_end_ - run_));
    unpacked_begin_ = 0;
    unpacked_end_ = std::min(left_, groups * kGroupValues);
  }
  Stretch stretch;
  stretch.values = std::min(most, unpacked_end_ - unpacked_begin_);
  stretch.words = unpacked_ + unpacked_begin_;
  unpacked_begin_ += stretch.values;
  return stretch;
}

}  // namespace marquet::pq
