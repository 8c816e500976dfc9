#include "marquet/ledger/range_search.h"

#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marquet::ledger {
namespace {

using Ends = std::pair<int64_t, int64_t>;

std::vector<int> Met(const RangeSearch<int>& search, int64_t first, int64_t last) {
  std::vector<int> found;
  search.ForEachMeeting(first, last, [&](int value) { found.push_back(value); });
  return found;
}

TEST(RangeSearchTest, FindsWhatComparingAllFinds) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 50; ++round) {
    RangeSearch<int> search;
    std::vector<Ends> ranges;
    const auto any_range = [&] {
      const int64_t first = static_cast<int64_t>(random() % 2'000) - 1'000;
      const int64_t length = static_cast<int64_t>(random() % (uint64_t{1} << random() % 12));
      return Ends(first, first + length);
    };
    for (int i = 0; i < 100; ++i) {
      ranges.push_back(any_range());
      search.Add(ranges.back().first, ranges.back().second, i);
    }
    for (int i = 0; i < 100; i += 3) search.Remove(ranges[i].first, ranges[i].second, i);
    for (int query = 0; query < 20; ++query) {
      const auto [first, last] = any_range();
      std::vector<int> expected;
      for (int i = 0; i < 100; ++i) {
        if (i % 3 != 0 && ranges[i].first <= last && first <= ranges[i].second) expected.push_back(i);
      }
      EXPECT_THAT(Met(search, first, last), testing::UnorderedElementsAreArray(expected))
          << "round " << round << ", " << first << " to " << last;
    }
  }
}

TEST(RangeSearchTest, RangesAtTheEndsOfInt64) {
  RangeSearch<int> search;
  search.Add(INT64_MIN, INT64_MAX, 1);
  search.Add(INT64_MIN, INT64_MIN, 2);
  search.Add(INT64_MAX, INT64_MAX, 3);
  search.Add(INT64_MIN, -1, 4);
  search.Add(0, INT64_MAX, 5);
  EXPECT_THAT(Met(search, INT64_MIN, INT64_MIN), testing::UnorderedElementsAre(1, 2, 4));
  EXPECT_THAT(Met(search, INT64_MAX, INT64_MAX), testing::UnorderedElementsAre(1, 3, 5));
  EXPECT_THAT(Met(search, -1, 0), testing::UnorderedElementsAre(1, 4, 5));
  EXPECT_THAT(Met(search, INT64_MIN, INT64_MAX), testing::UnorderedElementsAre(1, 2, 3, 4, 5));
}

}  // namespace
}  // namespace marquet::ledger
