// What the table tests share: a directory of their own, batches from plain values, and rows as text.
#pragma once

#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/file/file_system.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/table/table.h"

namespace marquet::table {

#define MQ_OK(expression)                         \
  do {                                            \
    const ::arrow::Status _status = (expression); \
    ASSERT_TRUE(_status.ok()) << _status;         \
  } while (false)

template <typename T>
T Value(arrow::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return std::move(result).ValueUnsafe();
}

// Calls `look` with what a power cut may leave of a disk: with every state where few operations are pending,
// with sixteen of them, drawn, where many are.
template <typename Look>
void AfterEachPowerCut(const file::MemoryFileSystem& disk, const Look& look) {
  const int pending = disk.PendingOperations();
  const uint64_t states = pending <= 4 ? uint64_t{1} << pending : 16;
  for (uint64_t i = 0; i < states; ++i) {
    const bool told = pending <= 4 || i == 0;
    look(disk.AfterPowerCut(told ? file::Surviving::Subset(i) : file::Surviving::Drawn(i)));
  }
}

class TableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "marquet-table-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name = "table") const { return (directory_ / name).string(); }

  // symbol (partition), date (partition), ts_event in ns, price in 1e-9, size, f.
  static std::shared_ptr<arrow::Schema> Trades() {
    auto unit = [](const char* value) { return arrow::key_value_metadata({"unit"}, {value}); };
    return arrow::schema({arrow::field("ts_event", arrow::int64(), true, unit("ns")),
                          arrow::field("price", arrow::int64(), true, unit("1e-9")),
                          arrow::field("size", arrow::int32()), arrow::field("f", arrow::float64()),
                          arrow::field("symbol", arrow::utf8()), arrow::field("date", arrow::date32()),
                          arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))});
  }

  struct Trade {
    int64_t ts_event = 0;
    int64_t price = 0;
    int32_t size = 0;
    std::optional<double> f;
    std::optional<std::string> symbol;
    int32_t date = 19724;
  };

  static std::shared_ptr<arrow::RecordBatch> Batch(const std::vector<Trade>& trades) {
    arrow::Int64Builder ts_event, price;
    arrow::Int32Builder size;
    arrow::DoubleBuilder f;
    arrow::StringBuilder symbol;
    arrow::Date32Builder date;
    arrow::TimestampBuilder ts(Trades()->field(6)->type(), arrow::default_memory_pool());
    for (const Trade& trade : trades) {
      bool ok = ts_event.Append(trade.ts_event).ok() && price.Append(trade.price).ok() &&
                size.Append(trade.size).ok();
      ok = ok && (trade.f ? f.Append(*trade.f) : f.AppendNull()).ok();
      ok = ok && (trade.symbol ? symbol.Append(*trade.symbol) : symbol.AppendNull()).ok();
      ok = ok && date.Append(trade.date).ok() && ts.Append(trade.ts_event / 1000).ok();
      if (!ok) throw std::bad_alloc();
    }
    return arrow::RecordBatch::Make(
        Trades(), static_cast<int64_t>(trades.size()),
        {Value(ts_event.Finish()), Value(price.Finish()), Value(size.Finish()), Value(f.Finish()),
         Value(symbol.Finish()), Value(date.Finish()), Value(ts.Finish())});
  }

  static arrow::Result<AppendReport> Append(Table& table, const std::shared_ptr<arrow::RecordBatch>& batch,
                                            AppendOptions options = {}) {
    ARROW_ASSIGN_OR_RAISE(auto reader, arrow::RecordBatchReader::Make({batch}, batch->schema()));
    return table.Append(*reader, std::move(options));
  }

  static std::shared_ptr<arrow::Table> Read(const Table& table, ScanOptions options = {}) {
    return Value(Value(table.NewScan(std::move(options))).ToTable());
  }

  static std::shared_ptr<arrow::Table> Where(const Table& table, std::string_view filter) {
    ScanOptions options;
    if (!filter.empty()) options.where = Value(predicate::Predicate::Parse(filter));
    return Read(table, std::move(options));
  }

  // The sizes of the rows, sorted: a cheap identity for tests that number rows by size.
  static std::vector<int32_t> Sizes(const arrow::Table& table) {
    std::vector<int32_t> sizes;
    const auto column = table.GetColumnByName("size");
    for (const auto& chunk : column->chunks()) {
      const auto& values = static_cast<const arrow::Int32Array&>(*chunk);
      for (int64_t i = 0; i < values.length(); ++i) sizes.push_back(values.Value(i));
    }
    std::sort(sizes.begin(), sizes.end());
    return sizes;
  }

  std::vector<std::string> FilesUnder(const std::string& path, const std::string& ending = "") const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (entry.is_regular_file() && entry.path().string().ends_with(ending)) {
        files.push_back(std::filesystem::relative(entry.path(), path).string());
      }
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  std::filesystem::path directory_;
  std::shared_ptr<file::FileSystem> fs_ = file::LocalFileSystem();
};

}  // namespace marquet::table
