// Files whose encoder makes other values of what it is given: none of them gets its name.
#include "arrow/compute/api_vector.h"
#include "arrow/json/from_string.h"
#include "gmock/gmock.h"
#include "marquet/base/error.h"
#include "marquet/parquet/write/encoder_fault_internal.h"
#include "marquet/parquet/write/row_slices_internal.h"
#include "marquet/parquet/write/testing_internal.h"
#include "marquet/schema/decoded_rows.h"

namespace marquet::pq {
namespace {

using ::testing::HasSubstr;

class ValueCheckTest : public FileTest {
 protected:
  static std::shared_ptr<arrow::Array> FromJson(const std::shared_ptr<arrow::DataType>& type,
                                                const char* json) {
    return Value(arrow::json::ArrayFromJSONString(type, json));
  }

  // Rows in which column 'a' is `wrong`.
  static EncoderFault Replacing(std::shared_ptr<arrow::Array> wrong) {
    return [wrong](const std::shared_ptr<arrow::RecordBatch>& rows) {
      const int column = rows->schema()->GetFieldIndex("a");
      return Value(rows->SetColumn(column, rows->schema()->field(column), wrong));
    };
  }

  // Writes column 'a' while the encoder makes `encoded` of it.
  arrow::Status WriteWithFault(const std::shared_ptr<arrow::Array>& given,
                               const std::shared_ptr<arrow::Array>& encoded, VerifyLevel level) {
    const auto table = arrow::Table::Make(arrow::schema({arrow::field("a", given->type())}), {given});
    const ScopedEncoderFault fault(Replacing(encoded));
    WriteOptions options;
    options.verify = level;
    return WriteTable(Path("a.parquet"), *table, options, given->length()).status();
  }

  void ExpectRefused(const std::shared_ptr<arrow::Array>& given, const std::shared_ptr<arrow::Array>& encoded,
                     const std::string& row) {
    for (const VerifyLevel level : {VerifyLevel::kFooter, VerifyLevel::kCrc, VerifyLevel::kFull}) {
      const arrow::Status status = WriteWithFault(given, encoded, level);
      EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status;
      EXPECT_THAT(status.message(), HasSubstr("column 'a'"));
      EXPECT_THAT(status.message(), HasSubstr(level == VerifyLevel::kFull ? "one of the rows" : row));
      EXPECT_TRUE(std::filesystem::is_empty(directory_));
    }
  }
};

TEST_F(ValueCheckTest, AnEncoderThatMakesZerosOfNullsPublishesNothing) {
  const auto values = FromJson(arrow::float64(), "[1.5, null]");
  const auto given =
      Value(arrow::DictionaryArray::FromArrays(FromJson(arrow::int8(), "[0, 0, 1, 0]"), values));
  ExpectRefused(given, FromJson(arrow::float64(), "[1.5, 1.5, 0, 1.5]"), "row 2 holds another value");
  EXPECT_TRUE(
      WriteWithFault(given, FromJson(arrow::float64(), "[1.5, 1.5, null, 1.5]"), VerifyLevel::kFooter).ok());
}

TEST_F(ValueCheckTest, EveryKindOfColumnIsLookedAt) {
  struct Case {
    std::shared_ptr<arrow::DataType> type;
    const char* given;
    const char* encoded;
  };
  const auto pair = arrow::struct_({arrow::field("k", arrow::utf8()), arrow::field("v", arrow::int64())});
  const std::vector<Case> cases = {
      {arrow::boolean(), "[true, false]", "[true, true]"},
      {arrow::int8(), "[1, 2]", "[1, 3]"},
      {arrow::uint64(), "[1, 2]", "[1, 18446744073709551615]"},
      {arrow::float64(), "[1, 0.0]", "[1, -0.0]"},
      {arrow::utf8(), R"(["a", "b"])", R"(["a", ""])"},
      {arrow::decimal128(9, 2), R"(["1.00", "2.00"])", R"(["1.00", "2.01"])"},
      {arrow::timestamp(arrow::TimeUnit::SECOND), "[1, 2]", "[1, 3]"},
      {arrow::list(arrow::int64()), "[[1], null]", "[[1], []]"},
      {pair, R"([{"k": "x", "v": 1}, null])", R"([{"k": "x", "v": 1}, {"k": null, "v": null}])"},
      {pair, R"([{"k": "x", "v": 1}, {"k": "y", "v": 2}])", R"([{"k": "x", "v": 1}, {"k": "z", "v": 3}])"},
      {arrow::map(arrow::utf8(), arrow::int64()), R"([[["a", 1]], [["b", 2]]])",
       R"([[["a", 1]], [["c", 3]]])"},
      {arrow::list(pair), R"([[], [{"k": "x", "v": 1}]])", R"([[], [{"k": "", "v": null}]])"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.type->ToString());
    ExpectRefused(FromJson(one.type, one.given), FromJson(one.type, one.encoded),
                  "row 1 holds another value");
  }
}

TEST_F(ValueCheckTest, ASampleSeesAShift) {
  arrow::Int64Builder right, shifted;
  for (int64_t i = 0; i < 300'000; ++i) {
    ASSERT_TRUE(right.Append(i * 7919 % 1000).ok() && shifted.Append((i + 1) * 7919 % 1000).ok());
  }
  const arrow::Status status =
      WriteWithFault(Value(right.Finish()), Value(shifted.Finish()), VerifyLevel::kFooter);
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status;
}

TEST_F(ValueCheckTest, InFullOneValueOfManyIsEnough) {
  arrow::Int64Builder right, wrong;
  for (int64_t i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(right.Append(i).ok() && wrong.Append(i == 77'777 ? 0 : i).ok());
  }
  const arrow::Status status =
      WriteWithFault(Value(right.Finish()), Value(wrong.Finish()), VerifyLevel::kFull);
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status;
  EXPECT_THAT(status.message(), HasSubstr("column 'a': one of the rows 76800 to 77823"));
}

// Or reading them back would take gigabytes, and end where an array holds no more text.
TEST_F(ValueCheckTest, LongTextsAreDecodedAFewAtATime) {
  const std::string text(64 << 20, 'x');
  arrow::StringBuilder builder;
  ASSERT_TRUE(builder.Append("short").ok() && builder.Append(text).ok());
  const auto plain = Value(builder.Finish());
  const auto encoded =
      Value(arrow::DictionaryArray::FromArrays(FromJson(arrow::int8(), "[0, 0, 0, 1, 1, 1, 1, 0]"), plain));
  EXPECT_EQ(schema::RowsWithinMemory(*plain, 8'192), 4);
  EXPECT_EQ(schema::RowsWithinMemory(*plain, 3), 3);
  EXPECT_EQ(schema::RowsWithinMemory(*encoded, 8'192), 4);
  EXPECT_EQ(schema::RowsWithinMemory(*FromJson(arrow::utf8(), R"(["a", null])"), 8'192), 8'192);
  const auto rows =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("a", encoded->type())}), 8, {encoded});
  EXPECT_EQ(RowsAtOnce(*rows), 4);
}

TEST_F(ValueCheckTest, RowGroupsAndBatchesOfAnySizeCompareEqual) {
  arrow::Int64Builder number;
  arrow::StringBuilder text;
  for (int64_t i = 0; i < 20'000; ++i) {
    ASSERT_TRUE((i % 7 == 0 ? number.AppendNull() : number.Append(i)).ok());
    ASSERT_TRUE(text.Append(std::to_string(i % 1000)).ok());
  }
  const auto table =
      arrow::Table::Make(arrow::schema({arrow::field("n", arrow::int64()), arrow::field("t", arrow::utf8())}),
                         {Value(number.Finish()), Value(text.Finish())});
  int file = 0;
  for (const int64_t batch : {1, 37, 1024, 20'000}) {
    for (const int64_t group : {1000, 1 << 20}) {
      for (const VerifyLevel level : {VerifyLevel::kFooter, VerifyLevel::kFull}) {
        WriteOptions options;
        options.verify = level;
        options.row_group_rows = group;
        const std::string path = Path(std::to_string(file++) + ".parquet");
        const auto written = WriteTable(path, *table, options, batch);
        ASSERT_TRUE(written.ok()) << written.status();
        EXPECT_TRUE(Value(ReadTable(path))->Equals(*table));
      }
    }
  }
}

}  // namespace
}  // namespace marquet::pq
