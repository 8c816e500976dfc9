// What a scan holds at a time, and that it gives the same rows however little that may be.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "marquet/base/column_memory.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

class ScanMemoryTest : public TableTest {
 protected:
  static std::shared_ptr<arrow::Schema> Wide(int columns) {
    arrow::FieldVector fields = {arrow::field("id", arrow::int64())};
    for (int c = 1; c < columns; ++c) fields.push_back(arrow::field(fmt::format("c{}", c), arrow::float64()));
    return arrow::schema(fields);
  }

  // Files of numbers that no encoding makes small. `id` counts the rows of all files.
  std::shared_ptr<Table> WideTable(int files, int columns, int64_t rows, pq::WriteOptions options = {}) {
    const auto table = Value(Table::Create(fs_, Path(), *Wide(columns), {}));
    std::mt19937_64 random(11);
    for (int file = 0; file < files; ++file) {
      arrow::ArrayVector arrays;
      arrow::Int64Builder id;
      for (int64_t i = 0; i < rows; ++i) Ok(id.Append(file * rows + i));
      arrays.push_back(Value(id.Finish()));
      for (int c = 1; c < columns; ++c) {
        arrow::DoubleBuilder builder;
        for (int64_t i = 0; i < rows; ++i) Ok(builder.Append(static_cast<double>(random())));
        arrays.push_back(Value(builder.Finish()));
      }
      Value(Append(*table, arrow::RecordBatch::Make(Wide(columns), rows, arrays), {.file = options}));
    }
    return table;
  }

  static void Ok(const arrow::Status& status) {
    if (!status.ok()) throw std::runtime_error(status.ToString());
  }

  static int64_t BytesInUse() {
    arrow::MemoryPool* const usual = arrow::default_memory_pool();
    // Under AddressSanitizer columns have no pool of their own.
    const bool one_pool = ColumnMemory() == usual;
    return usual->bytes_allocated() + (one_pool ? 0 : ColumnMemory()->bytes_allocated());
  }
};

TEST_F(ScanMemoryTest, ASlowReaderIsNotBuriedInRows) {
  constexpr int kFiles = 6, kColumns = 16;
  constexpr int64_t kRows = 33'000, kFileBytes = kRows * kColumns * 8;
  const auto table = WideTable(kFiles, kColumns, kRows);
  const auto expected = Read(*table);
  for (const int64_t memory : {int64_t{1}, 4 * kMiB, 24 * kMiB}) {
    SCOPED_TRACE(memory);
    const int64_t before = BytesInUse();
    const auto scan = Value(table->NewScan({.memory = memory}));
    const auto reader = Value(scan.ToReader());
    std::vector<std::shared_ptr<arrow::RecordBatch>> copies;
    int64_t most = 0;
    for (int n = 0;; ++n) {
      std::shared_ptr<arrow::RecordBatch> batch;
      MQ_OK(reader->ReadNext(&batch));
      if (batch == nullptr) break;
      // The bounds hold without it as well: now the threads run ahead as far as they may.
      if (n % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      most = std::max(most, BytesInUse() - before);
      copies.push_back(batch);
      if (memory > 1) {
        copies.back() = nullptr;  // what was taken is not the stream's
      } else {
        EXPECT_LE(batch->num_rows(), 1'024);
      }
    }
    const int64_t peak = scan.statistics().peak_bytes;
    EXPECT_GT(peak, 0);
    // The piece whose turn it is gets on in any case: with its pages, which are as long as its rows here.
    EXPECT_LE(peak, memory + kFileBytes + kFileBytes / 8);
    if (memory > 1) {
      EXPECT_LE(most, 2 * (memory + kFileBytes)) << "by Arrow's own count";
    } else {
      EXPECT_TRUE(Value(arrow::Table::FromRecordBatches(copies))->Equals(*expected));
    }
  }
}

TEST_F(ScanMemoryTest, OrderAndRowsDoNotDependOnIt) {
  const auto table = WideTable(5, 4, 30'000, {.row_group_rows = 7'000});
  for (const char* filter : {"", "id >= 12345", "c1 > 9e18 and id < 150000"}) {
    ScanOptions options;
    options.where = filter[0] == '\0' ? predicate::Predicate{} : Value(predicate::Predicate::Parse(filter));
    options.use_threads = false;
    const auto expected = Read(*table, options);
    for (const bool threads : {false, true}) {
      for (const int64_t memory : {int64_t{1}, 300 * int64_t{1'000}, 100 * kMiB}) {
        options.use_threads = threads;
        options.memory = memory;
        const auto scan = Value(table->NewScan(options));
        EXPECT_TRUE(Value(scan.ToTable())->Equals(*expected)) << filter << " " << memory;
        const auto reader = Value(scan.ToReader());
        EXPECT_TRUE(Value(reader->ToTable())->Equals(*expected)) << filter << " " << memory;
        EXPECT_EQ(Value(scan.Count()), expected->num_rows());
      }
    }
    options.limit = 70'000;
    options.memory = 1;
    const auto limited = Read(*table, options);
    EXPECT_TRUE(limited->Equals(*expected->Slice(0, 70'000)));
  }
}

TEST_F(ScanMemoryTest, ABatchOfAnyLengthMakesNothingUpFront) {
  const auto table = WideTable(2, 5, 70'000);
  for (const char* filter : {"id >= 1", "id between 40000 and 90000", "id = 60000"}) {
    ScanOptions options;
    options.where = Value(predicate::Predicate::Parse(filter));
    const auto expected = Read(*table, options);
    ASSERT_GT(expected->num_rows(), 0);
    options.batch_rows = INT64_MAX;
    for (const bool threads : {false, true}) {
      options.use_threads = threads;
      const auto scan = Value(table->NewScan(options));
      const auto reader = Value(scan.ToReader());
      EXPECT_TRUE(Value(reader->ToTable())->Equals(*expected)) << filter;
      EXPECT_LT(scan.statistics().peak_bytes, 64 * kMiB);
    }
  }
}

TEST_F(ScanMemoryTest, NoMemoryIsRefused) {
  const auto table = WideTable(1, 2, 10);
  for (const int64_t memory : {int64_t{0}, int64_t{-1}, INT64_MIN}) {
    const auto status = table->NewScan({.memory = memory}).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
    EXPECT_NE(status.message().find("memory of"), std::string::npos) << status;
  }
}

// How often data files are read from, by the file system's own count.
TEST_F(ScanMemoryTest, AColumnOfTheFilterIsReadOnce) {
  constexpr int kColumns = 8;
  WideTable(1, kColumns, 40'000, {.page_index = false});
  const auto fs = std::make_shared<file::FaultFileSystem>(file::LocalFileSystem());
  std::atomic<int64_t> reads{0};
  fs->OnOperation([&](int64_t, std::string_view name, const std::string& path) {
    if (name == "read" && path.ends_with(".parquet") && path.find("_delta_log") == path.npos) ++reads;
  });
  const auto table = Value(Table::Open(fs, Path()));
  const auto everything = Read(*table);  // its footer is known from here on
  reads = 0;
  Read(*table);
  EXPECT_EQ(reads, kColumns);
  for (const char* filter : {"id = 7", "c3 > 9e18", "id between 10000 and 30000"}) {
    reads = 0;
    const auto found = Where(*table, filter);
    EXPECT_GT(found->num_rows(), 0);
    EXPECT_LT(found->num_rows(), everything->num_rows());
    EXPECT_EQ(reads, kColumns) << filter;
  }
}

TEST_F(ScanMemoryTest, FilesAreOpenedWhileRowsAreTaken) {
  WideTable(2, 3, 70'000);
  const auto fs = std::make_shared<file::FaultFileSystem>(file::LocalFileSystem());
  std::mutex mutex;
  std::condition_variable changed;
  std::string second;
  bool taken = false, opened_behind = false;
  fs->OnOperation([&](int64_t, std::string_view name, const std::string& path) {
    std::unique_lock lock(mutex);
    if (name != "open" || second.empty() || !path.ends_with(second)) return;
    opened_behind = changed.wait_for(lock, std::chrono::seconds(20), [&] { return taken; });
  });
  const auto table = Value(Table::Open(fs, Path()));
  {
    std::lock_guard lock(mutex);
    second = table->snapshot()->files[1]->path;
  }
  const auto reader = Value(Value(table->NewScan()).ToReader());
  std::shared_ptr<arrow::RecordBatch> batch;
  MQ_OK(reader->ReadNext(&batch));
  {
    std::lock_guard lock(mutex);
    taken = true;
    changed.notify_all();
  }
  int64_t rows = 0;
  while (batch != nullptr) {
    rows += batch->num_rows();
    MQ_OK(reader->ReadNext(&batch));
  }
  EXPECT_EQ(rows, 140'000);
  EXPECT_TRUE(opened_behind) << "no row could be taken while a file was being opened";
}

}  // namespace
}  // namespace marquet::table
