#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "marquet/dbn/test_records.h"

namespace marquet::dbn {
namespace {

using ::testing::ElementsAre;

std::vector<int64_t> PlacesOf(const ReadAll& all, RecordKind kind = RecordKind::kTrades) {
  std::vector<int64_t> places;
  for (const Batch& batch : all.batches) {
    if (batch.kind != kind) continue;
    const auto& rows = static_cast<const arrow::Int64Array&>(*batch.rows->GetColumnByName("source_row"));
    places.insert(places.end(), rows.raw_values(), rows.raw_values() + rows.length());
  }
  return places;
}

std::string Symbols() {
  Metadata metadata = TestMetadata();
  metadata.mappings = {{"ESH4", {{kNoonDate, kNoonDate + 1, "7"}}},
                       {"ESM4", {{kNoonDate, kNoonDate + 1, "8"}}},
                       {"NQH4", {{kNoonDate, kNoonDate + 1, "9"}}}};
  return Header(metadata);
}

TEST(RecordFilterTest, TakesSymbolsAndTimesAndCountsTheOthers) {
  const std::string bytes = Symbols() + Trade(7, kNoon) + Trade(8, kNoon + 1) + Trade(9, kNoon + 2) +
                            Trade(7, kNoon + 3) + Trade(5, kNoon + 4);
  ReadOptions options;
  options.selection = {{"ES*", "XX"}, kNoon + 1, kNoon + 4};
  const auto all = Read(bytes, options);
  ASSERT_TRUE(all.status.ok()) << all.status;
  EXPECT_THAT(PlacesOf(all), ElementsAre(1, 3));
  EXPECT_EQ(all.summary.records, 5);
  EXPECT_EQ(all.summary.selection.not_selected, 3);
  EXPECT_EQ(all.summary.selection.matched.at(RecordKind::kTrades), 2);
  EXPECT_THAT(all.summary.selection.pattern_matched, ElementsAre(true, false));
  EXPECT_EQ(all.summary.unmapped_rows, 0);  // of rows alone
}

TEST(RecordFilterTest, AnUndefinedReceiveTimeGivesWayToThatOfTheEvent) {
  std::string late = Trade(7, kNoon + 5);  // whose event was then, too
  Put<uint64_t>(late, 32, UINT64_MAX);
  std::string never = late;
  Put<uint64_t>(never, 8, UINT64_MAX);
  ReadOptions options;
  options.selection.start_ns = kNoon + 5;
  EXPECT_THAT(PlacesOf(Read(Symbols() + Trade(7, kNoon) + late + never, options)), ElementsAre(1));
}

TEST(RecordFilterTest, WhatIsHeldOfAKindDoesNotComeAgain) {
  std::string bar = Record(56, 0x20, 7, kNoon);
  const std::string bytes =
      Symbols() + Trade(7, kNoon) + Trade(8, kNoon + 1) + bar + Trade(9, kNoon + 2) + Trade(7, kNoon + 3);
  ReadOptions options;
  options.selection.end_ns = kNoon + 3;
  options.held[RecordKind::kTrades] = {{{"ESH4"}, {}, {}}, {{}, kNoon + 2, {}}};
  const auto all = Read(bytes, options);
  ASSERT_TRUE(all.status.ok()) << all.status;
  EXPECT_THAT(PlacesOf(all), ElementsAre(1));
  EXPECT_THAT(PlacesOf(all, RecordKind::kOhlcv), ElementsAre(2));
  const SelectionCounts& counts = all.summary.selection;
  EXPECT_EQ(counts.matched.at(RecordKind::kTrades), 3);
  EXPECT_EQ(counts.held, 2);
  EXPECT_EQ(counts.not_selected, 3);
  EXPECT_THAT(counts.held_matched.at(RecordKind::kTrades), ElementsAre(2, 2));
}

TEST(RecordFilterTest, WhatIsNotSelectedNeedNotFitItsColumns) {
  std::string wrong = Trade(8, kNoon);
  Put<uint64_t>(wrong, 8, uint64_t{1} << 63);  // ts_event, beyond int64
  ReadOptions options;
  EXPECT_FALSE(Read(Symbols() + Trade() + wrong, options).status.ok());
  options.selection.symbols = {"ESH4"};
  const auto all = Read(Symbols() + Trade() + wrong, options);
  EXPECT_TRUE(all.status.ok()) << all.status;
  EXPECT_THAT(PlacesOf(all), ElementsAre(0));
}

TEST(RecordFilterTest, ASymbolThatChangesWithinALiveSessionIsTheOneOfTheRecordsPlace) {
  std::string mapping = Record(176, 0x16, 9);
  mapping.replace(89, 4, "ESZ9");
  ReadOptions options;
  options.selection.symbols = {"ESZ9"};
  const auto all = Read(Symbols() + Trade(9) + mapping + Trade(9) + Trade(7), options);
  ASSERT_TRUE(all.status.ok()) << all.status;
  EXPECT_THAT(PlacesOf(all), ElementsAre(2));
  EXPECT_EQ(all.summary.control_records, 1);
  EXPECT_EQ(all.summary.selection.not_selected, 2);
}

}  // namespace
}  // namespace marquet::dbn
