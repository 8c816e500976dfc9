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

// Rows in arrays.
class ArraySource final : public BookSource {
 public:
  explicit ArraySource(const BookRows& rows) : rows_(rows) {}
  int64_t begin() const override { return 0; }
  int64_t end() const override { return rows_.rows; }
  arrow::Result<BookRows> Read(int64_t begin, int64_t count) override {
    BookRows part = rows_;
    part.rows = count;
    for (auto* side : {&part.bid_px, &part.ask_px, &part.bid_sz, &part.ask_sz, &part.bid_ct, &part.ask_ct}) {
      for (const int64_t*& column : *side) {
        if (column != nullptr) column += begin;
      }
    }
    return part;
  }

 private:
  BookRows rows_;
};

// The price of the lowest row of the window that ends with row number `row`.
arrow::Result<int64_t> LowestOfWindow(BookSource& source, int64_t row, const TensorSpec& spec) {
  ARROW_ASSIGN_OR_RAISE(const BookRows last, source.Read(row, 1));
  const int64_t bid = last.bid_px[0][0], ask = last.ask_px[0][0];
  for (const auto& [name, price] : {std::pair("bid_px_00", bid), std::pair("ask_px_00", ask)}) {
    if (price == kUndefinedPrice) {
      return InvalidInput(
          fmt::format("{} is null in row {}, the last of the window; expected a price on both sides there",
                      name, WithCommas(row)),
          "A tensor is centred on the mid price of its last row: end the window at a row that has one.");
    }
    if (price > kLargestPrice || price < -kLargestPrice) {
      return InvalidInput(
          fmt::format("{} is {} in row {}; expected a price within +-2^61", name, price, WithCommas(row)));
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
  ArraySource source(rows);
  return ComputeTensor(source, spec, out);
}

arrow::Status ComputeTensor(BookSource& rows, const TensorSpec& spec, float* out) {
  ARROW_RETURN_NOT_OK(CheckSpec(spec));
  if (rows.end() - rows.begin() != spec.rows()) {
    return InvalidInput(fmt::format("there are {} rows; expected exactly {} ({} time bins of {} ticks)",
                                    WithCommas(rows.end() - rows.begin()), WithCommas(spec.rows()),
                                    spec.time_bins, spec.ticks_per_bin));
  }
  ARROW_ASSIGN_OR_RAISE(auto stream, TensorStream::Make(rows, spec));
  return stream->Compute(rows.begin(), out);
}

struct TensorStream::Impl {
  // The last time_bins bins whose first row has one residue: bin number b lies in slot b % time_bins.
  struct Ring {
    std::vector<Bin> bins;
    std::vector<double> values;
    std::vector<int64_t> numbers;  // of the bin in each slot, -1 for none
  };

  Impl(std::unique_ptr<BookSource> arrays, BookSource& rows, const TensorSpec& wanted)
      : spec(wanted), owned(std::move(arrays)), source(rows), maker(wanted) {}

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
  std::unique_ptr<BookSource> owned;  // null for a source of the caller's
  BookSource& source;
  BinMaker maker;
  Renderer renderer;
  std::map<int64_t, Ring> rings;
};

TensorStream::TensorStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TensorStream::~TensorStream() = default;

arrow::Result<std::unique_ptr<TensorStream>> TensorStream::Make(const BookRows& rows, TensorSpec spec) {
  ARROW_RETURN_NOT_OK(CheckSpec(spec));
  auto arrays = std::make_unique<ArraySource>(rows);
  BookSource& source = *arrays;
  return std::unique_ptr<TensorStream>(
      new TensorStream(std::make_unique<Impl>(std::move(arrays), source, spec)));
}

arrow::Result<std::unique_ptr<TensorStream>> TensorStream::Make(BookSource& rows, TensorSpec spec) {
  ARROW_RETURN_NOT_OK(CheckSpec(spec));
  return std::unique_ptr<TensorStream>(new TensorStream(std::make_unique<Impl>(nullptr, rows, spec)));
}

arrow::Status TensorStream::Compute(int64_t begin, float* out) {
  Impl& s = *impl_;
  const int64_t bins = s.spec.time_bins, ticks = s.spec.ticks_per_bin;
  const int64_t first = s.source.begin(), end = s.source.end();
  if (begin < 0 || begin > end - s.spec.rows() || begin + s.spec.rows() - 1 < first) {
    return InvalidInput(fmt::format("the window of {} rows from row {} on is not within rows {} to {}",
                                    WithCommas(s.spec.rows()), WithCommas(begin), WithCommas(first),
                                    WithCommas(end)));
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t lowest, LowestOfWindow(s.source, begin + s.spec.rows() - 1, s.spec));
  const int64_t residue = begin % ticks;
  Impl::Ring& ring = s.RingOf(residue);
  const int64_t number = begin / ticks;
  const int per_bin = s.maker.values_per_bin();
  for (int64_t k = 0; k < bins; ++k) {
    const int64_t slot = (number + k) % bins;
    if (ring.numbers[slot] == number + k) continue;
    const int64_t row = (number + k) * ticks + residue;
    if (row < first) {
      return InvalidInput(fmt::format("row {} is needed again, but the rows begin at row {}", WithCommas(row),
                                      WithCommas(first)));
    }
    ARROW_ASSIGN_OR_RAISE(const BookRows rows, s.source.Read(row, ticks));
    ring.numbers[slot] = -1;
    ARROW_RETURN_NOT_OK(s.maker.Make(rows, row, &ring.bins[slot], ring.values.data() + slot * per_bin));
    ring.numbers[slot] = number + k;
  }
  const int64_t split = number % bins;  // the window's first bin lies here, and wraps round
  const BinRun runs[] = {{ring.bins.data() + split, ring.values.data() + split * per_bin, bins - split},
                         {ring.bins.data(), ring.values.data(), split}};
  s.renderer.Render(runs, CountFeatures(s.spec.features), lowest, out);
  return arrow::Status::OK();
}

}  // namespace marquet::depth
