#include "marquet/delta/statistics.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <cmath>

#include "marquet/base/error.h"

namespace marquet::delta {
namespace {

using arrow::field;

pq::ColumnStatistics Column(std::string name, std::shared_ptr<arrow::Scalar> min,
                            std::shared_ptr<arrow::Scalar> max, int64_t nulls = 0, bool has_nan = false) {
  return {std::move(name), nulls, std::move(min), std::move(max), has_nan};
}

std::shared_ptr<arrow::Scalar> Time(int64_t micros) {
  return std::make_shared<arrow::TimestampScalar>(micros, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"));
}
std::shared_ptr<arrow::Scalar> Text(std::string text) { return arrow::MakeScalar(std::move(text)); }

const pq::ColumnStatistics* Find(const FileStatistics& statistics, std::string_view name) {
  for (const auto& column : statistics.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

TEST(StatisticsTest, TheTextIsWhatOtherEnginesRead) {
  const std::string json = StatisticsToJson(
      7, {Column("i", arrow::MakeScalar(int64_t{-5}), arrow::MakeScalar(INT64_MAX), 1),
          Column("t", Time(1'704'164'645'678'901), Time(1'704'164'645'678'901)),
          Column("d", std::make_shared<arrow::Date32Scalar>(0), std::make_shared<arrow::Date32Scalar>(1)),
          Column("f", arrow::MakeScalar(0.5), arrow::MakeScalar(1.5)), Column("s", Text("a\"b"), Text("ü")),
          Column("none", nullptr, nullptr, 7), Column("nested", nullptr, nullptr, -1)});
  EXPECT_EQ(
      json,
      "{\"numRecords\":7,"
      "\"minValues\":{\"i\":-5,\"t\":\"2024-01-02T03:04:05.678Z\",\"d\":\"1970-01-01\",\"f\":0.5,"
      "\"s\":\"a\\\"b\"},"
      "\"maxValues\":{\"i\":9223372036854775807,\"t\":\"2024-01-02T03:04:05.678Z\",\"d\":\"1970-01-02\","
      "\"f\":1.5,\"s\":\"ü\"},"
      "\"nullCount\":{\"i\":1,\"t\":0,\"d\":0,\"f\":0,\"s\":0,\"none\":7}}");
}

TEST(StatisticsTest, BoundsReadBackHoldEveryValue) {
  const auto schema = arrow::schema(
      {field("i", arrow::int64()), field("t", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
       field("s", arrow::utf8()), field("d", arrow::decimal128(30, 4)), field("f", arrow::float32())});
  const int64_t micros = -1'234'567;
  const auto decimal = std::make_shared<arrow::Decimal128Scalar>(
      *arrow::Decimal128::FromString("12345678901234567890.1234"), arrow::decimal128(30, 4));
  const std::string json = StatisticsToJson(
      2, {Column("i", arrow::MakeScalar(INT64_MIN), arrow::MakeScalar(INT64_MIN + 1)),
          Column("t", Time(micros), Time(micros)), Column("s", Text("abc"), Text("abd")),
          Column("d", decimal, decimal), Column("f", arrow::MakeScalar(0.1f), arrow::MakeScalar(0.1f))});
  const auto read = StatisticsFromJson(json, *schema);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->rows, 2);
  EXPECT_TRUE(Find(*read, "i")->min->Equals(*arrow::MakeScalar(INT64_MIN)));
  EXPECT_TRUE(Find(*read, "i")->max->Equals(*arrow::MakeScalar(INT64_MIN + 1)));
  const auto time = [&](const std::shared_ptr<arrow::Scalar>& scalar) {
    return static_cast<const arrow::TimestampScalar&>(*scalar).value;
  };
  EXPECT_LE(time(Find(*read, "t")->min), micros);
  EXPECT_GE(time(Find(*read, "t")->max), micros);
  EXPECT_LE(time(Find(*read, "t")->max) - time(Find(*read, "t")->min), 1000);
  EXPECT_TRUE(Find(*read, "d")->max->Equals(*decimal));
  EXPECT_TRUE(Find(*read, "f")->max->Equals(*arrow::MakeScalar(0.1f)));
  EXPECT_TRUE(Find(*read, "f")->has_nan) << "JSON does not say, so it may";
  EXPECT_FALSE(Find(*read, "i")->has_nan);
  EXPECT_EQ(Find(*read, "i")->null_count, 0);
}

TEST(StatisticsTest, LongStringsAreCutAndStillBound) {
  const auto schema = arrow::schema({field("s", arrow::utf8())});
  const std::string top = "\U0010FFFF";
  std::string tops;
  for (int i = 0; i < 40; ++i) tops += top;
  const std::string below_surrogates = std::string(31, 'x') + "\uD7FF" + "tail";
  for (const std::string& value :
       {std::string(32, 'a'), std::string(33, 'a'), std::string(500, '~'), std::string(100, '\x7f'),
        below_surrogates, std::string(31, 'b') + top + "c", tops, std::string("k") + tops}) {
    const auto read =
        StatisticsFromJson(StatisticsToJson(1, {Column("s", Text(value), Text(value))}), *schema);
    ASSERT_TRUE(read.ok()) << read.status();
    const auto* column = Find(*read, "s");
    ASSERT_NE(column, nullptr);
    EXPECT_LE(std::string(static_cast<const arrow::StringScalar&>(*column->min).view()), value);
    if (value == tops) {
      EXPECT_EQ(column->max, nullptr) << "nothing is above it";
    } else {
      EXPECT_GE(std::string(static_cast<const arrow::StringScalar&>(*column->max).view()), value);
      EXPECT_LE(static_cast<const arrow::StringScalar&>(*column->max).view().size(), value.size() + 4);
    }
  }
}

TEST(StatisticsTest, WhatJsonCannotHoldIsLeftOut) {
  const double inf = std::numeric_limits<double>::infinity();
  const std::string json =
      StatisticsToJson(1, {Column("inf", arrow::MakeScalar(-inf), arrow::MakeScalar(inf)),
                           Column("nan", arrow::MakeScalar(1.0), arrow::MakeScalar(2.0), 0, true),
                           Column("bad", Text("\xff"), Text("\xff")),
                           Column("b", arrow::MakeScalar(true), arrow::MakeScalar(true))});
  EXPECT_EQ(json,
            "{\"numRecords\":1,\"minValues\":{\"nan\":1},\"maxValues\":{},"
            "\"nullCount\":{\"inf\":0,\"nan\":0,\"bad\":0,\"b\":0}}");
}

TEST(StatisticsTest, OddEntriesAreLeftOut) {
  const auto schema = arrow::schema({field("i", arrow::int32()), field("s", arrow::utf8()),
                                     field("t", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))});
  for (const char* json :
       {R"({})", R"({"numRecords":-1})",
        R"({"numRecords":"x","minValues":{"i":"text"},"maxValues":{"i":99999999999},"nullCount":{"i":-1}})",
        R"({"minValues":{"i":{"nested":1},"unknown":3,"s":5,"t":"never"},"nullCount":{"s":null}})",
        R"({"minValues":[1,2],"maxValues":null,"tightBounds":true})",
        R"({"minValues":{"i":1.5},"maxValues":{"i":null,"t":""}})"}) {
    const auto read = StatisticsFromJson(json, *schema);
    ASSERT_TRUE(read.ok()) << json << ": " << read.status();
    EXPECT_FALSE(read->rows.has_value()) << json;
    EXPECT_TRUE(read->columns.empty()) << json;
  }
  for (const char* text : {"", "[]", "7", "{\"numRecords\"", "PAR1"}) {
    EXPECT_TRUE(IsKind(StatisticsFromJson(text, *schema).status(), ErrorKind::kCorruptData)) << text;
  }
}

// Bounds spelt by Spark (its own zone, microseconds) and by delta-rs.
TEST(StatisticsTest, OtherEnginesSpellingsAreRead) {
  const auto schema = arrow::schema({field("t", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))});
  for (const char* spelling : {"2024-01-02T03:04:05.678Z", "2024-01-02T03:04:05.678000Z",
                               "2024-01-02T05:04:05.678+02:00", "2024-01-02 03:04:05.678"}) {
    const auto read =
        StatisticsFromJson(std::string("{\"minValues\":{\"t\":\"") + spelling + "\"}}", *schema);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->columns.size(), 1u) << spelling;
    EXPECT_EQ(static_cast<const arrow::TimestampScalar&>(*read->columns[0].min).value, 1'704'164'645'678'000)
        << spelling;
  }
}

}  // namespace
}  // namespace marquet::delta
