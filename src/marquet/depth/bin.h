// One time bin of a tensor: what its rows say of each book level, on the absolute price grid.
//
// A bin does not know the window that it is shown in, so one computed once serves every window over it. Kept
// small (some 330 bytes with one feature, for 48,000 bytes of rows), so that a day's bins fit in memory.
#pragma once

#include <cstdint>
#include <vector>

#include "arrow/status.h"
#include "marquet/depth/tensor.h"

namespace marquet::depth {

// The levels of one bin that have a price, no price twice on a side: asks from the lowest up in
// [0, asks), bids from the highest down in [kLevels, kLevels + bids). The values of a bin lie apart, in
// CountFeatures() blocks of 2 * kLevels doubles, at the same places.
constexpr int kSlots = 2 * kLevels;
struct Bin {
  int64_t price[kSlots];
  uint8_t asks = 0;
  uint8_t bids = 0;
  bool crossed() const { return asks > 0 && bids > 0 && price[kLevels] >= price[0]; }
};

// Computes bins. Holds buffers: one per thread.
class BinMaker {
 public:
  explicit BinMaker(const TensorSpec& spec);

  int values_per_bin() const { return features_ * kSlots; }

  // The bin of `rows`, which are ticks_per_bin; messages call the first of them `row`. kInvalidInput for a
  // size, count or price out of range.
  arrow::Status Make(const BookRows& rows, int64_t row, Bin* bin, double* values);

 private:
  struct Level {
    int64_t price = 0;
    double value[3] = {};
  };
  arrow::Status MakeLevel(const int64_t* px, const int64_t* sz, const int64_t* ct, const char* side,
                          int level, int64_t row, Level* result, bool* present);

  TensorSpec spec_;
  int features_;
  std::vector<int64_t> px_, sz_, ct_;  // a level's rows without those of null price
  std::vector<int32_t> sizes_;
};

}  // namespace marquet::depth
