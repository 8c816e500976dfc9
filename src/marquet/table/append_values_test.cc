// An append whose encoder makes other values of the rows: nothing of it becomes part of the table.

#include "marquet/parquet/encoder_fault_internal.h"
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

}  // namespace
}  // namespace marquet::table
