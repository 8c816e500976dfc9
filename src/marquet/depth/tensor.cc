#include "marquet/depth/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/bin.h"
#include "marquet/depth/render.h"

namespace marquet::depth {
namespace {

constexpr const char* kNames[] = {"volume", "variance", "trade_counts"};

// The price of the lowest row of the window that ends with `row`.
arrow::Result<int64_t> LowestOfWindow(const BookRows& rows, int64_t row, int64_t first,
                                      const TensorSpec& spec) {
  const int64_t bid = rows.bid_px[0][row], ask = rows.ask_px[0][row];
  for (const auto& [name, price] : {std::pair("bid_px_00", bid), std::pair("ask_px_00", ask)}) {
    if (price == kUndefinedPrice) {
      return InvalidInput(
          fmt::format("{} is null in row {}, the last of the window; expected a price on both sides there",
                      name, WithCommas(first + row)),
          "A tensor is centred on the mid price of its last row: end the window at a row that has one.");
    }
    if (price > kLargestPrice || price < -kLargestPrice) {
      return InvalidInput(fmt::format("{} is {} in row {}; expected a price within +-2^61", name, price,
                                      WithCommas(first + row)));
    }
  }
  return LowestPrice(RoundToMicroPips(bid, spec.micro_pip), RoundToMicroPips(ask, spec.micro_pip));
}

}  // namespace

arrow::Result<unsigned> ParseFeatures(const std::vector<std::string>& names) {
  unsigned mask = 0;
  for (const std::string& name : names) {
    const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
    if (found == std::end(kNames)) {
      return InvalidInput(
          fmt::format("no feature is called {}; expected volume, variance or trade_counts", Quoted(name)));
    }
    const unsigned bit = 1u << (found - kNames);
    if (mask & bit) return InvalidInput(fmt::format("the feature '{}' is named twice", name));
    mask |= bit;
  }
  if (mask == 0) {
    return InvalidInput("no feature is named; expected one or more of volume, variance, trade_counts");
  }
  return mask;
}

std::vector<std::string> FeatureNames(unsigned mask) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < std::size(kNames); ++i) {
    if (mask & (1u << i)) names.emplace_back(kNames[i]);
  }
  return names;
}

int CountFeatures(unsigned mask) { return __builtin_popcount(mask & kAllFeatures); }

arrow::Status CheckSpec(const TensorSpec& spec) {
  constexpr int kMost = 1 << 22;
  if (spec.micro_pip <= 0) {
    return InvalidInput(
        fmt::format("the micro-pip is {} units of 1e-9; expected a positive number", spec.micro_pip),
        "The micro-pip is the height of one price row: 1e-5 for EURUSD, the tick size for a "
        "future.");
  }
  if (spec.time_bins <= 0 || spec.time_bins > kMost) {
    return InvalidInput(fmt::format("time_bins is {}; expected 1 to {}", spec.time_bins, WithCommas(kMost)));
  }
  if (spec.ticks_per_bin <= 0 || spec.ticks_per_bin > kMost) {
    return InvalidInput(
        fmt::format("ticks_per_bin is {}; expected 1 to {}", spec.ticks_per_bin, WithCommas(kMost)));
  }
  if (spec.features == 0 || (spec.features & ~kAllFeatures) != 0) {
    return InvalidInput("no feature is asked for; expected one or more of volume, variance, trade_counts");
  }
  return arrow::Status::OK();
}

arrow::Status ComputeTensor(const BookRows& rows, const TensorSpec& spec, float* out) {
  ARROW_RETURN_NOT_OK(CheckSpec(spec));
  if (rows.rows != spec.rows()) {
    return InvalidInput(fmt::format("there are {} rows; expected exactly {} ({} time bins of {} ticks)",
                                    WithCommas(rows.rows), WithCommas(spec.rows()), spec.time_bins,
                                    spec.ticks_per_bin));
  }
  ARROW_ASSIGN_OR_RAISE(auto stream, TensorStream::Make(rows, spec));
  return stream->Compute(0, out);
}

struct TensorStream::Impl {
  // The last time_bins bins whose first row has one residue: bin number b lies in slot b % time_bins.
  struct Ring {
    std::vector<Bin> bins;
    std::vector<double> values;
    std::vector<int64_t> numbers;  // of the bin in each slot, -1 for none
  };

  Impl(const BookRows& book, const TensorSpec& wanted) : spec(wanted), rows(book), maker(wanted) {}

  Ring& RingOf(int64_t residue) {
    Ring& ring = rings[residue];
    if (ring.bins.empty()) {
      ring.bins.resize(spec.time_bins);
      ring.values.resize(static_cast<size_t>(spec.time_bins) * maker.values_per_bin());
      ring.numbers.assign(spec.time_bins, -1);
    }
    return ring;
  }

  TensorSpec spec;
  BookRows rows;
  int64_t first = 0;
  BinMaker maker;
  Renderer renderer;
  std::map<int64_t, Ring> rings;
};

TensorStream::TensorStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TensorStream::~TensorStream() = default;

arrow::Result<std::unique_ptr<TensorStream>> TensorStream::Make(const BookRows& rows, TensorSpec spec) {
  ARROW_RETURN_NOT_OK(CheckSpec(spec));
  return std::unique_ptr<TensorStream>(new TensorStream(std::make_unique<Impl>(rows, spec)));
}

void TensorStream::Continue(const BookRows& rows, int64_t first) {
  impl_->rows = rows;
  impl_->first = first;
}

arrow::Status TensorStream::Compute(int64_t begin, float* out) {
  Impl& s = *impl_;
  const int64_t bins = s.spec.time_bins, ticks = s.spec.ticks_per_bin;
  const int64_t end = s.first + s.rows.rows;
  if (begin < 0 || begin > end - s.spec.rows() || begin + s.spec.rows() - 1 < s.first) {
    return InvalidInput(fmt::format("the window of {} rows from row {} on is not within rows {} to {}",
                                    WithCommas(s.spec.rows()), WithCommas(begin), WithCommas(s.first),
                                    WithCommas(end)));
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t lowest,
                        LowestOfWindow(s.rows, begin + s.spec.rows() - 1 - s.first, s.first, s.spec));
  const int64_t residue = begin % ticks;
  Impl::Ring& ring = s.RingOf(residue);
  const int64_t number = begin / ticks;
  const int per_bin = s.maker.values_per_bin();
  for (int64_t k = 0; k < bins; ++k) {
    const int64_t slot = (number + k) % bins;
    if (ring.numbers[slot] == number + k) continue;
    const int64_t row = (number + k) * ticks + residue - s.first;
    if (row < 0) {
      return InvalidInput(fmt::format("row {} is needed again, but the view begins at row {}",
                                      WithCommas(row + s.first), WithCommas(s.first)));
    }
    ring.numbers[slot] = -1;
    ARROW_RETURN_NOT_OK(
        s.maker.Make(s.rows, row, s.first, &ring.bins[slot], ring.values.data() + slot * per_bin));
    ring.numbers[slot] = number + k;
  }
  const int64_t split = number % bins;  // the window's first bin lies here, and wraps round
  const BinRun runs[] = {{ring.bins.data() + split, ring.values.data() + split * per_bin, bins - split},
                         {ring.bins.data(), ring.values.data(), split}};
  s.renderer.Render(runs, CountFeatures(s.spec.features), lowest, out);
  return arrow::Status::OK();
}

}  // namespace marquet::depth
