#include "marquet/depth/labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "marquet/base/error.h"
#include "marquet/depth/micro_pip.h"
#include "marquet/depth/tensor.h"

namespace marquet::depth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Quotes {
  std::vector<int64_t> bid, ask;
};

Quotes RandomQuotes(int64_t rows, uint64_t seed) {
  std::mt19937_64 random(seed);
  Quotes q;
  int64_t mid = 1'000'000'000;
  for (int64_t i = 0; i < rows; ++i) {
    mid += static_cast<int64_t>(random() % 2001) - 1000;
    q.bid.push_back(mid - 5);
    q.ask.push_back(mid + static_cast<int64_t>(random() % 10));
  }
  return q;
}

// The definition, with a loop over each window.
double SlowMove(const Quotes& q, int64_t begin, int64_t end, int64_t s, const LabelSpec& spec) {
  const int64_t n = end - begin;
  if (s - begin < spec.lookback || s - begin >= n - spec.lookforward - spec.offset) return NAN;
  long double back = 0, forward = 0;
  for (int64_t i = s - spec.lookback; i < s; ++i) back += (q.bid[i] + q.ask[i]) / 2.0L;
  for (int64_t i = s + 1 + spec.offset; i < s + 1 + spec.offset + spec.lookforward; ++i) {
    forward += (q.bid[i] + q.ask[i]) / 2.0L;
  }
  back /= spec.lookback;
  forward /= spec.lookforward;
  return static_cast<double>((forward - back) / back);
}

TEST(Moves, EqualThePlainDefinitionAndStayWithinRuns) {
  const LabelSpec spec{.lookback = 7, .lookforward = 11, .offset = 3};
  const Quotes q = RandomQuotes(400, 1);
  const std::vector<int64_t> begins = {0, 100, 115, 300};  // the second run is too short for any label
  const Moves moves = ComputeMoves(q.bid, q.ask, begins, spec).ValueOrDie();
  int64_t none = 0;
  for (int64_t s = 0; s < 400; ++s) {
    const size_t run = std::upper_bound(begins.begin(), begins.end(), s) - begins.begin() - 1;
    const int64_t end = run + 1 < begins.size() ? begins[run + 1] : 400;
    const double expected = SlowMove(q, begins[run], end, s, spec);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(moves.r[s])) << s;
      ++none;
    } else {
      EXPECT_NEAR(moves.r[s], expected, 1e-15) << s;
    }
  }
  EXPECT_EQ(moves.out_of_range, none);
  EXPECT_EQ(moves.invalid_rows, 0);
}

TEST(Moves, TheRowItselfAndTheOffsetLieInNeitherWindow) {
  const LabelSpec spec{.lookback = 4, .lookforward = 4, .offset = 2};
  Quotes q = RandomQuotes(30, 2);
  const auto before = ComputeMoves(q.bid, q.ask, std::vector<int64_t>{0}, spec).ValueOrDie();
  for (const int64_t i : {10, 11, 12}) q.bid[i] += 4, q.ask[i] += 4'000;
  const auto after = ComputeMoves(q.bid, q.ask, std::vector<int64_t>{0}, spec).ValueOrDie();
  EXPECT_EQ(before.r[10], after.r[10]);
  EXPECT_NE(before.r[11], after.r[11]);
}

TEST(Moves, InvalidRowsFollowTheirPolicyAndAreCounted) {
  LabelSpec spec{.lookback = 5, .lookforward = 5, .offset = 0};
  Quotes q = RandomQuotes(40, 3);
  q.bid[20] = kUndefinedPrice;  // one-sided
  q.bid[21] = q.ask[21] + 1;    // crossed
  q.bid[22] = q.ask[22];        // locked: valid
  const std::vector<int64_t> begins = {0};
  const auto null = ComputeMoves(q.bid, q.ask, begins, spec).ValueOrDie();
  EXPECT_EQ(null.invalid_rows, 2);
  for (int64_t s = 5; s < 35; ++s) {
    const bool touched = (s > 20 && s - 5 <= 21) || (s + 1 <= 21 && s + 5 >= 20);
    EXPECT_EQ(std::isnan(null.r[s]), touched) << s;
  }
  EXPECT_EQ(null.invalid_windows + null.out_of_range,
            std::count_if(null.r.begin(), null.r.end(), [](double r) { return std::isnan(r); }));

  spec.invalid = InvalidRows::kSkip;
  const auto skip = ComputeMoves(q.bid, q.ask, begins, spec).ValueOrDie();
  EXPECT_EQ(skip.invalid_windows, 0);
  long double back = 0, forward = 0;
  for (const int i : {18, 19, 22}) back += q.bid[i] + q.ask[i];
  for (int i = 24; i < 29; ++i) forward += q.bid[i] + q.ask[i];
  EXPECT_NEAR(skip.r[23], static_cast<double>((forward / 5 - back / 3) / (back / 3)), 1e-15);

  spec.invalid = InvalidRows::kError;
  const auto error = ComputeMoves(q.bid, q.ask, begins, spec).status();
  EXPECT_TRUE(IsKind(error, ErrorKind::kInvalidInput));
  EXPECT_THAT(error.message(), HasSubstr("row 20 has no price on a side"));
}

TEST(Moves, ABaseOfZeroOrLessGivesNone) {
  const LabelSpec spec{.lookback = 2, .lookforward = 2, .offset = 0};
  const std::vector<int64_t> price = {-5, 5, 3, 3, 3, 3, 3, 3};
  const auto moves = ComputeMoves(price, price, std::vector<int64_t>{0}, spec).ValueOrDie();
  EXPECT_EQ(moves.no_base, 1);
  EXPECT_TRUE(std::isnan(moves.r[2]));
  EXPECT_FALSE(std::isnan(moves.r[3]));
}

TEST(Labels, BoundariesAreExactQuantiles) {
  std::vector<double> r;
  for (int i = 0; i < 27; ++i) r.push_back(i / 100.0);
  r.push_back(NAN);
  const auto fitted = FitLabels(r, {.classes = 3}).ValueOrDie();
  EXPECT_EQ(fitted.rows, 27);
  ASSERT_EQ(fitted.interior.size(), 2u);
  EXPECT_NEAR(fitted.interior[0], 26.0 / 3 / 100, 1e-15);
  EXPECT_NEAR(fitted.interior[1], 52.0 / 3 / 100, 1e-15);
  const auto labels = ApplyLabels(r, {}, {}, fitted).ValueOrDie();
  const auto report = ReportLabels(r, labels, fitted);
  EXPECT_THAT(report.counts, ElementsAre(9, 9, 9));
  EXPECT_EQ(report.unlabelled, 1);
  EXPECT_EQ(labels.back(), -1);
  EXPECT_EQ(report.quality, "excellent");
  EXPECT_EQ(report.outside_fitted, 0);
}

TEST(Labels, ClassesAreClosedOnTheLeftAndClipped) {
  const auto fitted = ThresholdLabels(std::vector<double>{1.0}, {}).ValueOrDie();
  EXPECT_EQ(fitted.spec.classes, 3);
  const std::vector<double> r = {-1, -1e-4, -0.99e-4, 0, 0.99e-4, 1e-4, 5};
  EXPECT_THAT(ApplyLabels(r, {}, {}, fitted).ValueOrDie(), ElementsAre(0, 1, 1, 1, 1, 2, 2));
  EXPECT_EQ(ThresholdLabels(DefaultThresholds(), {}).ValueOrDie().spec.classes, 13);
  EXPECT_FALSE(ThresholdLabels(std::vector<double>{2.0, 1.0}, {}).ok());
}

TEST(Labels, RefuseConstantMovesAndTooFew) {
  const std::vector<double> constant(100, 0.5);
  EXPECT_THAT(FitLabels(constant, {}).status().message(), HasSubstr("all 100 price moves are 0.5"));
  const std::vector<double> few = {1, 2, NAN};
  EXPECT_THAT(FitLabels(few, {}).status().message(), HasSubstr("2 of 3 rows"));
  EXPECT_THAT(FitLabels(constant, {.classes = 4}).status().message(), HasSubstr("3, 5, 7, 9 or 13"));
}

TEST(Labels, CoincidingBoundariesAreReportedAndRanksShareTheirValue) {
  std::vector<double> r(600, 0.0);  // two thirds are one value
  std::vector<int64_t> times, sequences;
  for (int i = 0; i < 300; ++i) r.push_back((i - 150) * 1e-6);
  for (size_t i = 0; i < r.size(); ++i) {
    times.push_back(static_cast<int64_t>(i) * 1000);
    sequences.push_back(static_cast<int64_t>(i));
  }
  LabelSpec spec{.classes = 9, .seed = 4};
  const auto plain = FitLabels(r, spec).ValueOrDie();
  const auto plain_report = ReportLabels(r, ApplyLabels(r, {}, {}, plain).ValueOrDie(), plain);
  EXPECT_FALSE(plain_report.coinciding.empty());
  EXPECT_EQ(plain_report.quality, "uneven");

  spec.ties = Ties::kRank;
  const auto rank = FitLabels(r, spec).ValueOrDie();
  ASSERT_EQ(rank.shared.size(), 1u);
  EXPECT_EQ(rank.interior, plain.interior);
  const auto labels = ApplyLabels(r, times, sequences, rank).ValueOrDie();
  EXPECT_LT(ReportLabels(r, labels, rank).largest_deviation, 3);
  EXPECT_EQ(labels, ApplyLabels(r, times, sequences, rank).ValueOrDie());  // seeded, hence repeatable
  EXPECT_FALSE(ApplyLabels(r, {}, {}, rank).ok());
}

TEST(Labels, RankEqualsTheDefaultWithoutTies) {
  std::mt19937_64 random(9);
  for (const int classes : {3, 5, 7, 9, 13}) {
    for (const int n : {13, 14, 100, 1001}) {
      std::vector<double> r;
      for (int i = 0; i < n; ++i) r.push_back(i * 0.001 + static_cast<double>(random() % 1000) * 1e-7);
      std::shuffle(r.begin(), r.end(), random);
      const auto plain = FitLabels(r, {.classes = classes}).ValueOrDie();
      const auto rank = FitLabels(r, {.classes = classes, .ties = Ties::kRank}).ValueOrDie();
      EXPECT_TRUE(rank.shared.empty());
      EXPECT_EQ(ApplyLabels(r, {}, {}, plain).ValueOrDie(), ApplyLabels(r, {}, {}, rank).ValueOrDie());
    }
  }
}

TEST(Labels, ValuesOutsideTheFittedRangeAreCounted) {
  std::vector<double> r;
  for (int i = 0; i < 30; ++i) r.push_back(i);
  const auto fitted = FitLabels(r, {.classes = 3}).ValueOrDie();
  const std::vector<double> other = {-1, 0, 29, 30, 31};
  const auto labels = ApplyLabels(other, {}, {}, fitted).ValueOrDie();
  EXPECT_THAT(labels, ElementsAre(0, 0, 2, 2, 2));
  EXPECT_EQ(ReportLabels(other, labels, fitted).outside_fitted, 3);
}

TEST(Labels, AFitUpToATimeLooksAtNoPriceFromThenOn) {
  constexpr uint64_t kSeed = 20240311;
  std::mt19937_64 random(kSeed);
  const LabelSpec spec{.lookback = 7, .lookforward = 11, .offset = 3, .classes = 3};
  for (int round = 0; round < 20; ++round) {
    const Quotes q = RandomQuotes(300, kSeed + round);
    std::vector<int64_t> times;  // mostly ascending
    for (int64_t i = 0; i < 300; ++i) times.push_back(100 * i + static_cast<int64_t>(random() % 300));
    const std::vector<int64_t> begins = {0, 120};
    const int64_t start = times[random() % 60], end = times[200 + random() % 60];
    const auto moves = ComputeMoves(q.bid, q.ask, begins, spec).ValueOrDie();
    const auto fitted = FitLabelsInRange(moves.r, times, start, end, spec).ValueOrDie();
    std::vector<double> chosen;
    int64_t last = 0;
    for (int64_t s = 0; s < 300; ++s) {
      if (std::isnan(moves.r[s]) || times[s] < start) continue;
      const int64_t latest = *std::max_element(times.begin() + s - 7, times.begin() + s + 15);
      if (latest >= end) continue;
      chosen.push_back(moves.r[s]);
      last = std::max(last, latest);
    }
    const auto expected = FitLabels(chosen, spec).ValueOrDie();
    EXPECT_EQ(fitted.interior, expected.interior) << "seed " << kSeed << " + " << round;
    EXPECT_EQ(fitted.rows, expected.rows);
    EXPECT_EQ(fitted.prices_end_ns, last);
    EXPECT_EQ(fitted.seen_until_ns(), last);
  }
}

// Samples name their labels by the digest of this text.
TEST(Labels, StoredBeforeRollsWereLookedForKeepTheirText) {
  const std::vector<double> r = {0.1, 0.2, 0.3, 0.4};
  FittedLabels fitted = FitLabels(r, {.classes = 3}).ValueOrDie();
  fitted.fit_end_ns = 12;
  EXPECT_THAT(ToJson(fitted), HasSubstr("\"across_rolls\": false"));
  fitted.spec.across_rolls.reset();
  const std::string text = ToJson(fitted);
  EXPECT_THAT(text, testing::Not(HasSubstr("across_rolls")));
  EXPECT_THAT(text, testing::Not(HasSubstr("prices_end_ns")));
  const auto read = FittedLabelsFromJson(text).ValueOrDie();
  EXPECT_EQ(read.spec.across_rolls, std::nullopt);
  EXPECT_EQ(read.prices_end_ns, std::nullopt);
  EXPECT_EQ(read.seen_until_ns(), 12);
  EXPECT_EQ(ToJson(read), text);
}

TEST(Labels, SurviveJsonExactly) {
  std::vector<double> r(50, 1.0 / 3);
  for (int i = 0; i < 50; ++i) r.push_back(std::sin(i));
  auto fitted = FitLabels(r, {.lookback = 3, .classes = 7, .ties = Ties::kRank, .seed = 77}).ValueOrDie();
  fitted.fit_start_ns = 1'700'000'000'123'456'789;
  fitted.data_version = "book@3";
  const auto back = FittedLabelsFromJson(ToJson(fitted)).ValueOrDie();
  EXPECT_EQ(back.interior, fitted.interior);
  EXPECT_EQ(back.fit_start_ns, fitted.fit_start_ns);
  EXPECT_EQ(ToJson(back), ToJson(fitted));
  const auto thresholds = ThresholdLabels(DefaultThresholds(), {}).ValueOrDie();
  EXPECT_EQ(FittedLabelsFromJson(ToJson(thresholds)).ValueOrDie().high, thresholds.high);
  for (const char* bad : {"", "{}", "[]", "{\"format\": \"marquet-labels-1\"}"}) {
    EXPECT_TRUE(IsKind(FittedLabelsFromJson(bad).status(), ErrorKind::kCorruptData)) << bad;
  }
}

TEST(Labels, NumbersOfJsonAreTakenAsTheyAreOrRefused) {
  std::vector<double> r(50, 1.0 / 3);
  for (int i = 0; i < 50; ++i) r.push_back(std::sin(i));
  auto fitted = FitLabels(r, {.lookback = 3, .classes = 3, .ties = Ties::kRank, .seed = 77}).ValueOrDie();
  fitted.prices_end_ns = 17;
  ASSERT_FALSE(fitted.shared.empty());
  const std::string text = ToJson(fitted);
  ASSERT_TRUE(FittedLabelsFromJson(text).ok());
  const auto refused = [&](const std::string& name, const std::string& value) {
    const size_t at = text.find('"' + name + "\": ");
    ASSERT_NE(at, text.npos) << name;
    const size_t begin = at + name.size() + 4;
    const std::string changed =
        std::string(text).replace(begin, text.find_first_of(",\n", begin) - begin, value);
    const auto status = FittedLabelsFromJson(changed).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << name << " " << value << ": " << status;
    EXPECT_THAT(status.message(), HasSubstr("'" + name + "' is " + value + "; expected ")) << status;
  };
  for (const char* name : {"classes", "first_class"}) refused(name, "4294967299");
  for (const char* name : {"classes", "first_class", "lookback", "lookforward", "offset", "seed", "rows",
                           "fit_start_ns", "fit_end_ns", "prices_end_ns"}) {
    for (const char* value : {"1.5", "3.0", "1e+300", "true", "null", "\"3\"", "18446744073709551616"}) {
      // What no integer of 64 bits holds is read, and told, as a float.
      refused(name, value == std::string_view("18446744073709551616") ? "1.8446744073709552e+19" : value);
    }
    if (name != std::string_view("seed")) refused(name, "18446744073709551615");
  }
  refused("seed", "-1");
  for (const char* name : {"low", "high", "value"}) refused(name, "true");
  for (const char* name : {"across_rolls", "thresholds"}) refused(name, "1");
  for (const char* name : {"invalid", "ties", "data_version"}) refused(name, "1");
}

TEST(MicroPip, IsKnownForCurrencyPairsAndReadExactly) {
  EXPECT_EQ(MicroPipOfPair("EURUSD"), 10'000);
  EXPECT_EQ(MicroPipOfPair("GBP/USD"), 10'000);
  EXPECT_EQ(MicroPipOfPair("USDJPY"), 1'000'000);
  EXPECT_EQ(MicroPipOfPair("ESH4"), std::nullopt);
  EXPECT_EQ(MicroPipOfPair("EURGBP"), std::nullopt);
  EXPECT_EQ(MicroPipOfPair("XXXUSD"), std::nullopt);
  EXPECT_EQ(ParseMicroPip("0.00001").ValueOrDie(), 10'000);
  EXPECT_EQ(ParseMicroPip("1e-05").ValueOrDie(), 10'000);
  EXPECT_EQ(ParseMicroPip("0.25").ValueOrDie(), 250'000'000);
  EXPECT_EQ(ParseMicroPip("1E+1").ValueOrDie(), 10'000'000'000);
  for (const char* bad : {"", "0", "-1", "1e-10", "abc", "1e", "0.0000000015", "1e30", "nan", "1 "}) {
    EXPECT_TRUE(IsKind(ParseMicroPip(bad).status(), ErrorKind::kInvalidInput)) << bad;
  }
}

}  // namespace
TEST(MicroPip, TextIsReadBackAsItIs) {
  for (const int64_t value : {int64_t{1}, int64_t{10'000}, int64_t{250'000'000}, int64_t{1'000'000'000},
                              int64_t{100'000'000'000}, int64_t{1'500'000'001}}) {
    EXPECT_EQ(ParseMicroPip(MicroPipText(value)).ValueOrDie(), value);
  }
  EXPECT_EQ(MicroPipText(250'000'000), "0.25");
  EXPECT_EQ(MicroPipText(100'000'000'000), "100");
}

TEST(MicroPip, StepOfPricesIsTheLargestThatFits) {
  EXPECT_EQ(StepOfPrices({}), 0);
  EXPECT_EQ(StepOfPrices(std::vector<int64_t>{7, 7, kUndefinedPrice, 7}), 0);
  EXPECT_EQ(StepOfPrices(std::vector<int64_t>{kUndefinedPrice, 100, 175, 25}), 75);
  EXPECT_EQ(StepOfPrices(std::vector<int64_t>{100, 175, 25, 50}), 25);
  EXPECT_EQ(StepOfPrices(std::vector<int64_t>{-30, 0, 45}), 15);
  EXPECT_EQ(StepOfPrices(std::vector<int64_t>{3, 4, 1'000'000}), 1);
}

}  // namespace marquet::depth
