// Scans against a slow, plain reference: what is pruned by partition, log, footer and page statistics must
// not change what comes out.

#include "marquet/predicate/predicate_testing.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using predicate::reference::Generator;
using predicate::reference::Row;
using predicate::reference::Tested;

std::vector<int64_t> Ids(const arrow::Table& table) {
  std::vector<int64_t> ids;
  const auto column = table.GetColumnByName("id");
  for (const auto& chunk : column->chunks()) {
    const auto& values = static_cast<const arrow::Int64Array&>(*chunk);
    ids.insert(ids.end(), values.raw_values(), values.raw_values() + values.length());
  }
  return ids;
}

TEST_F(TableTest, RandomPredicatesOverRandomTables) {
  Generator random(7);
  int64_t files_skipped = 0, groups_skipped = 0, rows_skipped = 0;
  for (int round = 0; round < 4; ++round) {
    const bool partitioned = round % 2 == 0;
    const auto table = Value(Table::Create(
        fs_, Path(std::to_string(round)), *predicate::reference::RowSchema(),
        {.partition_by = partitioned ? std::vector<std::string>{"p"} : std::vector<std::string>{}}));
    std::vector<Row> rows;
    for (int append = 0; append < 5; ++append) {
      std::vector<Row> part;
      const size_t count = append == 0 ? 9'000 : 200 + random.Below(800);
      for (size_t i = 0; i < count; ++i) {
        part.push_back(
            random.RandomRow(static_cast<int64_t>(append * 20 + static_cast<int64_t>(20 * i / count))));
      }
      AppendOptions options;
      options.file.row_group_rows = append == 0 ? 3'000 : 150;
      MQ_OK(Append(*table, predicate::reference::BatchOf(part, static_cast<int64_t>(rows.size())), options)
                .status());
      rows.insert(rows.end(), part.begin(), part.end());
    }
    for (int query = 0; query < 60; ++query) {
      const Tested tested = random.RandomPredicate(2);
      std::vector<int64_t> expected;
      for (size_t i = 0; i < rows.size(); ++i) {
        if (tested.meaning(rows[i]) == 2) expected.push_back(static_cast<int64_t>(i));
      }
      ScanOptions options;
      options.where = Value(predicate::Predicate::Parse(tested.text));
      options.batch_rows = 1 + static_cast<int64_t>(random.Below(2'000));
      options.use_threads = random.Chance(0.5);
      if (random.Chance(0.3)) options.columns = {"id"};
      const auto scan = Value(table->NewScan(options));
      const auto found = Value(scan.ToTable());
      MQ_OK(found->Validate());
      auto ids = Ids(*found);
      std::sort(ids.begin(), ids.end());
      ASSERT_EQ(ids, expected) << tested.text;
      const ScanStatistics statistics = scan.statistics();
      EXPECT_EQ(statistics.rows_returned, static_cast<int64_t>(expected.size()));
      files_skipped += statistics.files - statistics.files_read;
      groups_skipped += statistics.row_groups - statistics.row_groups_read;
      rows_skipped += static_cast<int64_t>(rows.size()) - statistics.rows_decoded;
      EXPECT_EQ(Value(scan.Count()), static_cast<int64_t>(expected.size())) << tested.text;
    }
  }
  EXPECT_GT(files_skipped, 200);
  EXPECT_GT(groups_skipped, 100);
  EXPECT_GT(rows_skipped, 50'000);
}

// The stream's order, limit and batches are the same whoever reads, in parallel or not.
TEST_F(TableTest, ParallelScansKeepTheOrder) {
  Generator random(11);
  const auto table = Value(Table::Create(fs_, Path(), *predicate::reference::RowSchema(), {}));
  int64_t first = 0;
  for (int append = 0; append < 4; ++append) {
    std::vector<Row> rows;
    for (int i = 0; i < 40'000; ++i) rows.push_back(random.RandomRow(i / 1000));
    AppendOptions options;
    options.file.row_group_rows = 7'000;
    MQ_OK(Append(*table, predicate::reference::BatchOf(rows, first), options).status());
    first += 40'000;
  }
  for (const char* filter : {"", "i between 3 and 30", "b"}) {
    ScanOptions options;
    options.columns = {"id"};
    if (*filter != 0) options.where = Value(predicate::Predicate::Parse(filter));
    options.batch_rows = 1'000;
    options.use_threads = false;
    const auto serial = Ids(*Read(*table, options));
    options.use_threads = true;
    EXPECT_EQ(Ids(*Read(*table, options)), serial);
    const auto stream = Value(Value(table->NewScan(options)).ToReader());
    EXPECT_EQ(Ids(*Value(stream->ToTable())), serial);
    options.limit = 70'000;
    auto limited = serial;
    if (limited.size() > 70'000) limited.resize(70'000);
    EXPECT_EQ(Ids(*Read(*table, options)), limited);
    // A stream that is dropped half-way ends its threads.
    const auto dropped = Value(Value(table->NewScan(options)).ToReader());
    std::shared_ptr<arrow::RecordBatch> batch;
    MQ_OK(dropped->ReadNext(&batch));
  }
}

TEST_F(TableTest, AScanStopsOnRequest) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  MQ_OK(Append(*table, Batch(std::vector<Trade>(100'000, Trade{1, 1, 1, {}, "A"}))).status());
  StopFlag stop;
  stop.Request();
  const auto scan = Value(table->NewScan({.stop = &stop}));
  EXPECT_TRUE(scan.ToTable().status().IsCancelled());
  const auto appender = Value(table->NewAppender({.stop = &stop}));
  EXPECT_TRUE(appender->Write(*Batch({{1, 1, 1, {}, "A"}})).IsCancelled());
}

// Columns beside the filter's are read only around the rows that it selects.
TEST_F(TableTest, LateColumnsChangeNothing) {
  const auto table = Value(Table::Create(fs_, Path(), *predicate::reference::RowSchema(), {}));
  Generator random(5);
  std::vector<Row> rows;
  for (int i = 0; i < 150'000; ++i) {
    rows.push_back(random.RandomRow(static_cast<int64_t>(random.Below(1'000))));
    rows.back().i = i % 40'000 == 7 || i >= 149'990 ? 5'000 : static_cast<int64_t>(random.Below(10'000)) | 1;
  }
  MQ_OK(Append(*table, predicate::reference::BatchOf(rows)).status());
  std::vector<int64_t> expected;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].i == 5'000) expected.push_back(static_cast<int64_t>(i));
  }
  for (const bool threads : {false, true}) {
    ScanOptions options;
    options.where = Value(predicate::Predicate::Parse("i = 5000"));
    options.use_threads = threads;
    const auto scan = Value(table->NewScan(options));
    const auto found = Value(scan.ToTable());
    MQ_OK(found->ValidateFull());
    EXPECT_EQ(Ids(*found), expected);
    EXPECT_LT(scan.statistics().rows_decoded, 1'000);
    const auto price = found->GetColumnByName("dec");
    for (int64_t i = 0; i < found->num_rows(); ++i) {
      const auto value = price->GetScalar(i).ValueOrDie();
      const auto& wanted = rows[static_cast<size_t>(expected[static_cast<size_t>(i)])].dec;
      ASSERT_EQ(value->is_valid, wanted.has_value());
      if (wanted) {
        EXPECT_EQ(static_cast<const arrow::Decimal128Scalar&>(*value).value, arrow::Decimal128(*wanted));
      }
    }
  }
}

// A scan keeps to its version while the table moves on.
TEST_F(TableTest, ScansSeeOneVersion) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  MQ_OK(Append(*table, Batch({{1, 1, 1, {}, "A"}})).status());
  const auto scan = Value(table->NewScan());
  MQ_OK(Append(*table, Batch({{1, 1, 2, {}, "A"}})).status());
  EXPECT_EQ(Value(scan.ToTable())->num_rows(), 1);
  EXPECT_EQ(Read(*table)->num_rows(), 2);
}

}  // namespace
}  // namespace marquet::table
