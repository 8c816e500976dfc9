#include "marquet/delta/table_features.h"

#include <gtest/gtest.h>

#include "marquet/base/error.h"

namespace marquet::delta {
namespace {

Metadata With(StringMap configuration, std::string schema = "{\"type\":\"struct\",\"fields\":[]}") {
  Metadata metadata;
  metadata.configuration = std::move(configuration);
  metadata.schema_string = std::move(schema);
  return metadata;
}

struct Feature {
  Protocol protocol;
  Metadata metadata;
  const char* not_read;     // the feature that reading is refused for, or nullptr
  const char* not_written;  // likewise
};

TEST(TableFeaturesTest, WhatIsNotKnownIsRefusedByName) {
  const std::vector<Feature> cases = {
      {{1, 2, {}, {}}, With({}), nullptr, nullptr},
      {{1, 1, {}, {}}, With({{"delta.appendOnly", "true"}}), nullptr, nullptr},
      {{2, 6, {}, {}}, With({{"delta.columnMapping.mode", "none"}}), nullptr, nullptr},
      {{3, 7, {}, {"appendOnly", "invariants"}}, With({}), nullptr, nullptr},
      {{4, 7, {}, {}}, With({}), "reader version 4", "reader version 4"},
      {{1, 8, {}, {}}, With({}), nullptr, "writer version 8"},
      {{2, 5, {}, {}}, With({{"delta.columnMapping.mode", "id"}}), "columnMapping", "columnMapping"},
      {{3, 7, {"deletionVectors"}, {"deletionVectors"}}, With({}), "deletionVectors", "deletionVectors"},
      {{3, 7, {"fromTheFuture"}, {"fromTheFuture"}}, With({}), "fromTheFuture", "fromTheFuture"},
      {{3, 7, {"timestampNtz"}, {"timestampNtz"}}, With({}), nullptr, "timestampNtz"},
      {{3, 7, {"v2Checkpoint"}, {"v2Checkpoint"}}, With({}), nullptr, "v2Checkpoint"},
      {{1, 7, {}, {"domainMetadata"}}, With({}), nullptr, "domainMetadata"},
      {{1, 7, {}, {"rowTracking"}}, With({}), nullptr, "rowTracking"},
      {{1, 3, {}, {}}, With({{"delta.constraints.positive", "x > 0"}}), nullptr, "checkConstraints"},
      {{1, 4, {}, {}}, With({{"delta.enableChangeDataFeed", "true"}}), nullptr, "changeDataFeed"},
      {{1, 4, {}, {}}, With({{"delta.enableChangeDataFeed", "false"}}), nullptr, nullptr},
      {{1, 2, {}, {}}, With({}, R"("metadata":{"delta.invariants":"x")"), nullptr, "invariants"},
      {{1, 4, {}, {}}, With({}, R"("delta.generationExpression":"y")"), nullptr, "generatedColumns"},
      {{1, 6, {}, {}}, With({}, R"("delta.identity.start":1)"), nullptr, "identityColumns"},
  };
  for (const Feature& each : cases) {
    const auto check = [](const arrow::Status& status, const char* refusal) {
      if (refusal == nullptr) {
        EXPECT_TRUE(status.ok()) << status;
      } else {
        EXPECT_TRUE(IsKind(status, ErrorKind::kUnsupported)) << refusal;
        EXPECT_NE(status.message().find(refusal), std::string::npos) << status;
      }
    };
    check(CheckReadable(each.protocol, each.metadata), each.not_read);
    check(CheckWritable(each.protocol, each.metadata), each.not_written);
  }
}

TEST(TableFeaturesTest, RetentionIsReadFromItsProperty) {
  const auto days = [](const char* interval) {
    return DeletedFileRetentionMs(With({{"delta.deletedFileRetentionDuration", interval}})) / 86'400'000.0;
  };
  EXPECT_EQ(days("interval 1 week"), 7);
  EXPECT_EQ(days("interval 30 days"), 30);
  EXPECT_EQ(days("interval 12 hours"), 0.5);
  EXPECT_EQ(days("a fortnight"), 7);
  EXPECT_EQ(days("interval 99999999999999999 weeks"), 7);
  EXPECT_EQ(DeletedFileRetentionMs(With({})), 7 * 86'400'000);
}

}  // namespace
}  // namespace marquet::delta
