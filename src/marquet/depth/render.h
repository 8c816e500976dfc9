// Bins to a tensor: cumulation outward from the mid price, normalisation, and the grid itself.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "marquet/depth/bin.h"
#include "marquet/depth/tensor.h"

namespace marquet::depth {

// Bins that lie one after the other, with their values.
struct BinRun {
  const Bin* bins = nullptr;
  const double* values = nullptr;
  int64_t count = 0;
};

// The price of the lowest row (index 0) of a window whose last row has these best prices, in micro-pips:
// floor((bid + ask - 401) / 2).
int64_t LowestPrice(int64_t bid, int64_t ask);

// Draws windows. Holds buffers: one per thread.
class Renderer {
 public:
  // The tensor of the bins of `runs`, joined, over the prices [lowest, lowest + 402). `out` holds
  // features * 402 * (number of bins) values.
  void Render(std::span<const BinRun> runs, int features, int64_t lowest, float* out);

 private:
  // A column is a step function of the row, from the highest price down: steps_[k] is its value from row
  // rows_[k] on, until the next step of the column; a later step at the same row replaces an earlier one.
  double AddColumn(const Bin& bin, const double* values, int64_t lowest);
  double AddCrossedColumn(const Bin& bin, const double* values, int64_t lowest);

  std::vector<double> steps_;
  std::vector<float> scaled_;
  std::vector<uint16_t> rows_;
  std::vector<uint32_t> begins_;  // of each column in steps_, and the end
  size_t count_ = 0;
};

}  // namespace marquet::depth
