#include <algorithm>
#include <cstring>

#include "arrow/util/bitmap_ops.h"
#include "marquet/parquet/bit_packing_internal.h"
#include "marquet/parquet/hybrid_encoding_internal.h"
#include "marquet/parquet/varint_internal.h"

namespace marquet::pq {
namespace {

constexpr size_t kGroup = 8;  // packed values come in whole groups

// Repetitions that are worth a run of their own: ending a stretch of packed values and beginning another
// costs a few bytes, and readers a change of code.
constexpr size_t kLeastRun = 16;

size_t RunLength(std::span<const uint32_t> values, size_t at) {
  size_t end = at + 1;
  while (end < values.size() && values[end] == values[at]) ++end;
  return end - at;
}

uint8_t* PutPacked(std::span<const uint32_t> values, int width, uint8_t* out) {
  const size_t groups = (values.size() + kGroup - 1) / kGroup;
  out = PutVarint(groups << 1 | 1, out);
  size_t at = 0;
  for (; at + kPackedValues <= values.size(); at += kPackedValues) {
    PackBits(values.data() + at, width, out);
    out += width * kPackedValues / 8;
  }
  if (at == values.size()) return out;
  uint32_t padded[kPackedValues] = {};
  uint8_t packed[kPackedValues * 4];
  std::copy(values.begin() + static_cast<std::ptrdiff_t>(at), values.end(), padded);
  PackBits(padded, width, packed);
  const size_t bytes = (groups - at / kGroup) * static_cast<size_t>(width);
  std::memcpy(out, packed, bytes);
  return out + bytes;
}

uint8_t* PutRun(uint32_t value, size_t length, int width, uint8_t* out) {
  out = PutVarint(length << 1, out);
  const auto bytes = static_cast<size_t>(width + 7) / 8;
  std::memcpy(out, &value, bytes);
  return out + bytes;
}

}  // namespace

int64_t MostHybridBytes(int64_t values, int width) {
  // Each stretch of packed values has a header of its own, and follows a run of at least kLeastRun values
  // that takes no more than they would packed.
  return 2 * kMostVarintBytes + values + (values / kPackedValues + 1) * width * 4;
}

int64_t EncodeHybrid(std::span<const uint32_t> values, int width, uint8_t* const begin) {
  uint8_t* out = begin;
  size_t packed_from = 0;
  for (size_t at = 0; at < values.size();) {
    const size_t run = RunLength(values, at);
    if (run < kLeastRun && run < values.size()) {
      at = std::min(at + std::max(run / kGroup, size_t{1}) * kGroup, values.size());
      continue;
    }
    if (at > packed_from) out = PutPacked(values.subspan(packed_from, at - packed_from), width, out);
    out = PutRun(values[at], run, width, out);
    at += run;
    packed_from = at;
  }
  if (packed_from < values.size()) out = PutPacked(values.subspan(packed_from), width, out);
  return out - begin;
}

int64_t MostLevelBytes(int64_t rows) { return 4 + kMostVarintBytes + rows / 8 + 8; }

int64_t EncodeLevels(const uint8_t* validity, int64_t offset, int64_t rows, int64_t nulls,
                     uint8_t* const begin) {
  uint8_t* out = begin + 4;
  if (nulls == 0 || nulls == rows) {
    out = PutRun(nulls == 0 ? 1 : 0, static_cast<size_t>(rows), 1, out);
  } else {
    // The bitmap is the packed form already.
    const int64_t groups = (rows + 7) / 8;
    out = PutVarint(static_cast<uint64_t>(groups) << 1 | 1, out);
    std::memset(out, 0, static_cast<size_t>(groups));
    arrow::internal::CopyBitmap(validity, offset, rows, out, 0);
    out += groups;
  }
  const auto length = static_cast<uint32_t>(out - begin - 4);
  std::memcpy(begin, &length, 4);
  return out - begin;
}

}  // namespace marquet::pq
