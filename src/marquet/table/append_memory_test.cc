// What an append holds in memory, by its allocators' count, and what becomes of its files when that is short.
#include <atomic>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "arrow/memory_pool.h"
#include "marquet/base/counted_memory_internal.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

constexpr int kWideColumns = 40;
constexpr int64_t kMiB = int64_t{1} << 20;

class AppendMemoryTest : public TableTest {
 protected:
  void SetUp() override {
    TableTest::SetUp();
    if (!MallocCounts()) GTEST_SKIP() << "malloc does not count what it gives out";
  }

  static std::shared_ptr<arrow::Schema> WideSchema() {
    arrow::FieldVector fields = {arrow::field("part", arrow::int64())};
    for (int c = 0; c < kWideColumns; ++c)
      fields.push_back(arrow::field(fmt::format("c{}", c), arrow::int64()));
    return arrow::schema(fields);
  }

  // Rows of which `part_of` tells the partition. In each column 32,000 numbers come eight times in a row at
  // first, so that a dictionary pays, and in any order later.
  template <typename PartOf>
  static std::shared_ptr<arrow::RecordBatch> WideRows(int64_t first, int64_t rows, const PartOf& part_of) {
    arrow::ArrayVector columns;
    arrow::Int64Builder parts;
    for (int64_t i = 0; i < rows; ++i) EXPECT_TRUE(parts.Append(part_of(i)).ok());
    columns.push_back(Value(parts.Finish()));
    for (uint64_t c = 0; c < kWideColumns; ++c) {
      arrow::Int64Builder values;
      EXPECT_TRUE(values.Reserve(rows).ok());
      for (int64_t i = first; i < first + rows; ++i) {
        const auto at = static_cast<uint64_t>(i);
        const uint64_t place = i < 16'384 ? at / 8 : (at * 0xBF58476D1CE4E5B9 >> 20) + c;
        values.UnsafeAppend(static_cast<int64_t>((place % 32'000 + c) * 0x9E3779B97F4A7C15 >> 8));
      }
      columns.push_back(Value(values.Finish()));
    }
    return arrow::RecordBatch::Make(WideSchema(), rows, columns);
  }

  // Besides the budget there is the batch that is being made, and what each thread works in.
  static int64_t MostOf(int64_t memory) {
    return memory + memory / 4 + 3 * kMiB * static_cast<int64_t>(std::thread::hardware_concurrency());
  }

  // The most that is allocated at a time while `work` runs, beyond what is before.
  template <typename Work>
  static int64_t PeakOf(const Work& work) {
    const auto allocated = [] { return MallocBytes() + arrow::default_memory_pool()->bytes_allocated(); };
    const int64_t before = allocated();
    std::atomic<bool> done = false;
    std::atomic<int64_t> peak = before;
    std::thread watcher([&] {
      while (!done) {
        peak = std::max(peak.load(), allocated());
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
    work();
    done = true;
    watcher.join();
    return peak - before;
  }
};

TEST_F(AppendMemoryTest, IsWithinTheBudgetWhateverDictionariesTake) {
  constexpr int64_t kMemory = 64 * kMiB;
  constexpr int64_t kParts = 12, kRowsOfPart = 48'000, kBatch = 8'000;
  const auto table = Value(Table::Create(fs_, Path(), *WideSchema(), {.partition_by = {"part"}}));
  AppendOptions options;
  options.file.memory = kMemory;
  AppendReport report;
  const int64_t peak = PeakOf([&] {
    const auto appender = Value(table->NewAppender(options));
    for (int64_t first = 0; first < kRowsOfPart; first += kBatch) {
      for (int64_t part = 0; part < kParts; ++part) {
        MQ_OK(appender->Write(*WideRows(first, kBatch, [&](int64_t) { return part; })));
      }
    }
    report = Value(appender->Commit());
  });
  EXPECT_LE(peak, MostOf(kMemory));
  EXPECT_EQ(report.rows, kParts * kRowsOfPart);
  EXPECT_EQ(report.files.size(), static_cast<size_t>(kParts)) << "row groups end early, not files";
  EXPECT_TRUE(Value(table->Verify(pq::VerifyLevel::kFull)).ok);
  for (const int64_t part : {int64_t{0}, kParts - 1}) {
    const auto rows = Where(*table, fmt::format("part = {}", part));
    ASSERT_EQ(rows->num_rows(), kRowsOfPart);
    const auto expected = WideRows(0, kRowsOfPart, [&](int64_t) { return part; });
    EXPECT_TRUE(rows->Equals(*Value(arrow::Table::FromRecordBatches({expected}))));
  }
}

// A row of a large batch keeps all of it.
TEST_F(AppendMemoryTest, RowsThatWaitCountWithTheBatchTheyAreIn) {
  constexpr int64_t kMemory = 64 * kMiB;
  constexpr int64_t kBatch = 10'000, kBatches = 100;
  const auto table = Value(Table::Create(fs_, Path(), *WideSchema(), {.partition_by = {"part"}}));
  AppendOptions options;
  options.file.memory = kMemory;
  AppendReport report;
  const int64_t peak = PeakOf([&] {
    const auto appender = Value(table->NewAppender(options));
    for (int64_t b = 0; b < kBatches; ++b) {
      MQ_OK(appender->Write(*WideRows(0, kBatch, [&](int64_t row) { return row == 0 ? 2 : row % 2; })));
    }
    report = Value(appender->Commit());
  });
  EXPECT_LE(peak, MostOf(kMemory));
  EXPECT_EQ(report.rows, kBatch * kBatches);
  EXPECT_EQ(report.files.size(), 3u);
}

}  // namespace
}  // namespace marquet::table
