#include "marquet/dbn/symbols.h"

#include <gtest/gtest.h>

#include <random>

#include "fmt/format.h"

namespace marquet::dbn {
namespace {

constexpr uint64_t kDay = 86'400'000'000'000;
constexpr uint64_t kNever = UINT64_MAX;

Metadata HeaderOf(std::vector<SymbolMapping> mappings) {
  Metadata metadata;
  metadata.stype_in = 1;
  metadata.mappings = std::move(mappings);
  return metadata;
}

std::string At(const SymbolIndex& index, uint32_t instrument_id, int32_t date) {
  const int32_t number = index.Resolve(instrument_id, date);
  return number == SymbolIndex::kUnmapped ? "-" : index.symbol(number);
}

TEST(SymbolIndex, TheIntervalThatStartsLastHolds) {
  SymbolIndex index;
  index.AddHeader(HeaderOf({{"B", {{13, 15, "7"}}}, {"A", {{11, 20, "7"}}}, {"C", {{11, 12, "7"}}}}));
  std::string found;
  for (int32_t date = 10; date < 21; ++date) found += At(index, 7, date);
  EXPECT_EQ(found, "-CABBAAAAA-");
}

// The whole of a random header against a look at every interval.
TEST(SymbolIndex, AgreesWithALookAtEveryInterval) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](int limit) { return static_cast<int32_t>(random() % limit); };
    std::vector<SymbolMapping> mappings(1 + below(6));
    for (size_t i = 0; i < mappings.size(); ++i) {
      mappings[i].raw_symbol = fmt::format("S{}", i);
      for (int n = below(6); n > 0; --n) {
        const int32_t start = below(20);
        mappings[i].intervals.push_back({start, start + below(8), std::to_string(below(3))});
      }
    }
    SymbolIndex index;
    index.AddHeader(HeaderOf(mappings));
    for (uint32_t id = 0; id < 4; ++id) {
      for (int32_t date = -1; date < 30; ++date) {
        std::string expected = "-";
        int32_t start = -1;
        for (const SymbolMapping& mapping : mappings) {
          for (const MappingInterval& interval : mapping.intervals) {
            if (interval.symbol != std::to_string(id)) continue;
            if (date < interval.start_date || date >= interval.end_date) continue;
            if (interval.start_date < start) continue;
            start = interval.start_date;
            expected = mapping.raw_symbol;
          }
        }
        ASSERT_EQ(At(index, id, date), expected) << "seed " << seed << ", id " << id << ", date " << date;
      }
    }
  }
}

TEST(SymbolIndex, TheHeaderGoesBeforeWhatLiesBesideIt) {
  SymbolIndex index;
  index.AddBeside({{"NQH4", {{10, 14, "7"}}}, {"YMH4", {{10, 14, "8"}}}, {"NQH4", {{10, 12, "9"}}}});
  index.AddHeader(HeaderOf({{"ESH4", {{11, 12, "7"}}}, {"NQH4", {{10, 11, "7"}, {10, 12, "9"}}}}));
  EXPECT_EQ(At(index, 7, 10), "NQH4");
  EXPECT_EQ(At(index, 7, 11), "ESH4");
  EXPECT_EQ(At(index, 7, 12), "NQH4");
  EXPECT_EQ(At(index, 8, 13), "YMH4");
  const auto conflict = index.Conflict();
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->instruments, 1);
  EXPECT_EQ(conflict->instrument_id, 7u);
  EXPECT_EQ(conflict->date, 11);
  EXPECT_EQ(conflict->header, "ESH4");
  EXPECT_EQ(conflict->beside, "NQH4");
}

TEST(SymbolIndex, NoConflictWhereBothAgreeOrDoNotMeet) {
  SymbolIndex index;
  index.AddHeader(HeaderOf({{"A", {{10, 12, "7"}}}, {"B", {{12, 20, "7"}}}}));
  index.AddBeside({{"A", {{10, 12, "7"}}}, {"B", {{13, 14, "7"}}}, {"C", {{8, 10, "7"}, {20, 21, "7"}}}});
  EXPECT_FALSE(index.Conflict());
}

TEST(SymbolIndex, TextInAnIdsPlaceIsCounted) {
  SymbolIndex index;
  index.AddHeader(
      HeaderOf({{"A", {{10, 12, "ESH4"}, {12, 13, ""}, {13, 14, "-1"}, {14, 15, "4294967296"}}}}));
  EXPECT_EQ(index.unread_ids().count, 3);
  EXPECT_EQ(index.unread_ids().first, "ESH4");
}

TEST(SymbolIndex, LiveMappingsHoldOnTheirDates) {
  SymbolIndex index;
  index.AddLive({7, "ES.c.0", "ESH4", 10 * kDay, 12 * kDay});
  index.AddLive({7, "ES.c.0", "ESM4", 12 * kDay, kNever});
  index.AddLive({8, "NQ.c.0", "NQH4", kNever, 12 * kDay + 1});
  index.AddLive({9, "YMH4", "9", kNever, kNever});              // but the id: what was asked for says more
  index.AddLive({10, "5", "", kNever, kNever});                 // nothing came out of it
  index.AddLive({11, "A", "B", 10 * kDay + 5, 10 * kDay + 6});  // a part of a day
  index.AddLive({12, "A", "B", 0, 0});                          // tells no dates
  EXPECT_EQ(At(index, 7, 9), "-");
  EXPECT_EQ(At(index, 7, 11), "ESH4");
  EXPECT_EQ(At(index, 7, 12), "ESM4");
  EXPECT_EQ(At(index, 8, -5), "NQH4");
  EXPECT_EQ(At(index, 8, 12), "-");
  EXPECT_EQ(At(index, 9, 1), "YMH4");
  EXPECT_EQ(At(index, 10, 1), "-");
  EXPECT_EQ(At(index, 11, 10), "B");
  EXPECT_EQ(At(index, 11, 11), "-");
  EXPECT_EQ(At(index, 12, 1), "B");
}

TEST(SymbolIndex, ALaterLiveMappingTakesThePlaceOfAnEarlierOne) {
  SymbolIndex index;
  index.AddHeader(HeaderOf({{"OLD", {{10, 20, "7"}}}}));
  EXPECT_EQ(At(index, 7, 11), "OLD");
  index.AddLive({7, "A", "ESH4", kNever, kNever});
  EXPECT_EQ(At(index, 7, 11), "ESH4");
  index.AddLive({7, "A", "ESM4", 11 * kDay, 12 * kDay});
  EXPECT_EQ(At(index, 7, 10), "ESH4");
  EXPECT_EQ(At(index, 7, 11), "ESM4");
}

}  // namespace
}  // namespace marquet::dbn
