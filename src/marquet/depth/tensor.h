// Market-depth tensors: 402 price rows by T time bins out of MBP-10 rows.
//
// Definition, golden case and exactness: docs/depth.md. Pure functions over arrays. Everything here is thread
// safe except a TensorStream, which belongs to one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"

namespace marquet::depth {

constexpr int kPriceRows = 402;
constexpr int kLevels = 10;

// The features of a tensor, always in this order whatever the order asked for.
enum Feature : unsigned { kVolume = 1, kVariance = 2, kTradeCounts = 4 };
constexpr unsigned kAllFeatures = kVolume | kVariance | kTradeCounts;

// A mask of Feature out of "volume", "variance" and "trade_counts". kInvalidInput for another name, none, or
// a name given twice.
arrow::Result<unsigned> ParseFeatures(const std::vector<std::string>& names);
std::vector<std::string> FeatureNames(unsigned mask);
int CountFeatures(unsigned mask);

struct TensorSpec {
  unsigned features = kVolume;
  int64_t micro_pip = 0;  // the height of a price row, in units of 1e-9; must be positive
  int time_bins = 500;
  int ticks_per_bin = 100;
  int64_t rows() const { return int64_t{time_bins} * ticks_per_bin; }
  int64_t cells() const { return int64_t{CountFeatures(features)} * kPriceRows * time_bins; }
};

// kInvalidInput when a number is not positive, too large to be meant (2^22 bins, 2^22 ticks a bin), or no
// feature is asked for.
arrow::Status CheckSpec(const TensorSpec& spec);

// Views of the columns of consecutive rows of one symbol, in the order of the source. Prices in units of
// 1e-9; a price of kUndefinedPrice is null. Sizes and counts lie in [0, 2^32); those beside a null price are
// not looked at.
constexpr int64_t kUndefinedPrice = INT64_MAX;
struct BookRows {
  int64_t rows = 0;
  std::array<const int64_t*, kLevels> bid_px{}, ask_px{};
  std::array<const int64_t*, kLevels> bid_sz{}, ask_sz{};
  std::array<const int64_t*, kLevels> bid_ct{}, ask_ct{};
};

// Rows of one symbol by number, in the order of their source, wherever they lie. Between calls rows may come
// at the end and go at the front; a row keeps its number and its values.
class BookSource {
 public:
  virtual ~BookSource() = default;
  // The rows that there are: [begin(), end()).
  virtual int64_t begin() const = 0;
  virtual int64_t end() const = 0;
  // Rows [begin, begin + count), one or more, until the next call. kInvalidInput when they are not there, or
  // for a value that cannot be one of a book.
  virtual arrow::Result<BookRows> Read(int64_t begin, int64_t count) = 0;
};

// Prices beyond +-2^61 (some 2.3 billion in units of 1e-9) are refused, so that no difference can overflow.
constexpr int64_t kLargestPrice = int64_t{1} << 61;

// price / micro_pip, rounded to the nearest integer, ties to the even one.
int64_t RoundToMicroPips(int64_t price, int64_t micro_pip);

// The tensor of exactly spec.rows() rows: float32 in [-1, 1], row-major (features, 402, time_bins), the
// highest price first, positive on the ask side. `out` holds spec.cells() values. Errors: kInvalidInput for
// any other number of rows, a null bid or ask in the last row, a size, count or price out of range, or a bad
// spec.
arrow::Status ComputeTensor(const BookRows& rows, const TensorSpec& spec, float* out);
arrow::Status ComputeTensor(BookSource& rows, const TensorSpec& spec, float* out);

// Tensors of many windows of one sequence of rows, each bin computed once: samples whose starts differ by a
// multiple of ticks_per_bin share their bins, which are kept on the absolute price grid, so that moving to
// another mid price is a shift of the index. Values equal ComputeTensor's. Keeps the last time_bins bins of
// every residue of `begin` that occurs.
class TensorStream {
 public:
  // `rows` (the arrays that it points to, the source) must outlive the stream.
  static arrow::Result<std::unique_ptr<TensorStream>> Make(const BookRows& rows, TensorSpec spec);
  static arrow::Result<std::unique_ptr<TensorStream>> Make(BookSource& rows, TensorSpec spec);
  ~TensorStream();

  // The tensor of rows [begin, begin + spec.rows()). Any order of `begin`; ascending is the cheap one.
  // kInvalidInput when rows are needed that are not there, and as ComputeTensor. Rows of bins that are kept
  // are not needed again, except the window's last.
  arrow::Status Compute(int64_t begin, float* out);

 private:
  struct Impl;
  explicit TensorStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquet::depth
