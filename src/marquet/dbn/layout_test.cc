#include "marquet/dbn/layout.h"

#include <gtest/gtest.h>

#include <set>

#include "arrow/api.h"

namespace marquet::dbn {
namespace {

// Every byte of a record belongs to exactly one field, reserved range or the length byte: the round trip can
// lose nothing.
TEST(Layout, EveryByteOfEveryRecordIsCarriedOnce) {
  for (int k = 0; k < kKinds; ++k) {
    const KindLayout& layout = LayoutOf(static_cast<RecordKind>(k));
    EXPECT_EQ(static_cast<int>(layout.kind), k);
    for (int version = 1; version <= kVersions; ++version) {
      std::vector<int> carried(layout.sizes[version - 1], 0);
      ++carried[0];  // the length
      for (const Column& column : layout.columns) {
        const Place& place = column.in(version);
        if (place.offset < 0) continue;
        const int bytes = place.wire == Wire::kText ? place.size : WireBytes(place.wire);
        for (int i = 0; i < bytes; ++i) ++carried.at(place.offset + i);
      }
      for (const ByteRange& range : layout.reserved[version - 1]) {
        for (int i = 0; i < range.size; ++i) ++carried.at(range.offset + i);
      }
      for (size_t i = 0; i < carried.size(); ++i) {
        EXPECT_EQ(carried[i], 1) << KindName(layout.kind) << " version " << version << " byte " << i;
      }
    }
  }
}

TEST(Layout, RecordSizesAreThoseOfTheFormat) {
  auto size = [](RecordKind kind, int version) { return LayoutOf(kind).sizes[version - 1]; };
  EXPECT_EQ(size(RecordKind::kTrades, 3), 48);
  EXPECT_EQ(size(RecordKind::kMbo, 1), 56);
  EXPECT_EQ(size(RecordKind::kOhlcv, 2), 56);
  EXPECT_EQ(size(RecordKind::kMbp1, 3), 80);
  EXPECT_EQ(size(RecordKind::kMbp10, 3), 368);
  EXPECT_EQ(size(RecordKind::kStatus, 3), 40);
  EXPECT_EQ(size(RecordKind::kImbalance, 3), 112);
  EXPECT_EQ(size(RecordKind::kDefinition, 1), 360);
  EXPECT_EQ(size(RecordKind::kDefinition, 2), 400);
  EXPECT_EQ(size(RecordKind::kDefinition, 3), 520);
  EXPECT_EQ(size(RecordKind::kStatistics, 2), 64);
  EXPECT_EQ(size(RecordKind::kStatistics, 3), 80);
}

TEST(Layout, Mbp10ColumnsAreThoseOfDatabentosFrames) {
  const auto names = TableSchema(RecordKind::kMbp10)->field_names();
  const std::vector<std::string> first(names.begin(), names.begin() + 15);
  EXPECT_EQ(first, (std::vector<std::string>{"ts_recv", "ts_event", "rtype", "publisher_id", "instrument_id",
                                             "action", "side", "depth", "price", "size", "flags",
                                             "ts_in_delta", "sequence", "bid_px_00", "ask_px_00"}));
  const std::vector<std::string> last(names.end() - 6, names.end());
  EXPECT_EQ(last, (std::vector<std::string>{"bid_ct_09", "ask_ct_09", "symbol", "ts", "date", "source_row"}));
  EXPECT_EQ(names.size(), 13u + 60u + 4u);
}

TEST(Layout, SchemaSaysUnits) {
  const auto schema = TableSchema(RecordKind::kMbo, true);
  EXPECT_EQ(schema->GetFieldByName("ts_recv")->metadata()->Get("unit").ValueOrDie(), "ns");
  EXPECT_EQ(schema->GetFieldByName("ts_out")->metadata()->Get("unit").ValueOrDie(), "ns");
  EXPECT_EQ(schema->GetFieldByName("price")->metadata()->Get("unit").ValueOrDie(), "1e-9");
  EXPECT_TRUE(schema->GetFieldByName("ts")->type()->Equals(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")));
  EXPECT_TRUE(schema->GetFieldByName("order_id")->type()->Equals(arrow::int64()));
}

TEST(Layout, KindNamesGoBothWays) {
  std::set<std::string_view> names;
  for (int k = 0; k < kKinds; ++k) {
    const auto kind = static_cast<RecordKind>(k);
    EXPECT_EQ(KindFromName(KindName(kind)).ValueOrDie(), kind);
    names.insert(KindName(kind));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kKinds));
  EXPECT_FALSE(KindFromName("mbp-2").ok());
}

}  // namespace
}  // namespace marquet::dbn
