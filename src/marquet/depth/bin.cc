#include "marquet/depth/bin.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "marquet/base/dispatch.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/lanes_internal.h"

namespace marquet::depth {
namespace {

// Adding 2^52 + 2^51 to a double of magnitude up to 2^51 leaves its integer part, rounded to nearest with
// ties to even, in the low bits of the significand.
constexpr double kMagic = 6755399441055744.0;
constexpr int64_t kMagicBits = 0x4338000000000000;
constexpr int64_t kFastPrice = int64_t{1} << 51;
// Sums of this many prices of magnitude up to 2^51 stay within int64.
constexpr int64_t kSumBlock = 2048;

// The rows of the next bin mostly lie behind those of this one: asks for the first of them, so that they come
// while this bin is computed.
void Prefetch(const int64_t* column, int64_t n) {
  if (column == nullptr) return;
  constexpr int64_t kLine = 64, kMost = 32;  // bytes; lines, after which the processor has seen the pattern
  const auto begin = reinterpret_cast<uintptr_t>(column) + static_cast<uintptr_t>(n) * sizeof(int64_t);
  const int64_t lines = std::min(kMost, n * static_cast<int64_t>(sizeof(int64_t)) / kLine + 1);
  for (int64_t i = 0; i < lines; ++i) {
    __builtin_prefetch(reinterpret_cast<const void*>(begin + static_cast<uintptr_t>(i * kLine)));
  }
}

MARQUET_INLINE bool AllFastBody(const int64_t* px, int64_t n) {
  uint64_t beyond = 0;
  for (int64_t i = 0; i < n; ++i) {
    beyond |= static_cast<uint64_t>(px[i]) + static_cast<uint64_t>(kFastPrice - 1);
  }
  return beyond >> 52 == 0;
}
MARQUET_DISPATCH(bool, AllFast, (const int64_t* px, int64_t n), (px, n))

// The sum of n <= kSumBlock prices of magnitude below 2^51, each rounded to micro-pips. A quotient of doubles
// is correctly rounded and so never reaches a half that the exact quotient (a multiple of 1 / micro_pip) does
// not: it differs from one by at least 1 / (2 micro_pip), its error is below |price| 2^-53 / micro_pip.
MARQUET_INLINE int64_t SumRoundedBody(const int64_t* px, int64_t n, double micro_pip) {
  int64_t sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double price = std::bit_cast<double>(px[i] + kMagicBits) - kMagic;
    const double rounded = price / micro_pip + kMagic;
    sum += std::bit_cast<int64_t>(rounded) - kMagicBits;
  }
  return sum;
}
MARQUET_DISPATCH(int64_t, SumRounded, (const int64_t* px, int64_t n, double micro_pip), (px, n, micro_pip))

// Values as int32 in the order of the uint32 they are; returns the union of their bits.
MARQUET_INLINE uint64_t NarrowBody(const int64_t* values, int64_t n, int32_t* narrow) {
  uint64_t bits = 0;
  for (int64_t i = 0; i < n; ++i) {
    bits |= static_cast<uint64_t>(values[i]);
    narrow[i] = static_cast<int32_t>(static_cast<uint32_t>(values[i]) ^ 0x80000000u);
  }
  return bits;
}
MARQUET_DISPATCH(uint64_t, Narrow, (const int64_t* values, int64_t n, int32_t* narrow), (values, n, narrow))

// Vector `i` of those that stand from `x` on, wherever that is.
MARQUET_INLINE void Load(const int32_t* x, int64_t i, Ints* vector) {
  std::memcpy(vector, x + i * kLanes, sizeof *vector);
}

MARQUET_INLINE int32_t CountTrue(const Ints& minus_counts) {
  int32_t count = 0;
  for (int lane = 0; lane < kLanes; ++lane) count -= minus_counts[lane];
  return count;
}

// The median of n values out of Narrow(), `bits` being their union; `x` is padded with INT32_MAX to whole
// vectors. The lower median is the largest value with fewer than half of the others below it: it is found bit
// by bit from the top, counting, so that no branch depends on a single value.
MARQUET_INLINE double MedianBody(const int32_t* x, int64_t n, uint64_t bits) {
  const int64_t count = (n + kLanes - 1) / kLanes;
  const auto wanted = static_cast<int32_t>((n - 1) / 2 + 1);  // how many values are at or below it
  uint32_t lower = 0;
  Ints values;
  for (int bit = std::bit_width(bits) - 1; bit >= 0; --bit) {
    const uint32_t candidate = lower | (1u << bit);
    const Ints bound = Ints{} + static_cast<int32_t>(candidate ^ 0x80000000u);
    Ints below{};
    for (int64_t i = 0; i < count; ++i) {
      Load(x, i, &values);
      below += values < bound;
    }
    lower = CountTrue(below) < wanted ? candidate : lower;
  }
  if (n % 2 == 1) return lower;
  const Ints bound = Ints{} + static_cast<int32_t>(lower ^ 0x80000000u);
  Ints at_most{};
  Ints next = Ints{} + INT32_MAX;
  for (int64_t i = 0; i < count; ++i) {
    Load(x, i, &values);
    const Ints above = values > bound;
    at_most += ~above;
    next = (above != 0) & (values < next) ? values : next;
  }
  if (CountTrue(at_most) > wanted) return lower;
  int32_t smallest = INT32_MAX;
  for (int lane = 0; lane < kLanes; ++lane) smallest = std::min(smallest, next[lane]);
  return (static_cast<double>(lower) + static_cast<double>(static_cast<uint32_t>(smallest) ^ 0x80000000u)) /
         2;
}
MARQUET_DISPATCH(double, Median, (const int32_t* x, int64_t n, uint64_t bits), (x, n, bits))

// Sum, and n * sum of squares - sum^2, exactly.
double Variance(const int64_t* x, int64_t n, uint64_t bits) {
  if (n < 2) return 0;
  unsigned __int128 sum = 0, squares = 0;
  if (bits < (1u << 20) && n < (int64_t{1} << 22)) {
    uint64_t narrow_sum = 0, narrow_squares = 0;
    for (int64_t i = 0; i < n; ++i) {
      const auto value = static_cast<uint64_t>(x[i]);
      narrow_sum += value;
      narrow_squares += value * value;
    }
    sum = narrow_sum;
    squares = narrow_squares;
  } else {
    for (int64_t i = 0; i < n; ++i) {
      const auto value = static_cast<unsigned __int128>(x[i]);
      sum += value;
      squares += value * value;
    }
  }
  const unsigned __int128 spread = squares * static_cast<unsigned __int128>(n) - sum * sum;
  return static_cast<double>(spread) / (static_cast<double>(n) * static_cast<double>(n - 1));
}

int64_t FloorDivide(__int128 value, int64_t divisor) {
  if (value == static_cast<int64_t>(value)) {
    const auto narrow = static_cast<int64_t>(value);
    const int64_t quotient = narrow / divisor;
    return quotient - (narrow % divisor < 0);
  }
  const __int128 quotient = value / divisor;
  return static_cast<int64_t>(quotient - (value % divisor < 0));
}

arrow::Status OutOfRange(const char* what, const int64_t* values, int64_t n, const char* side, int level,
                         int64_t row) {
  for (int64_t i = 0; i < n; ++i) {
    if (values[i] < 0 || values[i] > UINT32_MAX) {
      return InvalidInput(fmt::format("{}_{}_{:02d} is {} in the bin at row {}; expected 0 to 4,294,967,295",
                                      side, what, level, values[i], WithCommas(row)));
    }
  }
  return arrow::Status::OK();
}

}  // namespace

int64_t RoundToMicroPips(int64_t price, int64_t micro_pip) {
  int64_t quotient = price / micro_pip;
  int64_t rest = price % micro_pip;
  if (rest < 0) {
    rest += micro_pip;
    --quotient;
  }
  const int64_t missing = micro_pip - rest;
  return quotient + (rest > missing || (rest == missing && quotient % 2 != 0));
}

BinMaker::BinMaker(const TensorSpec& spec) : spec_(spec), features_(CountFeatures(spec.features)) {
  for (auto* buffer : {&px_, &sz_, &ct_}) buffer->resize(spec.ticks_per_bin);
  sizes_.resize(spec.ticks_per_bin + kLanes);
}

arrow::Status BinMaker::MakeLevel(const int64_t* px, const int64_t* sz, const int64_t* ct, const char* side,
                                  int level, int64_t row, Level* result, bool* present) {
  int64_t n = spec_.ticks_per_bin;
  for (const int64_t* column : {px, sz, ct}) Prefetch(column, n);
  bool fast = AllFast(px, n);
  if (!fast) {
    int64_t kept = 0;
    for (int64_t i = 0; i < n; ++i) {
      if (px[i] == kUndefinedPrice) continue;
      if (px[i] > kLargestPrice || px[i] < -kLargestPrice) {
        return InvalidInput(fmt::format("{}_px_{:02d} is {} in row {}; expected a price within +-2^61", side,
                                        level, px[i], WithCommas(row + i)));
      }
      px_[kept] = px[i];
      if (sz) sz_[kept] = sz[i];
      if (ct) ct_[kept] = ct[i];
      ++kept;
    }
    n = kept;
    px = px_.data();
    sz = sz ? sz_.data() : nullptr;
    ct = ct ? ct_.data() : nullptr;
    fast = AllFast(px, n);
  }
  *present = n > 0;
  if (n == 0) return arrow::Status::OK();

  __int128 sum = 0;
  if (fast && spec_.micro_pip < kFastPrice) {
    for (int64_t i = 0; i < n; i += kSumBlock) {
      sum += SumRounded(px + i, std::min(kSumBlock, n - i), static_cast<double>(spec_.micro_pip));
    }
  } else {
    for (int64_t i = 0; i < n; ++i) sum += RoundToMicroPips(px[i], spec_.micro_pip);
  }
  result->price = FloorDivide(sum, n);

  double* value = result->value;
  if (spec_.features & (kVolume | kVariance)) {
    const uint64_t bits = Narrow(sz, n, sizes_.data());
    if (bits >> 32 != 0) return OutOfRange("sz", sz, n, side, level, row);
    if (spec_.features & kVolume) {
      std::fill(sizes_.begin() + n, sizes_.begin() + (n + kLanes - 1) / kLanes * kLanes, INT32_MAX);
      *value++ = Median(sizes_.data(), n, bits);
    }
    if (spec_.features & kVariance) *value++ = Variance(sz, n, bits);
  }
  if (spec_.features & kTradeCounts) {
    uint64_t bits = 0, total = 0;
    for (int64_t i = 0; i < n; ++i) {
      bits |= static_cast<uint64_t>(ct[i]);
      total += static_cast<uint64_t>(ct[i]);
    }
    if (bits >> 32 != 0) return OutOfRange("ct", ct, n, side, level, row);
    *value++ = static_cast<double>(total);
  }
  return arrow::Status::OK();
}

arrow::Status BinMaker::Make(const BookRows& rows, int64_t row, Bin* bin, double* values) {
  for (const bool ask : {true, false}) {
    const auto& px = ask ? rows.ask_px : rows.bid_px;
    const auto& sz = ask ? rows.ask_sz : rows.bid_sz;
    const auto& ct = ask ? rows.ask_ct : rows.bid_ct;
    const int base = ask ? 0 : kLevels;
    int64_t* prices = bin->price + base;
    int count = 0;
    for (int level = 0; level < kLevels; ++level) {
      Level stats;
      bool present = false;
      ARROW_RETURN_NOT_OK(
          MakeLevel(px[level], sz[level], ct[level], ask ? "ask" : "bid", level, row, &stats, &present));
      if (!present) continue;
      // Levels come outwards, so this mostly ends at once; a level on a price that is taken replaces what is
      // there, because the deeper one counts.
      int place = count;
      while (place > 0 && (ask ? prices[place - 1] > stats.price : prices[place - 1] < stats.price)) --place;
      const bool taken = place > 0 && prices[place - 1] == stats.price;
      if (taken) {
        --place;
      } else {
        std::copy_backward(prices + place, prices + count, prices + count + 1);
      }
      prices[place] = stats.price;
      for (int f = 0; f < features_; ++f) {
        double* side = values + f * kSlots + base;
        if (!taken) std::copy_backward(side + place, side + count, side + count + 1);
        side[place] = stats.value[f];
      }
      if (!taken) ++count;
    }
    (ask ? bin->asks : bin->bids) = static_cast<uint8_t>(count);
  }
  return arrow::Status::OK();
}

}  // namespace marquet::depth
