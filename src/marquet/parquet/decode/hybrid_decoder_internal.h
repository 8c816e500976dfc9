// Parquet's hybrid of run lengths and bit packing, read.
//
// Format: parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)".
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "marquet/parquet/decode/bit_unpacking_internal.h"

namespace marquet::pq {

// Runs are short where few values differ, so what comes with each is kept within the caller's loop.
class HybridDecoder {
 public:
  // Begins anew. `width`: bits a value, 0 to 32. `bytes` must stay where they are.
  void Reset(std::span<const uint8_t> bytes, int width) {
    at_ = bytes.data();
    end_ = at_ + bytes.size();
    width_ = width;
    left_ = 0;
    packed_ = false;
  }

  // Values next to each other: in one of three forms, or, when there is none of them, one value again and
  // again.
  struct Stretch {
    int64_t values = 0;
    const uint8_t* bytes = nullptr;  // each in one byte
    const uint8_t* pairs = nullptr;  // each in two, the lower first
    const uint32_t* words = nullptr;
    uint32_t repeated = 0;
  };

  // At least one value, and at most `most`; none at the end of the bytes, or where they make no sense. Valid
  // until the next call.
  Stretch Next(int64_t most) {
    while (left_ == 0) {
      if (!ReadRun()) return {};
    }
    Stretch stretch;
    if (!packed_) {
      stretch.values = std::min(left_, most);
      stretch.repeated = repeated_;
    } else if (width_ == 8) {
      stretch.values = std::min(left_, most);
      stretch.bytes = run_;
      run_ += stretch.values;
    } else if (width_ == 16) {
      stretch.values = std::min(left_, most);
      stretch.pairs = run_;
      run_ += 2 * stretch.values;
    } else {
      stretch = Unpack(most);
    }
    left_ -= stretch.values;
    return stretch;
  }

  // The bytes behind the run of the last value given. Of a packed run also those of its groups that no value
  // was given of, unless they are what DuckDB pads the last run with: to 256 values.
  int64_t UnusedBytes() const {
    const int64_t groups = packed_ ? left_ / kGroupValues : 0;
    return end_ - at_ + (groups < kPaddedGroups ? 0 : groups * width_);
  }

 private:
  static constexpr int64_t kUnpacked = 1024;
  static constexpr int64_t kPaddedGroups = 256 / kGroupValues;

  // A header, and what it says of the bytes behind it. Of a packed run that is cut short in its last group,
  // which is padding, what is there is held; one that lacks a whole group is none.
  bool ReadRun() {
    uint64_t header = 0;
    for (int shift = 0;; shift += 7) {
      if (at_ == end_ || shift > 28) return false;
      const uint8_t byte = *at_++;
      header |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) break;
    }
    packed_ = (header & 1) != 0;
    left_ = static_cast<int64_t>(header >> 1);
    if (packed_) {
      run_ = at_;
      const int64_t size = left_ * width_;
      left_ *= kGroupValues;
      if (size > end_ - at_) {
        if (size - (end_ - at_) >= width_) return false;
        left_ = (end_ - at_) * 8 / width_;
        at_ = end_;
      } else {
        at_ += size;
      }
      run_end_ = at_;
      unpacked_begin_ = unpacked_end_ = 0;
      return true;
    }
    const int64_t size = (width_ + 7) / 8;
    if (size > end_ - at_) return false;
    repeated_ = 0;
    std::memcpy(&repeated_, at_, static_cast<size_t>(size));
    at_ += size;
    return true;
  }

  Stretch Unpack(int64_t most);

  const uint8_t* at_ = nullptr;  // the next run
  const uint8_t* end_ = nullptr;
  int width_ = 0;

  // The current run.
  int64_t left_ = 0;
  bool packed_ = false;
  uint32_t repeated_ = 0;
  const uint8_t* run_ = nullptr;  // of a packed run: what is not given out or unpacked yet
  const uint8_t* run_end_ = nullptr;

  // Unpacked, and not given out yet.
  int64_t unpacked_begin_ = 0;
  int64_t unpacked_end_ = 0;
  uint32_t unpacked_[kUnpacked];
};

// The greatest of `count` values in a form of a stretch; 0 when there are none.
uint32_t GreatestPair(const uint8_t* pairs, int64_t count);
uint32_t GreatestWord(const uint32_t* words, int64_t count);

inline uint16_t LoadPair(const uint8_t* pairs, int64_t i) {
  uint16_t value = 0;  // little-endian, as every machine that Arrow's wheels are built for
  std::memcpy(&value, pairs + 2 * i, 2);
  return value;
}

}  // namespace marquet::pq
