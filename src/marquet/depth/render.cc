#include "marquet/depth/render.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "marquet/base/dispatch.h"
#include "marquet/depth/lanes_internal.h"

namespace marquet::depth {
namespace {

constexpr int kMaxSteps = kSlots + 1;
constexpr int kTileColumns = 64;

using Floats = float __attribute__((vector_size(kLanes * 4)));

// The steps of one column.
struct Steps {
  const uint16_t* rows;
  const float* values;
  const uint32_t* begins;
};

// Draws kTileColumns columns: first the steps are laid into a tile, with a bit mask of the columns that have
// one in each row; then every row is the row above it with the masked values put in, written as whole
// vectors.
MARQUET_INLINE void DrawTileBody(const Steps& steps, float* out, int64_t stride) {
  alignas(64) float tile[kPriceRows][kTileColumns];
  uint64_t masks[kPriceRows] = {};
  for (int column = 0; column < kTileColumns; ++column) {
    for (uint32_t k = steps.begins[column]; k < steps.begins[column + 1]; ++k) {
      const uint16_t row = steps.rows[k];
      tile[row][column] = steps.values[k];
      masks[row] |= uint64_t{1} << column;
    }
  }
  constexpr int kVectors = kTileColumns / kLanes;
  const Ints bits = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
  Floats current[kVectors] = {};
  for (int row = 0; row < kPriceRows; ++row) {
    uint64_t mask = masks[row];
    if (mask != 0) {
      for (int v = 0; v < kVectors; ++v) {
        const Ints chosen = (Ints{} + static_cast<int32_t>(mask & 0xffff)) & bits;
        Floats fresh;
        std::memcpy(&fresh, &tile[row][v * kLanes], sizeof fresh);
        current[v] = chosen != 0 ? fresh : current[v];
        mask >>= kLanes;
      }
    }
    float* line = out + row * stride;
    std::memcpy(line, current, sizeof current);
  }
}
MARQUET_DISPATCH(void, DrawTile, (const Steps& steps, float* out, int64_t stride), (steps, out, stride))

// One column at a time: for tensors narrower than a tile.
void DrawColumn(const Steps& steps, int64_t column, float* out, int64_t stride) {
  float current = 0;
  uint32_t k = steps.begins[column];
  for (int row = 0; row < kPriceRows; ++row) {
    while (k < steps.begins[column + 1] && steps.rows[k] == row) current = steps.values[k++];
    out[row * stride + column] = current;
  }
}

MARQUET_INLINE void ScaleBody(const double* steps, size_t n, double largest, float* scaled) {
  for (size_t k = 0; k < n; ++k) scaled[k] = static_cast<float>(steps[k] / largest);
}
MARQUET_DISPATCH(void, Scale, (const double* steps, size_t n, double largest, float* scaled),
                 (steps, n, largest, scaled))

}  // namespace

int64_t LowestPrice(int64_t bid, int64_t ask) {
  const __int128 sum = static_cast<__int128>(bid) + ask - (kPriceRows - 1);
  return static_cast<int64_t>((sum - (sum < 0 && sum % 2 != 0)) / 2);
}

double Renderer::AddColumn(const Bin& bin, const double* values, int64_t lowest) {
  if (bin.crossed()) return AddCrossedColumn(bin, values, lowest);
  double* steps = steps_.data() + count_;
  uint16_t* rows = rows_.data() + count_;
  // Asks are summed from the lowest price in the window up, then laid down from the highest price: above the
  // k-th ask lies the sum up to it.
  int first = 0, end = bin.asks;
  while (first < end && bin.price[first] < lowest) ++first;
  while (first < end && bin.price[end - 1] - lowest >= kPriceRows) --end;
  const int asks = end - first;
  double ask_sum = 0;
  for (int k = 0; k < asks; ++k) {
    steps[asks - k] = ask_sum;
    rows[asks - k] = static_cast<uint16_t>(kPriceRows - (bin.price[first + k] - lowest));
    ask_sum += values[first + k];
  }
  steps[0] = ask_sum;
  rows[0] = 0;
  int n = asks + 1;
  // An ask on the lowest row has no row below it to step to; only the lowest ask can lie there.
  if (asks > 0 && rows[n - 1] == kPriceRows) --n;

  first = kLevels;
  end = kLevels + bin.bids;
  while (first < end && bin.price[first] - lowest >= kPriceRows) ++first;
  double bid_sum = 0;
  for (int k = first; k < end && bin.price[k] >= lowest; ++k) {
    bid_sum += values[k];
    steps[n] = 0.0 - bid_sum;
    rows[n++] = static_cast<uint16_t>(kPriceRows - 1 - (bin.price[k] - lowest));
  }
  count_ += n;
  // Sums only grow outward, so the largest are the outermost.
  return std::max(ask_sum, bid_sum);
}

double Renderer::AddCrossedColumn(const Bin& bin, const double* values, int64_t lowest) {
  double above[kPriceRows];  // A, by index
  double sum = 0;
  int next = 0;
  while (next < bin.asks && bin.price[next] < lowest) ++next;
  for (int index = 0; index < kPriceRows; ++index) {
    if (next < bin.asks && bin.price[next] - lowest == index) sum += values[next++];
    above[index] = sum;
  }
  double largest = 0;
  double last = 0;
  sum = 0;
  next = kLevels;
  const int end = kLevels + bin.bids;
  while (next < end && bin.price[next] - lowest >= kPriceRows) ++next;
  for (int row = 0; row < kPriceRows; ++row) {
    const int index = kPriceRows - 1 - row;
    if (next < end && bin.price[next] - lowest == index) sum += values[next++];
    const double value = above[index] - sum;
    largest = std::max(largest, std::fabs(value));
    if (row > 0 && value == last) continue;
    steps_[count_] = value;
    rows_[count_++] = static_cast<uint16_t>(row);
    last = value;
  }
  return largest;
}

void Renderer::Render(std::span<const BinRun> runs, int features, int64_t lowest, float* out) {
  int64_t columns = 0;
  for (const BinRun& run : runs) columns += run.count;
  const size_t most = static_cast<size_t>(columns) * kMaxSteps;
  if (steps_.size() < most) {
    steps_.resize(most);
    scaled_.resize(most);
    rows_.resize(most);
  }
  begins_.resize(columns + 1);
  for (int feature = 0; feature < features; ++feature, out += kPriceRows * columns) {
    count_ = 0;
    double largest = 0;
    int64_t column = 0;
    for (const BinRun& run : runs) {
      const double* values = run.values + feature * kSlots;
      for (int64_t k = 0; k < run.count; ++k, values += features * kSlots) {
        begins_[column++] = static_cast<uint32_t>(count_);
        largest = std::max(largest, AddColumn(run.bins[k], values, lowest));
      }
    }
    begins_[columns] = static_cast<uint32_t>(count_);
    if (largest == 0) {
      std::memset(out, 0, sizeof(float) * kPriceRows * columns);
      continue;
    }
    Scale(steps_.data(), count_, largest, scaled_.data());
    Steps steps{rows_.data(), scaled_.data(), begins_.data()};
    if (columns < kTileColumns) {
      for (column = 0; column < columns; ++column) DrawColumn(steps, column, out, columns);
      continue;
    }
    for (column = 0; column < columns; column += kTileColumns) {
      // The last tile is moved back to end with the tensor; what it draws again is the same.
      const int64_t start = std::min(column, columns - kTileColumns);
      steps.begins = begins_.data() + start;
      DrawTile(steps, out + start, columns);
    }
  }
}

}  // namespace marquet::depth
