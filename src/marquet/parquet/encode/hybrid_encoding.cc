#include <algorithm>
#include <cstring>

#include "arrow/util/bitmap_ops.h"
#include "marquet/parquet/encode/bit_packing_internal.h"
#include "marquet/parquet/encode/hybrid_encoding_internal.h"
#include "marquet/parquet/format/varint_internal.h"

namespace marquet::pq {
namespace {

constexpr int64_t kGroup = 8;  // packed values come in whole groups

// Repetitions that are worth a run of their own: ending a stretch of packed values and beginning another
// costs a few bytes, and readers a change of code.
constexpr int64_t kLeastRun = 16;

uint8_t* PutRun(uint32_t value, int64_t length, int width, uint8_t* out) {
  out = PutVarint(static_cast<uint64_t>(length) << 1, out);
  const auto bytes = static_cast<size_t>(width + 7) / 8;
  std::memcpy(out, &value, bytes);
  return out + bytes;
}

// Walks runs, a part of one at a time.
class RunWalk {
 public:
  explicit RunWalk(std::span<const IndexRun> runs) : next_(runs.data()), end_(next_ + runs.size()) { Load(); }

  bool done() const { return left_ == 0; }
  uint32_t index() const { return index_; }
  int64_t left() const { return left_; }  // of the run
  void Skip(int64_t values) {
    left_ -= values;
    if (left_ == 0) Load();
  }

 private:
  void Load() {
    while (left_ == 0 && next_ != end_) {
      index_ = next_->index;
      left_ = next_->length;
      ++next_;
    }
  }

  const IndexRun* next_;
  const IndexRun* end_;
  uint32_t index_ = 0;
  int64_t left_ = 0;
};

// The length of the stretch of packed values that begins where the walk stands: up to a run that, after it
// has filled up the last group, is long enough for itself.
int64_t PackedStretch(RunWalk walk) {
  int64_t values = 0;
  while (!walk.done()) {
    const int64_t filling = (kGroup - values % kGroup) % kGroup;
    if (walk.left() >= filling + kLeastRun) return values + filling;
    values += walk.left();
    walk.Skip(walk.left());
  }
  return values;
}

// Values of whole bytes, each stored in one go with a few copies behind it that the next one overwrites.
template <typename T>
uint8_t* FillPacked(RunWalk* walk, int64_t values, uint8_t* out) {
  constexpr int64_t kAtOnce = 16;
  while (values > 0) {
    const int64_t part = std::min(walk->left(), values);
    T copies[kAtOnce];
    std::fill_n(copies, kAtOnce, static_cast<T>(walk->index()));
    for (int64_t done = 0; done < part; done += kAtOnce) {
      std::memcpy(out + done * static_cast<int64_t>(sizeof(T)), copies, sizeof copies);
    }
    out += part * static_cast<int64_t>(sizeof(T));
    values -= part;
    walk->Skip(part);
  }
  return out;
}

uint8_t* PackBitsOf(RunWalk* walk, int64_t values, int width, uint8_t* out) {
  while (values > 0) {
    const int64_t part = std::min<int64_t>(values, kPackedValues);
    uint32_t unpacked[kPackedValues] = {};
    for (int64_t i = 0; i < part; ++i) {
      unpacked[i] = walk->index();
      walk->Skip(1);
    }
    uint8_t packed[kPackedValues * sizeof(uint32_t)];
    PackBits(unpacked, width, packed);
    const auto bytes = static_cast<size_t>((part + kGroup - 1) / kGroup * width);
    std::memcpy(out, packed, bytes);
    out += bytes;
    values -= part;
  }
  return out;
}

uint8_t* PutPacked(RunWalk* walk, int64_t values, int width, uint8_t* out) {
  const int64_t groups = (values + kGroup - 1) / kGroup;
  out = PutVarint(static_cast<uint64_t>(groups) << 1 | 1, out);
  if (width != 8 && width != 16) return PackBitsOf(walk, values, width, out);
  uint8_t* const end =
      width == 8 ? FillPacked<uint8_t>(walk, values, out) : FillPacked<uint16_t>(walk, values, out);
  uint8_t* const whole = out + groups * width;
  std::fill(end, whole, uint8_t{0});
  return whole;
}

}  // namespace

int64_t MostHybridBytes(int64_t values, int width) {
  // Each stretch of packed values has a header, and follows a run of at least kLeastRun values that takes no
  // more than they would packed. Beyond the end, FillPacked() stores copies that nothing overwrites.
  constexpr int64_t kBeyond = 64;
  return 2 * kMostVarintBytes + values + (values / kPackedValues + 1) * width * 4 + kBeyond;
}

int64_t EncodeHybrid(std::span<const IndexRun> runs, int64_t values, int width, uint8_t* const begin) {
  uint8_t* out = begin;
  RunWalk walk(runs);
  if (walk.left() == values && values > 0) {  // one run, however short
    return PutRun(walk.index(), values, width, out) - begin;
  }
  while (!walk.done()) {
    const int64_t packed = PackedStretch(walk);
    if (packed > 0) {
      out = PutPacked(&walk, packed, width, out);
    } else {
      const int64_t length = walk.left();
      out = PutRun(walk.index(), length, width, out);
      walk.Skip(length);
    }
  }
  return out - begin;
}

int64_t RunBytes(std::span<const IndexRun> runs, int width) {
  // A header has seven bits a byte, one of which tells runs from packed values. In sums of few bits, which
  // the compiler adds up side by side.
  uint32_t longer = 0;
  for (const IndexRun& run : runs) {
    longer += static_cast<uint32_t>(run.length >= 1u << 6) + static_cast<uint32_t>(run.length >= 1u << 13) +
              static_cast<uint32_t>(run.length >= 1u << 20) + static_cast<uint32_t>(run.length >= 1u << 27);
  }
  return static_cast<int64_t>(runs.size()) * (1 + (width + 7) / 8) + longer;
}

int64_t EncodeRuns(std::span<const IndexRun> runs, int width, uint8_t* const begin) {
  uint8_t* out = begin;
  for (const IndexRun& run : runs) out = PutRun(run.index, run.length, width, out);
  return out - begin;
}

int64_t MostLevelBytes(int64_t rows) { return 4 + kMostVarintBytes + rows / 8 + 8; }

int64_t EncodeLevels(const uint8_t* validity, int64_t offset, int64_t rows, int64_t nulls,
                     uint8_t* const begin) {
  uint8_t* out = begin + 4;
  if (nulls == 0 || nulls == rows) {
    out = PutRun(nulls == 0 ? 1 : 0, rows, 1, out);
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
