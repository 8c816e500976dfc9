// Market-depth tensors: 402 price rows by T time bins out of MBP-10 rows.
//
// Definition, golden case and exactness: docs/depth.md. Pure functions over arrays; thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace marquet::depth {

constexpr int kPriceRows = 402;
constexpr int kLevels = 10;

// The features of a tensor, always in this order whatever the order asked for.
enum Feature : unsigned { kVolume = 1, kVariance = 2, kTradeCounts = 4 };
arrow::Result<unsigned> ParseFeatures(const std::vector<std::string>& names);  // a mask of Feature
int CountFeatures(unsigned mask);

struct TensorSpec {
  unsigned features = kVolume;
  int64_t micro_pip = 0;  // in units of 1e-9; must be positive
  int time_bins = 500;
  int ticks_per_bin = 100;
  int64_t rows() const { return int64_t{time_bins} * ticks_per_bin; }
};

// Views of the columns of consecutive rows of one symbol. Prices in units of 1e-9; a price of kUndefinedPrice
// is null.
constexpr int64_t kUndefinedPrice = INT64_MAX;
struct BookRows {
  int64_t rows = 0;
  std::array<const int64_t*, kLevels> bid_px, ask_px;
  std::array<const int64_t*, kLevels> bid_sz, ask_sz;
  std::array<const int64_t*, kLevels> bid_ct, ask_ct;
};

// The tensor of exactly spec.rows() rows: float32 in [-1, 1], row-major (features, 402, time_bins), the
// highest price first, positive on the ask side. `out` holds CountFeatures * 402 * time_bins values. Errors:
// kInvalidInput for any other number of rows, a null mid price in the last row, or a bad spec.
arrow::Status ComputeTensor(const BookRows& rows, const TensorSpec& spec, float* out);

// Tensors of many windows of one sequence of rows, each bin computed once: consecutive samples whose starts
// differ by a multiple of ticks_per_bin cost only what is new. Values equal ComputeTensor's. Not thread safe.
class TensorStream {
 public:
  // `rows` must outlive the stream.
  static arrow::Result<std::unique_ptr<TensorStream>> Make(const BookRows& rows, TensorSpec spec);
  ~TensorStream();
  // The tensor of rows [begin, begin + spec.rows()). Any order of `begin`; ascending is the cheap one.
  arrow::Status Compute(int64_t begin, float* out);

 private:
  struct Impl;
  explicit TensorStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquet::depth
