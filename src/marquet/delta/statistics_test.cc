#include "marquet/delta/statistics.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "marquet/base/error.h"
#include "marquet/schema/column_statistics.h"

namespace marquet::delta {
namespace {

using arrow::field;

schema::ColumnStatistics Column(std::string name, std::shared_ptr<arrow::Scalar> min,
                                std::shared_ptr<arrow::Scalar> max, int64_t nulls = 0, bool has_nan = false) {
  return {std::move(name), nulls, std::move(min), std::move(max), has_nan};
}

std::shared_ptr<arrow::Scalar> Time(int64_t micros) {
  return std::make_shared<arrow::TimestampScalar>(micros, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"));
}
std::shared_ptr<arrow::Scalar> Text(std::string text) { return arrow::MakeScalar(std::move(text)); }

const schema::ColumnStatistics* Find(const FileStatistics& statistics, std::string_view name) {
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
  const auto read = StatisticsFromJson(json, *schema, StatisticsWriter::kMarquet);
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
    const auto read = StatisticsFromJson(StatisticsToJson(1, {Column("s", Text(value), Text(value))}),
                                         *schema, StatisticsWriter::kMarquet);
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
       {R"({})", R"({"numRecords":-1})", R"({"numRecords":9223372036854775807})",
        R"({"minValues":{"t":"10000-01-01T00:00:00.000Z"},"maxValues":{"t":"-001-12-31T00:00:00.000Z"}})",
        R"({"numRecords":"x","minValues":{"i":"text"},"maxValues":{"i":99999999999},"nullCount":{"i":-1}})",
        R"({"minValues":{"i":{"nested":1},"unknown":3,"s":5,"t":"never"},"nullCount":{"s":null}})",
        R"({"minValues":[1,2],"maxValues":null,"tightBounds":true})",
        R"({"minValues":{"i":1.5},"maxValues":{"i":null,"t":""}})"}) {
    const auto read = StatisticsFromJson(json, *schema, StatisticsWriter::kMarquet);
    ASSERT_TRUE(read.ok()) << json << ": " << read.status();
    EXPECT_FALSE(read->rows.has_value()) << json;
    EXPECT_TRUE(read->columns.empty()) << json;
  }
  for (const char* text : {"", "[]", "7", "{\"numRecords\"", "PAR1"}) {
    EXPECT_TRUE(IsKind(StatisticsFromJson(text, *schema, StatisticsWriter::kMarquet).status(),
                       ErrorKind::kCorruptData))
        << text;
  }
}

std::shared_ptr<arrow::Scalar> Decimal(const char* digits, int precision, int scale) {
  return std::make_shared<arrow::Decimal128Scalar>(arrow::Decimal128(digits),
                                                   arrow::decimal128(precision, scale));
}

std::shared_ptr<arrow::Scalar> Day(int32_t days) { return std::make_shared<arrow::Date32Scalar>(days); }

TEST(StatisticsTest, YearsThatOthersDoNotReadHaveNoBounds) {
  const auto json =
      StatisticsToJson(1, {Column("d", Day(-719'163), Day(2'932'896)), Column("e", Day(0), Day(INT32_MAX)),
                           Column("t", Time(INT64_MIN), Time(253'402'300'799'999'999)),
                           Column("u", Time(-62'135'596'800'000'000), Time(INT64_MAX))});
  EXPECT_EQ(json,
            "{\"numRecords\":1,\"minValues\":{\"e\":\"1970-01-01\",\"u\":\"0001-01-01T00:00:00.000Z\"},"
            "\"maxValues\":{\"d\":\"9999-12-31\",\"t\":\"9999-12-31T23:59:59.999Z\"},"
            "\"nullCount\":{\"d\":0,\"e\":0,\"t\":0,\"u\":0}}");
}

// What a writer that is not ours wrote for a value: the bounds that are read must hold it.
struct Doubt {
  std::string spelt;  // JSON
  std::shared_ptr<arrow::Scalar> value;
  const char* why;
};

// Compares two scalars of one type; text by its bytes.
bool Below(const arrow::Scalar& a, const arrow::Scalar& b) {
  switch (a.type->id()) {
    case arrow::Type::INT32:
      return static_cast<const arrow::Int32Scalar&>(a).value <
             static_cast<const arrow::Int32Scalar&>(b).value;
    case arrow::Type::INT64:
      return static_cast<const arrow::Int64Scalar&>(a).value <
             static_cast<const arrow::Int64Scalar&>(b).value;
    case arrow::Type::FLOAT:
      return static_cast<const arrow::FloatScalar&>(a).value <
             static_cast<const arrow::FloatScalar&>(b).value;
    case arrow::Type::DOUBLE:
      return static_cast<const arrow::DoubleScalar&>(a).value <
             static_cast<const arrow::DoubleScalar&>(b).value;
    case arrow::Type::DECIMAL128:
      return static_cast<const arrow::Decimal128Scalar&>(a).value <
             static_cast<const arrow::Decimal128Scalar&>(b).value;
    case arrow::Type::DATE32:
      return static_cast<const arrow::Date32Scalar&>(a).value <
             static_cast<const arrow::Date32Scalar&>(b).value;
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampScalar&>(a).value <
             static_cast<const arrow::TimestampScalar&>(b).value;
    default:
      return static_cast<const arrow::StringScalar&>(a).view() <
             static_cast<const arrow::StringScalar&>(b).view();
  }
}

TEST(StatisticsTest, BoundsOfOtherWritersAreWidenedByWhatTheyLose) {
  const std::vector<Doubt> doubts = {
      {"1.234567890123457e+19", Decimal("12345678901234567890123456789", 38, 9), "deltalake: a double"},
      {"-1.234567890123457e+19", Decimal("-12345678901234567890123456789", 38, 9), "deltalake: a double"},
      {"1e-9", Decimal("1", 38, 9), "an exponent"},
      {"0.30000000000000004", Decimal("30", 10, 2), "digits past the scale"},
      {"-0.30000000000000004", Decimal("-30", 10, 2), "digits past the scale"},
      {"9223372036854775807", Decimal("99999999999999999999", 38, 0), "deltalake: 64 bits"},
      {"-9223372036854775808", Decimal("-99999999999999999999", 38, 0), "deltalake: 64 bits"},
      {"1e38", Decimal("99999999999999999999999999999999999999", 38, 0), "rounded past the precision"},
      {"9007199254740992", arrow::MakeScalar(int64_t{9'007'199'254'740'993}), "JavaScript: a double"},
      {"1152921504606847000", arrow::MakeScalar((int64_t{1} << 60) + 1), "JavaScript: the shortest digits"},
      {"-1152921504606847000", arrow::MakeScalar(-(int64_t{1} << 60) - 127),
       "JavaScript: the shortest digits"},
      {"9223372036854775807", arrow::MakeScalar(INT64_MAX), "nothing is above it"},
      {"-9223372036854775808", arrow::MakeScalar(INT64_MIN), "nothing is below it"},
      {"0.1", arrow::MakeScalar(0.1f), "a float's digits"},
      {"0.10000000149011612", arrow::MakeScalar(0.1f), "a double's digits of a float"},
      {"16777220", arrow::MakeScalar(16'777'216.0f), "seven digits"},
      {"0.333333333333333", arrow::MakeScalar(1.0 / 3), "15 digits"},
      {"1.79769313486231e+308", arrow::MakeScalar(std::numeric_limits<double>::max()), "15 digits"},
      {"0.0", arrow::MakeScalar(5e-324), "a subnormal number flushed to zero"},
      {"\"1950-06-01T11:15:30.000-00:44\"", Time(-618'062'400'000'000),
       "Spark: Monrovia, at -00:44:30 until 1972"},
      {"\"2024-01-02T03:04:05Z\"", Time(1'704'164'645'999'999), "cut to seconds"},
      {"\"1969-12-31T23:59:59.999Z\"", Time(-1'999), "cut towards 1970"},
      {"\"aaaa\"", Text("aaaa and so forth"), "cut"},
      {"\"K\u00fc\"", Text("Küsnacht"), "cut"},
  };
  for (const auto& [spelt, value, why] : doubts) {
    const auto schema = arrow::schema({field("c", value->type)});
    const auto read = StatisticsFromJson("{\"numRecords\":1,\"minValues\":{\"c\":" + spelt +
                                             "},\"maxValues\":{\"c\":" + spelt + "},\"nullCount\":{\"c\":0}}",
                                         *schema, StatisticsWriter::kOther);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_FALSE(read->decide);
    EXPECT_EQ(read->rows, 1) << "told, though nothing is concluded from it";
    const auto* column = Find(*read, "c");
    if (column == nullptr) continue;  // nothing is believed
    EXPECT_EQ(column->null_count, -1);
    EXPECT_TRUE(column->min == nullptr || !Below(*value, *column->min))
        << why << ": " << column->min->ToString();
    EXPECT_TRUE(column->max == nullptr || !Below(*column->max, *value))
        << why << ": " << column->max->ToString();
  }
}

// Widening must not cost what statistics are for.
TEST(StatisticsTest, BoundsOfOtherWritersStayClose) {
  const auto read = [](const std::shared_ptr<arrow::DataType>& type, const std::string& spelt) {
    return *Find(
        *StatisticsFromJson("{\"minValues\":{\"c\":" + spelt + "},\"maxValues\":{\"c\":" + spelt + "}}",
                            *arrow::schema({field("c", type)}), StatisticsWriter::kOther),
        "c");
  };
  for (const auto& [spelt, type] : std::vector<std::pair<std::string, std::shared_ptr<arrow::DataType>>>{
           {"35184372088831", arrow::int64()},
           {"2147483647", arrow::int32()},
           {"475025", arrow::decimal128(10, 2)},
           {"\"2024-01-02\"", arrow::date32()},
           {"4750.25", arrow::decimal128(10, 2)}}) {
    const auto column = read(type, spelt);
    EXPECT_TRUE(column.min->Equals(*column.max)) << spelt << ": exact";
  }
  const auto price = read(arrow::float64(), "4750.25");
  EXPECT_GT(static_cast<const arrow::DoubleScalar&>(*price.min).value, 4750.249999);
  EXPECT_LT(static_cast<const arrow::DoubleScalar&>(*price.max).value, 4750.250001);
  EXPECT_EQ(static_cast<const arrow::StringScalar&>(*read(arrow::utf8(), "\"ESH4\"").max).view(), "ESH4\xFF");
}

TEST(StatisticsTest, BoundsOfOtherWritersThatSayTooLittleAreNotBelieved) {
  const auto us = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  for (const auto& [spelt, type] : std::vector<std::pair<std::string, std::shared_ptr<arrow::DataType>>>{
           {"\"2024-01-02T03:04:05.678\"", us},  // of which zone?
           {"\"2024-01-02\"", us},
           {"\"1899-12-31T23:59:59.999Z\"", us},  // Spark may have moved it
           {"\"1582-10-14\"", arrow::date32()},   // of which calendar?
           {"\"\\uFFFD\"", arrow::utf8()},        // bytes that were no text
           {"\"\\uE000\"", arrow::utf8()},        // behind or before U+10000?
           {"\"NaN\"", arrow::float64()},
           {"\"Infinity\"", arrow::float64()},
           {"1e40", arrow::decimal128(38, 0)},
           {"\"1.5\"", arrow::decimal128(10, 2)},
           {"1e300", arrow::decimal128(10, 2)},
           {"true", arrow::boolean()},
           {"\"YQ==\"", arrow::binary()}}) {
    const auto read =
        StatisticsFromJson("{\"minValues\":{\"c\":" + spelt + "},\"maxValues\":{\"c\":" + spelt + "}}",
                           *arrow::schema({field("c", type)}), StatisticsWriter::kOther);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(Find(*read, "c"), nullptr) << spelt;
  }
}

TEST(StatisticsTest, TheDigestTellsWhoseStatisticsTheyAre) {
  const auto schema = arrow::schema({field("i", arrow::int64())});
  AddFile file;
  file.stats = R"({"numRecords":3,"minValues":{"i":1},"maxValues":{"i":2},"nullCount":{"i":1}})";
  const auto theirs = StatisticsOf(file, *schema);
  ASSERT_TRUE(theirs.ok()) << theirs.status();
  EXPECT_FALSE(theirs->decide);
  EXPECT_EQ(Find(*theirs, "i")->null_count, -1);
  file.tags[kDigestTag] = "00112233445566778899aabbccddeeff";
  const auto ours = StatisticsOf(file, *schema);
  ASSERT_TRUE(ours.ok()) << ours.status();
  EXPECT_TRUE(ours->decide);
  EXPECT_EQ(Find(*ours, "i")->null_count, 1);
}

// Bounds spelt by Spark (its own zone, microseconds) and by delta-rs.
TEST(StatisticsTest, OtherEnginesSpellingsAreRead) {
  const auto schema = arrow::schema({field("t", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))});
  for (const char* spelling : {"2024-01-02T03:04:05.678Z", "2024-01-02T03:04:05.678000Z",
                               "2024-01-02T05:04:05.678+02:00", "2024-01-02 03:04:05.678+00:00"}) {
    const auto read = StatisticsFromJson(std::string("{\"minValues\":{\"t\":\"") + spelling + "\"}}", *schema,
                                         StatisticsWriter::kOther);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->columns.size(), 1u) << spelling;
    EXPECT_EQ(static_cast<const arrow::TimestampScalar&>(*read->columns[0].min).value,
              1'704'164'645'678'000 - 60'000'000)
        << spelling;
  }
}

}  // namespace
}  // namespace marquet::delta
