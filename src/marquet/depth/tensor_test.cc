#include "marquet/depth/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "marquet/base/error.h"
#include "marquet/depth/render.h"

namespace marquet::depth {
namespace {

// A book whose columns can be set one value at a time.
struct Book {
  explicit Book(int64_t rows) : rows(rows) {
    for (auto* side : {&bid_px, &ask_px, &bid_sz, &ask_sz, &bid_ct, &ask_ct}) {
      for (auto& column : *side) column.assign(rows, 0);
    }
  }
  BookRows View(int64_t begin, int64_t count) const {
    BookRows view;
    view.rows = count;
    for (int k = 0; k < kLevels; ++k) {
      view.bid_px[k] = bid_px[k].data() + begin;
      view.ask_px[k] = ask_px[k].data() + begin;
      view.bid_sz[k] = bid_sz[k].data() + begin;
      view.ask_sz[k] = ask_sz[k].data() + begin;
      view.bid_ct[k] = bid_ct[k].data() + begin;
      view.ask_ct[k] = ask_ct[k].data() + begin;
    }
    return view;
  }
  BookRows View() const { return View(0, rows); }

  int64_t rows;
  std::array<std::vector<int64_t>, kLevels> bid_px, ask_px, bid_sz, ask_sz, bid_ct, ask_ct;
};

// All ten levels one micro-pip apart, one contract each, around a mid of 65,999.
Book GoldenBook(int64_t rows, int64_t micro_pip) {
  Book book(rows);
  for (int k = 0; k < kLevels; ++k) {
    book.ask_px[k].assign(rows, (66'000 + k) * micro_pip);
    book.bid_px[k].assign(rows, (65'998 - k) * micro_pip);
    for (auto* side : {&book.bid_sz, &book.ask_sz, &book.bid_ct, &book.ask_ct}) (*side)[k].assign(rows, 1);
  }
  return book;
}

struct BookShape {
  int64_t base = 1'234'500'000;  // around which prices wander
  int64_t tick = 10'000;         // prices are multiples of it, apart from `ragged`
  int spread = 2;                // between levels, up to this many ticks
  int step = 2;                  // of the random walk, in ticks
  double null_share = 0;
  double crossed_share = 0;
  int64_t largest_size = 100;
  bool ragged = false;  // prices between the micro-pips, ties of rounding among them
};

Book RandomBook(int64_t rows, uint64_t seed, const BookShape& shape) {
  std::mt19937_64 random(seed);
  auto draw = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
  };
  Book book(rows);
  int64_t mid = 0;
  for (int64_t row = 0; row < rows; ++row) {
    mid += draw(-shape.step, shape.step);
    const bool crossed = shape.crossed_share > 0 && draw(0, 999) < shape.crossed_share * 1000;
    int64_t ask = mid + (crossed ? -3 : 1), bid = mid - (crossed ? -3 : 1);
    for (int k = 0; k < kLevels; ++k) {
      auto price = [&](int64_t ticks) {
        if (shape.null_share > 0 && draw(0, 999) < shape.null_share * 1000) return kUndefinedPrice;
        int64_t rest = 0;
        if (shape.ragged) rest = draw(0, 1) ? shape.tick / 2 : draw(0, shape.tick - 1);
        return shape.base + ticks * shape.tick + rest;
      };
      book.ask_px[k][row] = price(ask);
      book.bid_px[k][row] = price(bid);
      ask += draw(shape.spread > 3 ? 0 : 1, shape.spread);
      bid -= draw(shape.spread > 3 ? 0 : 1, shape.spread);
      book.ask_sz[k][row] = draw(0, shape.largest_size);
      book.bid_sz[k][row] = draw(0, shape.largest_size);
      book.ask_ct[k][row] = draw(0, 40);
      book.bid_ct[k][row] = draw(0, 40);
    }
  }
  return book;
}

// docs/depth.md word for word, slowly: full grids, 128-bit integers, sorting for the medians.
using Wide = __int128;

Wide FloorOf(Wide a, Wide b) {
  Wide q = a / b;
  if (a % b != 0 && (a < 0) != (b < 0)) --q;
  return q;
}

Wide SlowRound(int64_t price, int64_t micro_pip) {
  const Wide doubled = 2 * static_cast<Wide>(price) + micro_pip;  // floor(x + 1/2), then ties to even
  Wide rounded = FloorOf(doubled, 2 * static_cast<Wide>(micro_pip));
  if (doubled % (2 * static_cast<Wide>(micro_pip)) == 0 && rounded % 2 != 0) --rounded;
  return rounded;
}

double SlowFeature(Feature feature, std::vector<int64_t> sizes, const std::vector<int64_t>& counts) {
  const size_t n = sizes.size();
  if (feature == kVolume) {
    std::sort(sizes.begin(), sizes.end());
    return n % 2 ? sizes[n / 2] : (sizes[n / 2 - 1] + sizes[n / 2]) / 2.0;
  }
  if (feature == kVariance) {
    if (n < 2) return 0;
    long double mean = 0, squares = 0;
    for (const int64_t size : sizes) mean += size;
    mean /= n;
    for (const int64_t size : sizes) squares += (size - mean) * (size - mean);
    return static_cast<double>(squares / (n - 1));
  }
  double total = 0;
  for (const int64_t count : counts) total += count;
  return total;
}

std::vector<float> SlowTensor(const BookRows& rows, const TensorSpec& spec) {
  std::vector<float> result;
  const int64_t last = spec.rows() - 1;
  const Wide lowest = FloorOf(
      SlowRound(rows.bid_px[0][last], spec.micro_pip) + SlowRound(rows.ask_px[0][last], spec.micro_pip) - 401,
      2);
  for (const Feature feature : {kVolume, kVariance, kTradeCounts}) {
    if (!(spec.features & feature)) continue;
    std::vector<double> grid(static_cast<size_t>(kPriceRows) * spec.time_bins);
    double largest = 0;
    for (int bin = 0; bin < spec.time_bins; ++bin) {
      std::map<int, double> value[2];  // by index; 0 ask, 1 bid
      for (int side = 0; side < 2; ++side) {
        for (int k = 0; k < kLevels; ++k) {
          std::vector<int64_t> sizes, counts;
          Wide sum = 0;
          for (int64_t row = bin * spec.ticks_per_bin; row < (bin + 1) * spec.ticks_per_bin; ++row) {
            const int64_t price = (side ? rows.bid_px : rows.ask_px)[k][row];
            if (price == kUndefinedPrice) continue;
            sum += SlowRound(price, spec.micro_pip);
            sizes.push_back((side ? rows.bid_sz : rows.ask_sz)[k][row]);
            counts.push_back((side ? rows.bid_ct : rows.ask_ct)[k][row]);
          }
          if (sizes.empty()) continue;
          const Wide index = FloorOf(sum, static_cast<Wide>(sizes.size())) - lowest;
          if (index < 0 || index > 401) continue;
          value[side][static_cast<int>(index)] = SlowFeature(feature, sizes, counts);
        }
      }
      std::vector<double> asks(kPriceRows), bids(kPriceRows);
      double sum = 0;
      for (int i = 0; i < kPriceRows; ++i) asks[i] = sum += value[0].count(i) ? value[0][i] : 0;
      sum = 0;
      for (int i = kPriceRows - 1; i >= 0; --i) bids[i] = sum += value[1].count(i) ? value[1][i] : 0;
      for (int i = 0; i < kPriceRows; ++i) {
        const double cell = asks[i] - bids[i];
        grid[static_cast<size_t>(401 - i) * spec.time_bins + bin] = cell;
        largest = std::max(largest, std::fabs(cell));
      }
    }
    for (const double cell : grid) result.push_back(largest == 0 ? 0.f : static_cast<float>(cell / largest));
  }
  return result;
}

// Bit for bit, except that the variance may differ in its last places before it becomes a float.
void ExpectSame(const std::vector<float>& got, const std::vector<float>& expected, const TensorSpec& spec) {
  ASSERT_EQ(got.size(), expected.size());
  size_t wrong = 0;
  const size_t plane = static_cast<size_t>(kPriceRows) * spec.time_bins;
  for (size_t i = 0; i < got.size(); ++i) {
    const bool variance = FeatureNames(spec.features)[i / plane] == "variance";
    const bool same = variance ? std::fabs(got[i] - expected[i]) <= 1e-7f
                               : got[i] == expected[i] && std::signbit(got[i]) == std::signbit(expected[i]);
    if (!same && wrong++ < 3) {
      ADD_FAILURE() << "cell " << i << " (row " << i % plane / spec.time_bins << ", bin "
                    << i % spec.time_bins << "): " << got[i] << ", expected " << expected[i];
    }
  }
  EXPECT_EQ(wrong, 0u);
}

std::vector<float> Tensor(const BookRows& rows, const TensorSpec& spec) {
  std::vector<float> out(spec.cells(), -9);
  const arrow::Status status = ComputeTensor(rows, spec, out.data());
  EXPECT_TRUE(status.ok()) << status.ToString();
  return out;
}

TEST(Tensor, GoldenCase) {
  const TensorSpec spec{.micro_pip = 10'000};
  const Book book = GoldenBook(spec.rows(), spec.micro_pip);
  EXPECT_EQ(LowestPrice(65'998, 66'000), 65'798);
  const std::vector<float> tensor = Tensor(book.View(), spec);
  for (int row = 0; row < kPriceRows; ++row) {
    float expected = 0;
    if (row <= 190) {
      expected = 1;
    } else if (row <= 199) {
      expected = static_cast<float>((200 - row) / 10.0);
    } else if (row >= 210) {
      expected = -1;
    } else if (row >= 201) {
      expected = static_cast<float>(-(row - 200) / 10.0);
    }
    for (int bin = 0; bin < spec.time_bins; ++bin) {
      ASSERT_EQ(tensor[row * spec.time_bins + bin], expected) << "row " << row << ", bin " << bin;
    }
  }
}

TEST(Tensor, TheMidHasTwoHundredRowsAboveAndBelow) {
  EXPECT_EQ(LowestPrice(100'000, 100'002), 100'001 - 201);  // an integer mid: 201 below, itself, 200 above
  EXPECT_EQ(LowestPrice(100'000, 100'001), 100'000 - 200);  // a half-integer one: 201 on each side
  EXPECT_EQ(LowestPrice(-3, -2), -203);                     // floor((-5 - 401) / 2)
  EXPECT_EQ(LowestPrice(-3, -1), -203);                     // floor(-202.5)
  EXPECT_EQ(LowestPrice(1, 1), -200);                       // floor(-199.5)
}

TEST(Tensor, RoundsToMicroPipsWithTiesToEven) {
  EXPECT_EQ(RoundToMicroPips(15, 10), 2);
  EXPECT_EQ(RoundToMicroPips(25, 10), 2);
  EXPECT_EQ(RoundToMicroPips(26, 10), 3);
  EXPECT_EQ(RoundToMicroPips(-15, 10), -2);
  EXPECT_EQ(RoundToMicroPips(-25, 10), -2);
  EXPECT_EQ(RoundToMicroPips(-24, 10), -2);
  EXPECT_EQ(RoundToMicroPips(7, 5), 1);
  EXPECT_EQ(RoundToMicroPips(8, 5), 2);
  EXPECT_EQ(RoundToMicroPips(kLargestPrice, 1), kLargestPrice);
}

TEST(Tensor, EqualsThePlainReferenceOnRandomBooks) {
  const struct {
    const char* name;
    BookShape shape;
    TensorSpec spec;
  } cases[] = {
      {"narrow", {}, {kAllFeatures, 10'000, 70, 20}},
      {"wide: levels leave the window", {.spread = 60, .step = 8}, {kAllFeatures, 10'000, 64, 20}},
      {"the mid runs far away", {.step = 40}, {kAllFeatures, 10'000, 128, 7}},
      {"levels meet on one price", {.spread = 4}, {kAllFeatures, 70'000, 65, 9}},
      {"negative prices", {.base = -1'000'000}, {kAllFeatures, 10'000, 80, 10}},
      {"around zero", {.base = 0}, {kAllFeatures, 10'000, 80, 10}},
      {"one tick a bin", {}, {kAllFeatures, 10'000, 100, 1}},
      {"one bin", {}, {kAllFeatures, 10'000, 1, 100}},
      {"a narrow tensor", {}, {kAllFeatures, 10'000, 13, 100}},
      {"ties", {.ragged = true}, {kAllFeatures, 10'000, 70, 11}},
      {"nulls", {.null_share = 0.2}, {kAllFeatures, 10'000, 70, 10}},
      {"mostly nulls", {.null_share = 0.9}, {kAllFeatures, 10'000, 70, 5}},
      {"crossed", {.crossed_share = 0.5}, {kAllFeatures, 10'000, 70, 3}},
      {"crossed with nulls, far",
       {.step = 30, .null_share = .3, .crossed_share = .3},
       {kAllFeatures, 10'000, 70, 3}},
      {"huge sizes", {.largest_size = UINT32_MAX}, {kAllFeatures, 10'000, 70, 12}},
      {"huge prices", {.base = kLargestPrice - 100'000'000}, {kAllFeatures, 10'000, 66, 5}},
      {"a micro-pip of one", {.base = 5'000, .tick = 1}, {kAllFeatures, 1, 66, 5}},
      {"two features", {}, {kVolume | kTradeCounts, 10'000, 66, 5}},
  };
  uint64_t seed = 20240102;
  for (auto& test : cases) {
    SCOPED_TRACE(test.name);
    BookShape shape = test.shape;
    for (int repeat = 0; repeat < 3; ++repeat) {
      Book book = RandomBook(test.spec.rows(), ++seed, shape);
      // The last row always has a mid price here.
      const int64_t last = book.rows - 1;
      if (book.bid_px[0][last] == kUndefinedPrice) book.bid_px[0][last] = shape.base;
      if (book.ask_px[0][last] == kUndefinedPrice) book.ask_px[0][last] = shape.base + shape.tick;
      ExpectSame(Tensor(book.View(), test.spec), SlowTensor(book.View(), test.spec), test.spec);
    }
  }
}

TEST(Tensor, ADeeperLevelReplacesAShallowerOneEvenWithNothing) {
  const TensorSpec spec{.features = kAllFeatures, .micro_pip = 10, .time_bins = 2, .ticks_per_bin = 4};
  Book book = GoldenBook(spec.rows(), spec.micro_pip);
  for (int64_t row = 0; row < book.rows; ++row) {
    book.ask_px[3][row] = book.ask_px[2][row];
    book.ask_sz[2][row] = 70 + row;
    book.ask_sz[3][row] = 0;
    book.ask_ct[3][row] = 0;
  }
  const auto tensor = Tensor(book.View(), spec);
  ExpectSame(tensor, SlowTensor(book.View(), spec), spec);
  // Eight asks of one contract are left on that side, ten bids on the other.
  EXPECT_FLOAT_EQ(tensor[0], 0.8f);
  EXPECT_FLOAT_EQ(tensor[401 * spec.time_bins], -1.0f);
}

TEST(Tensor, AnEmptyBookIsAllZeros) {
  const TensorSpec spec{.features = kAllFeatures, .micro_pip = 10, .time_bins = 70, .ticks_per_bin = 2};
  Book book = GoldenBook(spec.rows(), spec.micro_pip);
  for (int k = 0; k < kLevels; ++k) {
    for (auto* side : {&book.bid_sz, &book.ask_sz, &book.bid_ct, &book.ask_ct})
      (*side)[k].assign(book.rows, 0);
  }
  EXPECT_THAT(Tensor(book.View(), spec), testing::Each(0.0f));
}

TEST(Tensor, OneTickABinKeepsTheOtherBinsVariance) {
  // The original's variance channel was all null, hence all zeros, as soon as one bin held a single tick.
  // Here such a bin has variance 0 and leaves the others alone: thin books with one valid row in the first
  // bin.
  const TensorSpec spec{.features = kVariance, .micro_pip = 10, .time_bins = 3, .ticks_per_bin = 4};
  Book book = RandomBook(spec.rows(), 3, {.base = 1000, .tick = 10});
  for (int k = 0; k < kLevels; ++k) {
    for (int row = 1; row < 4; ++row) book.ask_px[k][row] = book.bid_px[k][row] = kUndefinedPrice;
  }
  const auto tensor = Tensor(book.View(), spec);
  ExpectSame(tensor, SlowTensor(book.View(), spec), spec);
  EXPECT_EQ(tensor[0], 0);
  EXPECT_GT(tensor[1], 0);
}

TEST(Tensor, DoesNotDependOnEarlierCalls) {
  const TensorSpec spec{.features = kAllFeatures, .micro_pip = 10'000, .time_bins = 66, .ticks_per_bin = 5};
  const Book book = RandomBook(spec.rows(), 11, {});
  const Book other = RandomBook(spec.rows(), 12, {.step = 20, .crossed_share = 0.1, .largest_size = 9'000});
  const auto first = Tensor(book.View(), spec);
  TensorSpec wide = spec;
  wide.micro_pip = 333;
  Tensor(other.View(), wide);
  EXPECT_EQ(Tensor(book.View(), spec), first);
}

TEST(Tensor, ReadsNoRowPastItsWindow) {
  const TensorSpec spec{.features = kAllFeatures, .micro_pip = 10'000, .time_bins = 65, .ticks_per_bin = 4};
  const Book book = RandomBook(spec.rows() * 2, 21, {});
  Book changed = book;
  for (int64_t row = spec.rows(); row < changed.rows; ++row) {
    for (int k = 0; k < kLevels; ++k) changed.ask_px[k][row] += 77'000, changed.bid_sz[k][row] += 5;
  }
  std::vector<float> a(spec.cells()), b(spec.cells());
  ASSERT_TRUE(TensorStream::Make(book.View(), spec).ValueOrDie()->Compute(0, a.data()).ok());
  ASSERT_TRUE(TensorStream::Make(changed.View(), spec).ValueOrDie()->Compute(0, b.data()).ok());
  EXPECT_EQ(a, b);
}

TEST(Tensor, TakesExactlyTheRowsOfItsBins) {
  const TensorSpec spec{.micro_pip = 10'000, .time_bins = 10, .ticks_per_bin = 10};
  const Book book = RandomBook(101, 1, {});
  std::vector<float> out(spec.cells());
  for (const int64_t rows : {int64_t{0}, int64_t{99}, int64_t{101}}) {
    const auto status = ComputeTensor(book.View(0, rows), spec, out.data());
    EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput));
    EXPECT_THAT(status.message(), testing::HasSubstr("expected exactly 100 (10 time bins of 10 ticks)"));
  }
}

TEST(Tensor, RefusesWhatHasNoMeaning) {
  const TensorSpec spec{.features = kAllFeatures, .micro_pip = 10'000, .time_bins = 10, .ticks_per_bin = 10};
  std::vector<float> out(spec.cells());
  auto message = [&](auto change) {
    Book book = RandomBook(spec.rows(), 1, {});
    change(book);
    const auto status = ComputeTensor(book.View(), spec, out.data());
    EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status.ToString();
    return status.ok() ? std::string() : status.message();
  };
  EXPECT_THAT(message([](Book& b) { b.ask_px[0][99] = kUndefinedPrice; }),
              testing::HasSubstr("ask_px_00 is null in row 99"));
  EXPECT_THAT(message([](Book& b) { b.bid_px[0][99] = kUndefinedPrice; }),
              testing::HasSubstr("bid_px_00 is null in row 99"));
  EXPECT_THAT(message([](Book& b) { b.bid_sz[4][33] = -1; }), testing::HasSubstr("bid_sz_04 is -1"));
  EXPECT_THAT(message([](Book& b) { b.ask_ct[9][33] = int64_t{1} << 32; }),
              testing::HasSubstr("ask_ct_09 is 4294967296"));
  EXPECT_THAT(message([](Book& b) { b.bid_px[4][33] = INT64_MIN; }), testing::HasSubstr("in row 33"));

  const Book book = RandomBook(spec.rows(), 1, {});
  for (const TensorSpec& bad :
       {TensorSpec{.micro_pip = 0, .time_bins = 10, .ticks_per_bin = 10},
        TensorSpec{.micro_pip = -5, .time_bins = 10, .ticks_per_bin = 10},
        TensorSpec{.micro_pip = 1, .time_bins = 0, .ticks_per_bin = 10},
        TensorSpec{.micro_pip = 1, .time_bins = 10, .ticks_per_bin = 0},
        TensorSpec{.features = 0, .micro_pip = 1, .time_bins = 10, .ticks_per_bin = 10},
        TensorSpec{.features = 8, .micro_pip = 1, .time_bins = 10, .ticks_per_bin = 10}}) {
    EXPECT_TRUE(IsKind(ComputeTensor(book.View(), bad, out.data()), ErrorKind::kInvalidInput));
  }
}

TEST(Features, AreNamedInAnyOrder) {
  EXPECT_EQ(ParseFeatures({"trade_counts", "volume"}).ValueOrDie(), kVolume | kTradeCounts);
  EXPECT_THAT(FeatureNames(kVolume | kTradeCounts), testing::ElementsAre("volume", "trade_counts"));
  EXPECT_THAT(ParseFeatures({"depth"}).status().message(), testing::HasSubstr("'depth'"));
  EXPECT_FALSE(ParseFeatures({}).ok());
  EXPECT_FALSE(ParseFeatures({"volume", "volume"}).ok());
}

TEST(TensorStream, EqualsSingleTensorsInAnyOrder) {
  const TensorSpec spec{.features = kAllFeatures, .micro_pip = 10'000, .time_bins = 65, .ticks_per_bin = 6};
  const Book book = RandomBook(spec.rows() * 4, 31, {.step = 4});
  auto stream = TensorStream::Make(book.View(), spec).ValueOrDie();
  std::vector<int64_t> begins;
  for (int64_t begin = 0; begin + spec.rows() <= book.rows; begin += 17) begins.push_back(begin);
  std::mt19937_64 random(5);
  for (int i = 0; i < 40; ++i)
    begins.push_back(static_cast<int64_t>(random() % (book.rows - spec.rows() + 1)));
  std::vector<float> out(spec.cells());
  for (const int64_t begin : begins) {
    ASSERT_TRUE(stream->Compute(begin, out.data()).ok());
    ASSERT_EQ(out, Tensor(book.View(begin, spec.rows()), spec)) << "begin " << begin;
  }
  for (const int64_t begin : {int64_t{-1}, book.rows - spec.rows() + 1, INT64_MAX}) {
    EXPECT_TRUE(IsKind(stream->Compute(begin, out.data()), ErrorKind::kInvalidInput));
  }
}

// The rows [first, last) of a book, and no others.
struct SomeRows final : BookSource {
  explicit SomeRows(const Book& book) : book(book) {}
  int64_t begin() const override { return first; }
  int64_t end() const override { return last; }
  arrow::Result<BookRows> Read(int64_t begin, int64_t count) override {
    EXPECT_GE(begin, first);
    EXPECT_LE(begin + count, last);
    return book.View(begin, count);
  }
  const Book& book;
  int64_t first = 0, last = 0;
};

TEST(TensorStream, GoesOnWhenRowsComeAndGo) {
  const TensorSpec spec{.micro_pip = 10'000, .time_bins = 65, .ticks_per_bin = 6};
  const Book book = RandomBook(4'000, 32, {});
  const int64_t chunk = 700;
  std::vector<float> out(spec.cells());
  SomeRows rows(book);
  rows.last = chunk;
  auto stream = TensorStream::Make(rows, spec).ValueOrDie();
  for (int64_t begin = 0; begin + spec.rows() <= book.rows; begin += 30) {
    while (begin + spec.rows() > rows.last) {
      // Only what a window can still need of rows is kept.
      rows.first = rows.last - spec.rows();
      rows.last = std::min(book.rows, rows.last + chunk);
    }
    ASSERT_TRUE(stream->Compute(begin, out.data()).ok()) << begin;
    ASSERT_EQ(out, Tensor(book.View(begin, spec.rows()), spec)) << "begin " << begin;
  }
  rows.first = 3'000;
  const auto status = stream->Compute(2'999, out.data());
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput));
  EXPECT_THAT(status.message(),
              testing::HasSubstr("row 2,999 is needed again, but the rows begin at row 3,000"));
}

}  // namespace
}  // namespace marquet::depth
