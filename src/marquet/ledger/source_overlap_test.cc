#include "marquet/ledger/source_overlap.h"

#include <random>

#include <gtest/gtest.h>

namespace marquet::ledger {
namespace {

SourceRange RangeOf(std::optional<int32_t> publisher, std::optional<int32_t> rtype, int64_t first,
                    int64_t last) {
  SourceRange range;
  range.publisher = publisher;
  range.rtype = rtype;
  range.first_ns = first;
  range.last_ns = last;
  return range;
}

// Every range against every other.
std::vector<RangeOverlap> Compared(const SourceDescription& ours, const SourceDescription& theirs) {
  std::vector<RangeOverlap> overlaps;
  for (const auto& [key, of_key] : ours.ranges) {
    const auto there = theirs.ranges.find(key);
    if (there == theirs.ranges.end()) continue;
    for (const SourceRange& range : of_key) {
      for (const SourceRange& other : there->second) {
        if (MeetingOf(range, other, ours.kind) == Meeting::kOverlap) overlaps.push_back({key, range, other});
      }
    }
  }
  return overlaps;
}

TEST(SourceOverlapTest, FindsWhatComparingAllRangesFinds) {
  std::mt19937 random(17);
  for (int round = 0; round < 200; ++round) {
    const auto made = [&] {
      SourceDescription source;
      source.kind = dbn::RecordKind::kTrades;
      for (size_t i = 0; i < random() % 60; ++i) {
        const auto first = static_cast<int64_t>(random() % 300);
        std::optional<int32_t> publisher, rtype;
        if (random() % 5 != 0) publisher = static_cast<int32_t>(random() % 3);
        if (random() % 5 != 0) rtype = static_cast<int32_t>(random() % 2);
        auto range = RangeOf(publisher, rtype, first, first + static_cast<int64_t>(random() % 20));
        if (random() % 10 == 0) range = RangeOf(publisher, rtype, INT64_MAX, INT64_MIN);  // without times
        if (random() % 3 == 0) range.instrument = static_cast<int64_t>(random() % 3);
        source.ranges[{random() % 2 ? "ESH4" : "NQH4", "2024-01-02"}].push_back(range);
      }
      return source;
    };
    const SourceDescription ours = made(), theirs = made();
    const auto found = OverlapsOf(ours, theirs, Intent::kAppend), expected = Compared(ours, theirs);
    ASSERT_EQ(found.size(), expected.size()) << "round " << round;
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].where, expected[i].where);
      EXPECT_EQ(found[i].ours.first_ns, expected[i].ours.first_ns);
      EXPECT_EQ(found[i].theirs.first_ns, expected[i].theirs.first_ns);
      EXPECT_EQ(found[i].theirs.publisher, expected[i].theirs.publisher);
      EXPECT_EQ(found[i].theirs.instrument, expected[i].theirs.instrument);
    }
  }
}

// Each with each would be ten thousand million.
TEST(SourceOverlapTest, ManyRangesOfOneDay) {
  SourceDescription ours, theirs;
  constexpr int64_t kRanges = 100'000;
  for (int64_t i = 0; i < kRanges; ++i) {
    ours.ranges[{"ESH4", "2024-01-02"}].push_back(RangeOf(1, 10, i * 100, i * 100 + 40));
    theirs.ranges[{"ESH4", "2024-01-02"}].push_back(RangeOf(1, 10, i * 100 + 50, i * 100 + 90));
  }
  EXPECT_TRUE(OverlapsOf(ours, theirs, Intent::kAppend).empty());
  theirs.ranges[{"ESH4", "2024-01-02"}].push_back(RangeOf(1, 10, 500, 740));
  EXPECT_EQ(OverlapsOf(ours, theirs, Intent::kAppend).size(), 3u);
}

// All at one time, as the instruments of a feed without mappings are.
TEST(SourceOverlapTest, ManyInstrumentsWithoutASymbol) {
  SourceDescription ours, theirs;
  constexpr int64_t kInstruments = 50'000;
  const RangeKey key(std::nullopt, "2024-01-02");
  for (int64_t i = 0; i < 2 * kInstruments; ++i) {
    auto& ranges = (i % 2 == 0 ? ours : theirs).ranges[key];
    ranges.push_back(RangeOf(1, 10, 0, 100));
    ranges.back().instrument = i;
  }
  EXPECT_TRUE(OverlapsOf(ours, theirs, Intent::kAppend).empty());
  theirs.ranges[key].front().instrument = 4;
  EXPECT_EQ(OverlapsOf(ours, theirs, Intent::kAppend).size(), 1u);
  theirs.ranges[key].front().instrument.reset();  // as early versions described them: it may be any
  EXPECT_EQ(OverlapsOf(ours, theirs, Intent::kAppend).size(), static_cast<size_t>(kInstruments));
}

}  // namespace
}  // namespace marquet::ledger
