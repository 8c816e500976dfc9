// Workloads:
//   Append100Rows        a durable append of 100 rows (data file, commit)
//   TwoBarePublishes     two files of the same sizes through DurableFile alone, the append's measure
//   OnePartitionOpen     one partition of 1,000 files, the table open
//   OnePartitionCold     the same, Table::Open included
//   RangeByStatistics    101 rows by the log's statistics among 1,000 files, the table open
//   ThreeOf22Columns     three of 22 float columns of 10 M rows
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "arrow/api.h"
#include "marquet/file/durable_file.h"
#include "marquet/table/table.h"

namespace marquet::table {
namespace {

template <typename T>
T Value(arrow::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return std::move(result).ValueUnsafe();
}

void Ok(const arrow::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

// A directory of its own for the length of the program.
const std::filesystem::path& Directory() {
  static const struct Owner {
    std::filesystem::path path;
    Owner() {
      const char* base = std::getenv("MARQUET_BENCH_DIR");
      std::string name =
          ((base != nullptr ? std::filesystem::path(base) : std::filesystem::temp_directory_path()) /
           "marquet-bench-XXXXXX")
              .string();
      if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
      path = name;
    }
    ~Owner() { std::filesystem::remove_all(path); }
  } owner;
  return owner.path;
}

std::shared_ptr<arrow::RecordBatch> Rows(int64_t rows, int64_t first = 0,
                                         const std::string& symbol = "ESH4") {
  arrow::Int64Builder time, price;
  arrow::Int32Builder size;
  arrow::StringBuilder symbols;
  for (int64_t i = 0; i < rows; ++i) {
    Ok(time.Append(1'704'153'600'000'000'000 + (first + i) * 1'000'000));
    Ok(price.Append(4'800'000'000'000 + (first + i) % 97 * 250'000'000));
    Ok(size.Append(static_cast<int32_t>((first + i) % 13)));
    Ok(symbols.Append(symbol));
  }
  const auto schema = arrow::schema(
      {arrow::field("ts_event", arrow::int64(), true, arrow::key_value_metadata({"unit"}, {"ns"})),
       arrow::field("price", arrow::int64()), arrow::field("size", arrow::int32()),
       arrow::field("symbol", arrow::utf8())});
  return arrow::RecordBatch::Make(
      schema, rows,
      {Value(time.Finish()), Value(price.Finish()), Value(size.Finish()), Value(symbols.Finish())});
}

AppendReport Append(Table& table, const std::shared_ptr<arrow::RecordBatch>& batch,
                    AppendOptions options = {}) {
  auto reader = Value(arrow::RecordBatchReader::Make({batch}, batch->schema()));
  return Value(table.Append(*reader, std::move(options)));
}

void Append100Rows(benchmark::State& state) {
  static int run = 0;
  const auto batch = Rows(100);
  const auto table = Value(Table::Create(file::LocalFileSystem(),
                                         (Directory() / ("append" + std::to_string(run++))).string(),
                                         *batch->schema(), {.partition_by = {"symbol"}}));
  for (auto _ : state) Append(*table, batch);
  state.counters["version"] = static_cast<double>(table->version());
}
BENCHMARK(Append100Rows)->Unit(benchmark::kMicrosecond)->UseRealTime();

void TwoBarePublishes(benchmark::State& state) {
  const auto fs = file::LocalFileSystem();
  const std::string data = (Directory() / "bare-data").string();
  const std::string log = (Directory() / "bare-log").string();
  std::filesystem::create_directories(data);
  std::filesystem::create_directories(log);
  static int64_t n = 0;
  const std::string data_bytes(2'500, 'x');
  const std::string log_bytes(1'200, 'y');
  for (auto _ : state) {
    const std::string name = std::to_string(n++);
    Ok(file::PutNew(fs, data + "/" + name + ".parquet", data_bytes));
    Ok(file::PutNew(fs, log + "/" + name + ".json", log_bytes));
  }
}
BENCHMARK(TwoBarePublishes)->Unit(benchmark::kMicrosecond)->UseRealTime();

// 1,000 partitions of one file of 2,000 rows each.
const std::string& ThousandFiles() {
  static const std::string path = [] {
    const std::string made = (Directory() / "thousand").string();
    const auto first = Rows(1);
    const auto table =
        Value(Table::Create(file::LocalFileSystem(), made, *first->schema(), {.partition_by = {"symbol"}}));
    const auto appender = Value(table->NewAppender());
    for (int64_t i = 0; i < 1'000; ++i) Ok(appender->Write(*Rows(2'000, i * 2'000, fmt::format("S{}", i))));
    Value(appender->Commit());
    Ok(table->log().Checkpoint());
    return made;
  }();
  return path;
}

void OnePartition(benchmark::State& state, bool cold) {
  auto table = Value(Table::Open(file::LocalFileSystem(), ThousandFiles()));
  int64_t n = 0;
  for (auto _ : state) {
    if (cold) table = Value(Table::Open(file::LocalFileSystem(), ThousandFiles()));
    ScanOptions options;
    options.where = Value(predicate::Predicate::FromTerms(
        std::vector<predicate::Term>{{"symbol", "=", {fmt::format("S{}", n++ * 37 % 1'000)}}}));
    const auto rows = Value(Value(table->NewScan(std::move(options))).ToTable());
    if (rows->num_rows() != 2'000) throw std::runtime_error("wrong rows");
  }
}
BENCHMARK_CAPTURE(OnePartition, Open, false)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK_CAPTURE(OnePartition, Cold, true)->Unit(benchmark::kMicrosecond)->UseRealTime();

void RangeByStatistics(benchmark::State& state) {
  const auto table = Value(Table::Open(file::LocalFileSystem(), ThousandFiles()));
  for (auto _ : state) {
    ScanOptions options;
    const int64_t start = 1'704'153'600'000'000'000 + 1'234'567'000'000;
    options.where = predicate::Predicate::TimeRange("ts_event", start, start + 101'000'000);
    const auto rows = Value(Value(table->NewScan(std::move(options))).ToTable());
    if (rows->num_rows() != 101) throw std::runtime_error("wrong rows");
  }
}
BENCHMARK(RangeByStatistics)->Unit(benchmark::kMicrosecond)->UseRealTime();

const std::string& WideTable() {
  static const std::string path = [] {
    const std::string made = (Directory() / "wide").string();
    arrow::FieldVector fields;
    for (int c = 0; c < 22; ++c) fields.push_back(arrow::field(fmt::format("c{}", c), arrow::float64()));
    const auto schema = arrow::schema(fields);
    const auto table = Value(Table::Create(file::LocalFileSystem(), made, *schema, {}));
    const auto appender = Value(table->NewAppender());
    std::mt19937_64 random(1);
    std::normal_distribution<double> step;
    double level = 100;
    for (int part = 0; part < 10; ++part) {
      arrow::ArrayVector columns;
      for (int c = 0; c < 22; ++c) {
        arrow::DoubleBuilder builder;
        Ok(builder.Reserve(1'000'000));
        for (int i = 0; i < 1'000'000; ++i) builder.UnsafeAppend(level += step(random) * 0.01);
        columns.push_back(Value(builder.Finish()));
      }
      Ok(appender->Write(*arrow::RecordBatch::Make(schema, 1'000'000, columns)));
    }
    Value(appender->Commit());
    return made;
  }();
  return path;
}

void ThreeOf22Columns(benchmark::State& state) {
  const auto table = Value(Table::Open(file::LocalFileSystem(), WideTable()));
  for (auto _ : state) {
    const auto rows = Value(Value(table->NewScan({.columns = {"c1", "c7", "c20"}})).ToTable());
    if (rows->num_rows() != 10'000'000) throw std::runtime_error("wrong rows");
  }
}
BENCHMARK(ThreeOf22Columns)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace marquet::table
