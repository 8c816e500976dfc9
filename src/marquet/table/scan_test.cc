// Scans: forms of values, columns, order, limits, ranges and counts.

#include "marquet/schema/units.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using testing::ElementsAre;

TEST_F(TableTest, FormsOfTimesAndPrices) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  MQ_OK(Append(*table, Batch({{1'704'153'600'000'000'001, 4'800'250'000'000, 1, 0.5, "ESH4"},
                              {2, -1, 2, 0.5, "ESH4"}}))
            .status());
  auto first = [&](ScanOptions options, const char* column) {
    return Read(*table, std::move(options))->GetColumnByName(column)->GetScalar(0).ValueOrDie();
  };
  EXPECT_EQ(first({}, "ts_event")->ToString(), "2024-01-02 00:00:00.000000001Z");
  EXPECT_EQ(first({.stored_types = true}, "ts_event")->ToString(), "1704153600000000001");
  EXPECT_EQ(first({}, "price")->ToString(), "4800250000000");
  EXPECT_EQ(first({.price = schema::PriceForm::kFloat}, "price")->ToString(), "4800.25");
  EXPECT_EQ(first({.price = schema::PriceForm::kDecimal}, "price")->ToString(), "4800.250000000");
  const auto decimals = Read(*table, {.price = schema::PriceForm::kDecimal});
  EXPECT_EQ(decimals->GetColumnByName("price")->GetScalar(1).ValueOrDie()->ToString(), "-1E-9");
}

TEST_F(TableTest, ColumnsOrderAndLimit) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  MQ_OK(Append(*table,
               Batch({{3, 1, 1, 3.0, "B"}, {1, 2, 2, NAN, "A"}, {2, 3, 3, {}, "B"}, {0, 4, 4, 1.0, "A"}}))
            .status());
  ScanOptions options;
  options.columns = {"size", "symbol"};
  options.sort_by = {"ts_event"};
  auto rows = Read(*table, options);
  EXPECT_EQ(rows->num_columns(), 2);
  EXPECT_EQ(rows->GetColumnByName("size")->chunk(0)->ToString(), "[\n  4,\n  2,\n  3,\n  1\n]");
  options.limit = 2;
  rows = Read(*table, options);
  EXPECT_EQ(rows->GetColumnByName("size")->chunk(0)->ToString(), "[\n  4,\n  2\n]");
  options.sort_by = {"f", "size"};  // NaN after numbers, null last
  options.limit.reset();
  rows = Read(*table, options);
  EXPECT_EQ(rows->GetColumnByName("size")->chunk(0)->ToString(), "[\n  4,\n  1,\n  2,\n  3\n]");
  EXPECT_EQ(Read(*table, {.limit = 3})->num_rows(), 3);
  EXPECT_EQ(Read(*table, {.limit = 0})->num_rows(), 0);
  EXPECT_EQ(Read(*table, {.columns = {"symbol"}})->num_rows(), 4);  // nothing to read of the files
  EXPECT_EQ(Read(*table, {.start_ns = 1000, .end_ns = 3000})->num_rows(), 0);
}

TEST_F(TableTest, TimeRangesAreHalfOpen) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  MQ_OK(Append(*table, Batch({{1'000, 1, 1, {}, "A"}, {2'000, 1, 2, {}, "A"}, {3'000, 1, 3, {}, "A"}}))
            .status());
  EXPECT_THAT(Sizes(*Read(*table, {.start_ns = 1'000, .end_ns = 3'000})), ElementsAre(1, 2));
  EXPECT_THAT(Sizes(*Read(*table, {.start_ns = 1'001})), ElementsAre(2, 3));
  EXPECT_THAT(Sizes(*Read(*table, {.end_ns = 2'001, .time_column = "ts_event"})), ElementsAre(1, 2));
}

TEST_F(TableTest, Counts) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  MQ_OK(Append(*table, Batch({{1, 1, 1, 1.0, "A"}, {2, 1, 2, 2.0, "A"}, {3, 1, 3, 3.0, "B"}})).status());
  auto count = [&](std::string_view filter, int64_t* files_read = nullptr) {
    ScanOptions options;
    if (!filter.empty()) options.where = Value(predicate::Predicate::Parse(filter));
    const auto scan = Value(table->NewScan(options));
    const int64_t rows = Value(scan.Count());
    if (files_read != nullptr) *files_read = scan.statistics().files_read;
    return rows;
  };
  int64_t files_read = -1;
  EXPECT_EQ(count("", &files_read), 3);
  EXPECT_EQ(files_read, 0);
  EXPECT_EQ(count("symbol = 'A'", &files_read), 2);
  EXPECT_EQ(files_read, 0);
  EXPECT_EQ(count("size > 100", &files_read), 0);
  EXPECT_EQ(files_read, 0);
  EXPECT_EQ(count("size >= 2", &files_read), 2);
  EXPECT_EQ(files_read, 1);
}

TEST_F(TableTest, ScansOfUnknownColumns) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  auto status = table->NewScan({.columns = {"sise"}}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kNotFound)) << status;
  EXPECT_EQ(HintOf(status), "did you mean 'size'?");
  status = table->NewScan({.sort_by = {"x"}}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kNotFound)) << status;
  status = table->NewScan({.where = Value(predicate::Predicate::Parse("x = 1"))}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kNotFound)) << status;
  EXPECT_TRUE(IsKind(table->NewScan({.limit = -1}).status(), ErrorKind::kInvalidInput));
  EXPECT_TRUE(IsKind(table->NewScan({.columns = {"size", "size"}}).status(), ErrorKind::kInvalidInput));
}

}  // namespace
}  // namespace marquet::table
