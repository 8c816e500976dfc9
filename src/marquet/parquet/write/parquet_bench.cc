// Encode: rows of an order book of ten levels (22 + 60 columns) through FileWriter, on one thread and on all.
// Decode: the same file read back whole; three of 22 floating columns of a wide table; verification. What of
// a write is verification, by itself.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <random>

#include "arrow/api.h"
#include "arrow/io/file.h"
#include "fmt/format.h"
#include "marquet/parquet/decode/reader.h"
#include "marquet/parquet/encode/file_format.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/parquet/verify/verify_internal.h"
#include "marquet/parquet/write/value_check_internal.h"
#include "marquet/parquet/write/writer.h"
#include "parquet/file_reader.h"

namespace marquet::pq {
namespace {

constexpr int64_t kBookRows = 1 << 20;
constexpr int64_t kBatchRows = 1 << 16;
constexpr int64_t kWideRows = 10'000'000;

template <typename T>
T Value(arrow::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return std::move(result).ValueUnsafe();
}

template <typename Builder, typename Next>
std::shared_ptr<arrow::Array> Column(int64_t rows, Next next) {
  Builder builder;
  if (!builder.Reserve(rows).ok()) throw std::bad_alloc();
  for (int64_t i = 0; i < rows; ++i) builder.UnsafeAppend(next(i));
  return Value(builder.Finish());
}

// Prices move by ticks of 0.25 in units of 1e-9; each event changes few levels; times grow.
std::shared_ptr<arrow::Table> Book(int64_t rows) {
  std::mt19937_64 random(7);
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  const auto add = [&](std::string name, std::shared_ptr<arrow::Array> column) {
    fields.push_back(arrow::field(std::move(name), column->type()));
    columns.push_back(std::move(column));
  };
  constexpr int64_t kTick = 250'000'000;
  std::vector<int64_t> mid(rows), ts(rows);
  int64_t at = 1'703'376'000'000'000'000, price = 4'800'000'000'000;
  for (int64_t i = 0; i < rows; ++i) {
    at += static_cast<int64_t>(random() % 200'000);
    if (random() % 32 == 0) price += (random() % 2 == 0 ? kTick : -kTick);
    ts[i] = at;
    mid[i] = price;
  }
  add("ts_recv", Column<arrow::Int64Builder>(rows, [&](int64_t i) { return ts[i]; }));
  add("ts_event", Column<arrow::Int64Builder>(
                      rows, [&](int64_t i) { return ts[i] - 15'000 - int64_t(random() % 4000); }));
  add("rtype", Column<arrow::Int16Builder>(rows, [&](int64_t) { return int16_t{10}; }));
  add("publisher_id", Column<arrow::Int32Builder>(rows, [&](int64_t) { return 1; }));
  add("instrument_id", Column<arrow::Int64Builder>(rows, [&](int64_t) { return 17077; }));
  add("action", Column<arrow::Int8Builder>(rows, [&](int64_t) { return "ACM"[random() % 3]; }));
  add("side", Column<arrow::Int8Builder>(rows, [&](int64_t) { return "AB"[random() % 2]; }));
  add("depth", Column<arrow::Int16Builder>(rows, [&](int64_t) { return int16_t(random() % 10); }));
  add("price", Column<arrow::Int64Builder>(
                   rows, [&](int64_t i) { return mid[i] + kTick * (int64_t(random() % 20) - 10); }));
  add("size", Column<arrow::Int64Builder>(rows, [&](int64_t) { return int64_t(1 + random() % 50); }));
  add("flags", Column<arrow::Int16Builder>(rows, [&](int64_t) { return int16_t{130}; }));
  add("ts_in_delta",
      Column<arrow::Int32Builder>(rows, [&](int64_t) { return int32_t(12'000 + random() % 3000); }));
  add("sequence", Column<arrow::Int64Builder>(rows, [&](int64_t i) { return 1000 + i * 2; }));
  for (int level = 0; level < 10; ++level) {
    for (const char* side : {"bid", "ask"}) {
      const int64_t offset = (side[0] == 'b' ? -1 : 1) * (level + 1) * kTick;
      int64_t size = 10, count = 3;
      add(fmt::format("{}_px_{:02}", side, level),
          Column<arrow::Int64Builder>(rows, [&](int64_t i) { return mid[i] + offset; }));
      add(fmt::format("{}_sz_{:02}", side, level), Column<arrow::Int64Builder>(rows, [&](int64_t) {
            if (random() % 12 == 0) size = int64_t(1 + random() % 200);
            return size;
          }));
      add(fmt::format("{}_ct_{:02}", side, level), Column<arrow::Int64Builder>(rows, [&](int64_t) {
            if (random() % 12 == 0) count = int64_t(1 + random() % 30);
            return count;
          }));
    }
  }
  add("symbol", Value(arrow::MakeArrayFromScalar(arrow::StringScalar("ESH4"), rows)));
  add("ts", Column<arrow::Int64Builder>(rows, [&](int64_t i) { return ts[i] / 1000; }));
  add("source_row", Column<arrow::Int64Builder>(rows, [&](int64_t i) { return i; }));
  return arrow::Table::Make(arrow::schema(std::move(fields)), std::move(columns));
}

// 22 columns of prices that walk, as doubles of two decimals.
std::shared_ptr<arrow::Table> Wide(int64_t rows) {
  std::mt19937_64 random(11);
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  for (int c = 0; c < 22; ++c) {
    int64_t cents = 10'000 + 100 * c;
    fields.push_back(arrow::field(fmt::format("c{:02}", c), arrow::float64()));
    columns.push_back(Column<arrow::DoubleBuilder>(rows, [&](int64_t) {
      cents += int64_t(random() % 5) - 2;
      return static_cast<double>(cents) / 100;
    }));
  }
  return arrow::Table::Make(arrow::schema(std::move(fields)), std::move(columns));
}

class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "marquet-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch directory");
    directory_ = name;
  }
  ~Scratch() { std::filesystem::remove_all(directory_); }
  std::string Path(const std::string& name) const { return (directory_ / name).string(); }

 private:
  std::filesystem::path directory_;
};

WrittenFile Write(const std::string& path, const arrow::Table& table, bool parallel) {
  WriteOptions options;
  options.parallel = parallel;
  auto writer = Value(FileWriter::Open(file::LocalFileSystem(), path, table.schema(), options));
  arrow::TableBatchReader batches(table);
  batches.set_chunksize(kBatchRows);
  for (std::shared_ptr<arrow::RecordBatch> batch;;) {
    if (!batches.ReadNext(&batch).ok()) throw std::runtime_error("no batch");
    if (batch == nullptr) return Value(writer->Close());
    if (const auto status = writer->Write(*batch); !status.ok()) throw std::runtime_error(status.ToString());
  }
}

void EncodeBook(benchmark::State& state) {
  const auto book = Book(kBookRows);
  const Scratch scratch;
  int64_t bytes = 0;
  for (auto _ : state) {
    bytes = Write(scratch.Path("book.parquet"), *book, state.range(0) != 0).bytes;
    state.PauseTiming();
    std::filesystem::remove(scratch.Path("book.parquet"));
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kBookRows);
  state.counters["bytes/row"] = static_cast<double>(bytes) / kBookRows;
}
BENCHMARK(EncodeBook)
    ->ArgName("parallel")
    ->Arg(0)
    ->Arg(1)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void Check(const arrow::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

// What EncodeBook spends on verification at the default level: the writer's own steps, once more.
void CheckBook(benchmark::State& state) {
  const Scratch scratch;
  const auto book = Book(kBookRows);
  const WrittenFile written = Write(scratch.Path("book.parquet"), *book, true);
  const auto format = Value(FileFormat::Make(book->schema(), {}));
  arrow::TableBatchReader reader(*book);
  reader.set_chunksize(kBatchRows);
  const arrow::RecordBatchVector batches = Value(reader.ToRecordBatches());
  const std::vector<bool> decoded(static_cast<size_t>(book->num_columns()), false);
  const std::shared_ptr<arrow::io::RandomAccessFile> file =
      Value(arrow::io::ReadableFile::Open(written.path));
  const std::shared_ptr<::parquet::FileMetaData> footer = ::parquet::ReadMetaData(file);
  for (auto _ : state) {
    ValueCheck values(format, written.path);
    int64_t row = 0;
    for (const auto& batch : batches) {
      values.Take(*batch, decoded, row);
      row += batch->num_rows();
    }
    Check(CheckWritten(*file, written.path, *footer, VerifyLevel::kFooter));
    Check(values.Compare(file, footer, true));
  }
  state.SetItemsProcessed(state.iterations() * kBookRows);
}
BENCHMARK(CheckBook)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);

void Read(benchmark::State& state, const std::string& path, int columns, int64_t rows) {
  for (auto _ : state) {
    const auto reader = Value(FileReader::Open(file::LocalFileSystem(), path));
    ReadRequest request;
    for (int i = 0; i < columns; ++i) request.columns.push_back(reader->schema()->field(i)->name());
    for (int i = 0; i < reader->num_row_groups(); ++i) request.parts.push_back({i, {}});
    const auto stream = Value(reader->Read(request));
    int64_t seen = 0;
    for (std::shared_ptr<arrow::RecordBatch> batch;;) {
      if (const auto status = stream->ReadNext(&batch); !status.ok())
        throw std::runtime_error(status.ToString());
      if (batch == nullptr) break;
      seen += batch->num_rows();
    }
    if (seen != rows) throw std::runtime_error("rows are missing");
  }
  state.SetItemsProcessed(state.iterations() * rows);
}

void DecodeBook(benchmark::State& state) {
  const Scratch scratch;
  const auto book = Book(kBookRows);
  Write(scratch.Path("book.parquet"), *book, true);
  Read(state, scratch.Path("book.parquet"), book->num_columns(), kBookRows);
}
BENCHMARK(DecodeBook)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);

void ScanThreeOf22(benchmark::State& state) {
  const Scratch scratch;
  Write(scratch.Path("wide.parquet"), *Wide(kWideRows), true);
  Read(state, scratch.Path("wide.parquet"), 3, kWideRows);
}
BENCHMARK(ScanThreeOf22)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);

void VerifyBook(benchmark::State& state) {
  const Scratch scratch;
  const WrittenFile written = Write(scratch.Path("book.parquet"), *Book(kBookRows), true);
  const auto level = static_cast<VerifyLevel>(state.range(0));
  for (auto _ : state) {
    const FileVerdict verdict = Value(VerifyFile(*file::LocalFileSystem(), written.path, level,
                                                 {written.digest, written.bytes, written.rows}));
    if (!verdict.ok) throw std::runtime_error("damaged");
  }
  state.SetItemsProcessed(state.iterations() * kBookRows);
}
BENCHMARK(VerifyBook)
    ->ArgName("level")
    ->Arg(static_cast<int>(VerifyLevel::kCrc))
    ->Arg(static_cast<int>(VerifyLevel::kFull))
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace marquet::pq
