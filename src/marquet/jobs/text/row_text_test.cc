#include "marquet/jobs/text/row_text.h"

#include <cmath>

#include <gtest/gtest.h>

#include "arrow/api.h"
#include "marquet/base/error.h"

namespace marquet::jobs {
namespace {

std::string Text(const std::shared_ptr<arrow::Array>& column, TextFormat format) {
  const auto schema = arrow::schema({arrow::field("c", column->type())});
  auto writer = RowTextWriter::Make(schema, format).ValueOrDie();
  std::string text;
  writer->Append(*arrow::RecordBatch::Make(schema, column->length(), {column}), &text);
  return text;
}

std::string Csv(const std::shared_ptr<arrow::Array>& column) { return Text(column, TextFormat::kCsv); }
std::string Json(const std::shared_ptr<arrow::Array>& column) { return Text(column, TextFormat::kJsonLines); }

template <typename Builder, typename... Values>
std::shared_ptr<arrow::Array> Column(Builder builder, Values... values) {
  for (const auto& status : {builder.Append(values)..., builder.AppendNull()}) EXPECT_TRUE(status.ok());
  return builder.Finish().ValueOrDie();
}

TEST(RowTextTest, NullsAndEmptyTextStayApart) {
  const auto column = Column(arrow::StringBuilder(), "", "a,b", "say \"hi\"", "two\nlines", "plain");
  const auto numbers = Column(arrow::Int32Builder(), 1, 2, 3, 4, 5);
  const auto schema = arrow::schema({arrow::field("c", column->type()), arrow::field("n", arrow::int32())});
  auto writer = RowTextWriter::Make(schema, TextFormat::kCsv).ValueOrDie();
  std::string text;
  writer->Append(*arrow::RecordBatch::Make(schema, 6, {column, numbers}), &text);
  EXPECT_EQ(text, "\"\",1\n\"a,b\",2\n\"say \"\"hi\"\"\",3\n\"two\nlines\",4\nplain,5\n,\n");
  EXPECT_EQ(writer->quoted_nulls(), 0);
  EXPECT_EQ(Json(column),
            "{\"c\":\"\"}\n{\"c\":\"a,b\"}\n{\"c\":\"say \\\"hi\\\"\"}\n{\"c\":\"two\\u000alines\"}\n"
            "{\"c\":\"plain\"}\n{\"c\":null}\n");
}

TEST(RowTextTest, NullsAndBytesOfNoneStayApart) {
  const auto column = Column(arrow::BinaryBuilder(), "", "\x01z");
  const auto schema = arrow::schema({arrow::field("c", column->type()), arrow::field("d", column->type())});
  auto writer = RowTextWriter::Make(schema, TextFormat::kCsv).ValueOrDie();
  std::string text;
  writer->Append(*arrow::RecordBatch::Make(schema, 3, {column, column}), &text);
  EXPECT_EQ(text, "\"\",\"\"\n017a,017a\n,\n");
}

// Readers pass over blank lines, and pandas over those of blanks.
TEST(RowTextTest, NoRowOfOneColumnIsABlankLine) {
  const auto schema = arrow::schema({arrow::field("c", arrow::utf8())});
  auto writer = RowTextWriter::Make(schema, TextFormat::kCsv).ValueOrDie();
  std::string text;
  const auto column = Column(arrow::StringBuilder(), "", " ", "\t \t", " a");
  writer->Append(*arrow::RecordBatch::Make(schema, 5, {column}), &text);
  EXPECT_EQ(text, "\"\"\n\" \"\n\"\t \t\"\n a\n\"\"\n");
  EXPECT_EQ(writer->quoted_nulls(), 1);
  EXPECT_EQ(Csv(arrow::MakeArrayOfNull(arrow::null(), 2).ValueOrDie()), "\"\"\n\"\"\n");
}

TEST(RowTextTest, TextThatIsNotUtf8KeepsJsonValid) {
  EXPECT_EQ(Json(Column(arrow::StringBuilder(), "a\xFFz", "Ü")),
            "{\"c\":\"a\xEF\xBF\xBDz\"}\n{\"c\":\"Ü\"}\n{\"c\":null}\n");
}

TEST(RowTextTest, TimesHaveAsManyDigitsAsTheyNeed) {
  const auto type = arrow::timestamp(arrow::TimeUnit::NANO, "UTC");
  const auto column =
      Column(arrow::TimestampBuilder(type, arrow::default_memory_pool()), int64_t{1704164645000000006},
             int64_t{1704164645000000000}, int64_t{1704164645120000000}, int64_t{-1}, INT64_MAX);
  EXPECT_EQ(Csv(column),
            "2024-01-02T03:04:05.000000006Z\n2024-01-02T03:04:05Z\n2024-01-02T03:04:05.120Z\n"
            "1969-12-31T23:59:59.999999999Z\n2262-04-11T23:47:16.854775807Z\n\"\"\n");
  EXPECT_EQ(Json(column).substr(0, 40), "{\"c\":\"2024-01-02T03:04:05.000000006Z\"}\n{");
}

TEST(RowTextTest, TimesOfEveryYearAreTold) {
  const auto times = [](arrow::TimeUnit::type unit, auto... counts) {
    return Csv(
        Column(arrow::TimestampBuilder(arrow::timestamp(unit), arrow::default_memory_pool()), counts...));
  };
  EXPECT_EQ(times(arrow::TimeUnit::NANO, INT64_MIN), "1677-09-21T00:12:43.145224192Z\n\"\"\n");
  EXPECT_EQ(times(arrow::TimeUnit::MICRO, int64_t{32'503'680'000'000'001}, INT64_MIN),
            "3000-01-01T00:00:00.000001Z\n-290308-12-21T19:59:05.224192Z\n\"\"\n");
  EXPECT_EQ(times(arrow::TimeUnit::MILLI, INT64_MAX), "292278994-08-17T07:12:55.807Z\n\"\"\n");
  EXPECT_EQ(times(arrow::TimeUnit::SECOND, int64_t{253'402'300'800}), "10000-01-01T00:00:00Z\n\"\"\n");
  EXPECT_EQ(Csv(Column(arrow::Date32Builder(), INT32_MAX, INT32_MIN, 0)),
            "5881580-07-11\n-5877641-06-23\n1970-01-01\n\"\"\n");
}

TEST(RowTextTest, NumbersReadBackToTheSameValue) {
  EXPECT_EQ(Csv(Column(arrow::DoubleBuilder(), 0.1, -0.0, 1e300, NAN, INFINITY)),
            "0.1\n-0\n1e+300\nNaN\nInfinity\n\"\"\n");
  EXPECT_EQ(Json(Column(arrow::DoubleBuilder(), 0.5, NAN, -INFINITY)),
            "{\"c\":0.5}\n{\"c\":\"NaN\"}\n{\"c\":\"-Infinity\"}\n{\"c\":null}\n");
  EXPECT_EQ(Csv(Column(arrow::Int64Builder(), INT64_MIN, INT64_MAX)),
            "-9223372036854775808\n9223372036854775807\n\"\"\n");
}

TEST(RowTextTest, DecimalsAreExact) {
  const auto type = arrow::decimal128(19, 9);
  const auto column =
      Column(arrow::Decimal128Builder(type), arrow::Decimal128(4750250000000), arrow::Decimal128(-1));
  EXPECT_EQ(Csv(column), "4750.250000000\n-1E-9\n\"\"\n");
}

TEST(RowTextTest, HeaderAndSeveralColumns) {
  const auto schema =
      arrow::schema({arrow::field("a,b", arrow::int32()), arrow::field("x", arrow::boolean())});
  const auto batch = arrow::RecordBatch::Make(
      schema, 2, {Column(arrow::Int32Builder(), 1), Column(arrow::BooleanBuilder(), true)});
  auto csv = RowTextWriter::Make(schema, TextFormat::kCsv).ValueOrDie();
  std::string text;
  csv->AppendHeader(&text);
  csv->Append(*batch->Slice(1), &text);  // a slice is read from its own first row on
  csv->Append(*batch, &text);
  EXPECT_EQ(text, "\"a,b\",x\n,\n1,true\n,\n");
  auto json = RowTextWriter::Make(schema, TextFormat::kJsonLines).ValueOrDie();
  text.clear();
  json->AppendHeader(&text);
  json->Append(*batch->Slice(0, 1), &text);
  EXPECT_EQ(text, "{\"a,b\":1,\"x\":true}\n");
}

TEST(RowTextTest, ATypeWithoutTextIsNamed) {
  const auto schema = arrow::schema({arrow::field("d", arrow::duration(arrow::TimeUnit::SECOND))});
  const auto status = RowTextWriter::Make(schema, TextFormat::kCsv).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kUnsupported));
  EXPECT_NE(status.message().find("column 'd'"), std::string::npos) << status;
}

}  // namespace
}  // namespace marquet::jobs
