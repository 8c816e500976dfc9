#include "marquet/pipeline/source_description.h"

#include <gtest/gtest.h>

#include "marquet/base/error.h"
#include "marquet/file/memory_file_system.h"

namespace marquet::pipeline {
namespace {

SourceDescription Sample() {
  SourceDescription description;
  description.digest = std::string(32, 'a');
  description.id = SourceId(description.digest, 3);
  description.name = "d\xFFy.dbn";
  description.bytes = 123;
  description.kind = dbn::RecordKind::kTrades;
  description.rows = 2;
  dbn::ReadSummary& summary = description.summary;
  summary.records = 4;
  summary.rows[dbn::RecordKind::kTrades] = 2;
  summary.control_records = 1;
  summary.unknown_records = 1;
  summary.unknown_by_rtype[0xEE] = 1;
  summary.has_metadata = true;
  summary.metadata.dataset = "GLBX.MDP3";
  summary.metadata.end = UINT64_MAX;
  summary.metadata.symbols = {"ESH4"};
  summary.metadata.mappings = {{"ESH4", {{19724, 19725, "7"}}}};
  summary.kept_records = {{2, std::string("\0\x01\xFE", 3)}};
  description.ranges[{"ESH4", "2024-01-02"}] = {5, 9, 1};
  description.ranges[{std::nullopt, std::nullopt}] = {INT64_MAX, INT64_MIN, 1};
  return description;
}

TEST(SourceDescriptionTest, ComesBackAsItWas) {
  const SourceDescription before = Sample();
  const auto after = SourceDescriptionFromJson(ToJson(before), "p").ValueOrDie();
  EXPECT_EQ(after.id, std::string(32, 'a') + ".2");
  EXPECT_EQ(after.name, before.name);
  EXPECT_EQ(after.summary.metadata.end, before.summary.metadata.end);
  EXPECT_EQ(after.summary.metadata.schema, std::nullopt);
  EXPECT_EQ(after.summary.kept_records.at(0).bytes, before.summary.kept_records.at(0).bytes);
  EXPECT_EQ(after.ranges.size(), 2u);
  EXPECT_EQ(ToJson(after), ToJson(before));
}

TEST(SourceDescriptionTest, IsFoundWhereItWasPut) {
  const auto fs = std::make_shared<file::MemoryFileSystem>();
  EXPECT_TRUE(ListSourceDescriptions(*fs, "t").ValueOrDie().empty());
  ASSERT_TRUE(WriteSourceDescription(fs, "t", Sample()).ok());
  const auto ids = ListSourceDescriptions(*fs, "t").ValueOrDie();
  ASSERT_EQ(ids.size(), 1u);
  EXPECT_EQ(ReadSourceDescription(*fs, "t", ids[0]).ValueOrDie().rows, 2);
  EXPECT_TRUE(IsKind(ReadSourceDescription(*fs, "t", "none").status(), ErrorKind::kNotFound));
}

TEST(SourceDescriptionTest, BrokenTextIsCorruptData) {
  const std::string whole = ToJson(Sample());
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{\"format\":2}"), whole.substr(0, whole.size() / 2)}) {
    EXPECT_TRUE(IsKind(SourceDescriptionFromJson(text, "p").status(), ErrorKind::kCorruptData)) << text;
  }
}

TEST(SourceRangeTest, EndsAreIncluded) {
  const SourceRange morning{10, 20, 1};
  EXPECT_TRUE(morning.Intersects({20, 30, 1}));
  EXPECT_TRUE(morning.Intersects({15, 15, 1}));
  EXPECT_FALSE(morning.Intersects({21, 30, 1}));
  EXPECT_FALSE(morning.Intersects(SourceRange{}));  // no times at all
}

}  // namespace
}  // namespace marquet::pipeline
