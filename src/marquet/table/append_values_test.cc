// An append whose encoder makes other values of the rows: nothing of it becomes part of the table.

#include "marquet/parquet/write/encoder_fault_internal.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using testing::HasSubstr;

TEST_F(TableTest, AnAppendWithOtherValuesThanItWasGivenIsRefused) {
  const auto table =
      Value(Table::Create(file::LocalFileSystem(), Path(), *Trades(), {.partition_by = {"symbol"}}));
  MQ_OK(Append(*table, Batch({{1, 1, 1, {}, "A"}})).status());
  const auto size_of_all = [&] {
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(Path())) {
      files += entry.path().extension() == ".parquet" ? 1 : 0;
    }
    return files;
  };
  const int files = size_of_all();
  const int64_t version = table->version();
  {
    const pq::ScopedEncoderFault fault([](const std::shared_ptr<arrow::RecordBatch>& rows) {
      arrow::ArrayVector nulls;
      for (const auto& column : rows->columns()) {
        nulls.push_back(Value(arrow::MakeArrayOfNull(column->type(), rows->num_rows())));
      }
      return arrow::RecordBatch::Make(rows->schema(), rows->num_rows(), nulls);
    });
    const auto report = Append(*table, Batch({{2, 1, 5, 0.5, "A"}, {3, 1, 6, 0.5, "B"}}));
    EXPECT_TRUE(IsKind(report.status(), ErrorKind::kCorruptData)) << report.status();
    EXPECT_THAT(report.status().message(), HasSubstr("row 0 holds another value"));
  }
  EXPECT_EQ(size_of_all(), files);
  EXPECT_EQ(table->version(), version);
  MQ_OK(Append(*table, Batch({{2, 1, 5, 0.5, "A"}, {3, 1, 6, 0.5, "B"}})).status());
}

// The rows of a dictionary may have more text together than one array holds.
TEST_F(TableTest, DictionariesOfLongTextsAreFittedAFewRowsAtATime) {
  const auto schema =
      arrow::schema({arrow::field("n", arrow::int32(), false), arrow::field("s", arrow::utf8())});
  const auto table = Value(Table::Create(file::LocalFileSystem(), Path(), *schema, {}));
  arrow::StringBuilder text;
  arrow::Int8Builder index;
  arrow::Int32Builder number;
  MQ_OK(text.Append(std::string(129 << 20, 'x')));
  MQ_OK(index.AppendValues({0, 0}));
  MQ_OK(number.Append(1));
  MQ_OK(number.AppendNull());
  const auto texts = Value(arrow::DictionaryArray::FromArrays(Value(index.Finish()), Value(text.Finish())));
  const auto rows = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("n", arrow::int32()), arrow::field("s", texts->type())}), 2,
      {Value(number.Finish()), texts});
  // The second row does not fit, which is found when the first is on its way: it is not committed either.
  const auto appender = Value(table->NewAppender({}));
  const arrow::Status refused = appender->Write(*rows);
  EXPECT_TRUE(IsKind(refused, ErrorKind::kInvalidInput)) << refused;
  EXPECT_EQ(appender->Commit().status().message(), refused.message());
  EXPECT_EQ(table->version(), 0);
}

}  // namespace
}  // namespace marquet::table
