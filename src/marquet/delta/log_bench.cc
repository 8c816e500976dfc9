// What a commit costs beside one durable publish of the same bytes, at the tenth and the ten thousandth file;
// what opening a table from nothing costs through a checkpoint and through commits, and one of its versions
// by time; and what a checkpoint costs. Run in the directory to be measured.
#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>

#include <benchmark/benchmark.h>

#include "marquet/delta/checkpoint.h"
#include "marquet/delta/log.h"
#include "marquet/delta/schema.h"
#include "marquet/file/durable_file.h"
#include "marquet/file/memory_file_system.h"

namespace marquet::delta {
namespace {

struct Directory {
  Directory() {
    std::string pattern = "marquet-bench-XXXXXX";
    path = ::mkdtemp(pattern.data());
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path;
};

CommitRequest Create() {
  Metadata metadata;
  metadata.id = "00000000-0000-4000-8000-000000000000";
  metadata.schema_string = *SchemaToJson(
      *arrow::schema({arrow::field("symbol", arrow::utf8()), arrow::field("date", arrow::date32()),
                      arrow::field("price", arrow::int64()), arrow::field("size", arrow::int64())}));
  metadata.partition_columns = {"symbol", "date"};
  CommitRequest request;
  request.actions = {Protocol(), metadata};
  return request;
}

AddFile File(int64_t number) {
  AddFile file;
  file.path = fmt::format("symbol=ESH4/date=2024-01-02/part-{:032x}.parquet", number);
  file.partition_values = {{"symbol", "ESH4"}, {"date", "2024-01-02"}};
  file.size = 4096;
  file.stats =
      R"({"numRecords":100,"minValues":{"price":4500250000000,"size":1},"maxValues":{"price":4501750000000,"size":99},"nullCount":{"price":0,"size":0}})";
  file.tags["marquet.digest"] = "00112233445566778899aabbccddeeff";
  return file;
}

int64_t CreateWithFiles(Log& log, int64_t files) {
  CommitRequest request = Create();
  for (int64_t i = 0; i < files; ++i) request.actions.emplace_back(File(i));
  return log.Commit(std::move(request))->version;
}

// The log of a table of so many files, one more with each commit.
void Commit(benchmark::State& state) {
  const Directory directory;
  Log log(file::LocalFileSystem(), directory.path);
  log.set_checkpointing(Log::Checkpointing::kNever);
  int64_t version = CreateWithFiles(log, state.range(0));
  int64_t number = state.range(0);
  for (auto _ : state) {
    CommitRequest request;
    request.read_version = version;
    request.actions = {File(number++)};
    version = log.Commit(std::move(request))->version;
  }
}
BENCHMARK(Commit)->Arg(10)->Arg(10'000)->Iterations(300)->Unit(benchmark::kMicrosecond)->UseRealTime();

// The floor of Commit.
void OnePublish(benchmark::State& state) {
  const Directory directory;
  const std::string bytes(700, 'x');
  int64_t number = 0;
  for (auto _ : state) {
    if (!file::PutNew(file::LocalFileSystem(), fmt::format("{}/{}", directory.path, number++), bytes).ok()) {
      state.SkipWithError("the publish failed");
    }
  }
}
BENCHMARK(OnePublish)->Iterations(300)->Unit(benchmark::kMicrosecond)->UseRealTime();

// The same without a disk below: the log's own work.
void CommitInMemory(benchmark::State& state) {
  Log log(std::make_shared<file::MemoryFileSystem>(), "table");
  log.set_checkpointing(Log::Checkpointing::kNever);
  int64_t version = CreateWithFiles(log, state.range(0));
  int64_t number = state.range(0);
  for (auto _ : state) {
    CommitRequest request;
    request.read_version = version;
    request.actions = {File(number++)};
    version = log.Commit(std::move(request))->version;
  }
}
BENCHMARK(CommitInMemory)->Arg(10)->Arg(10'000)->Iterations(1000)->Unit(benchmark::kMicrosecond);

void OpenThroughCheckpoint(benchmark::State& state) {
  const Directory directory;
  {
    Log log(file::LocalFileSystem(), directory.path);
    CreateWithFiles(log, state.range(0));
    if (!log.Checkpoint().ok()) state.SkipWithError("no checkpoint");
  }
  for (auto _ : state) {
    Log log(file::LocalFileSystem(), directory.path);
    benchmark::DoNotOptimize(*log.Latest());
  }
}
BENCHMARK(OpenThroughCheckpoint)->Arg(10)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMicrosecond);

void OpenThroughCommits(benchmark::State& state) {
  const Directory directory;
  {
    Log log(file::LocalFileSystem(), directory.path);
    CreateWithFiles(log, state.range(0));
  }
  for (auto _ : state) {
    Log log(file::LocalFileSystem(), directory.path);
    benchmark::DoNotOptimize(*log.Latest());
  }
}
BENCHMARK(OpenThroughCommits)->Arg(1000)->Unit(benchmark::kMicrosecond)->UseRealTime();

// The version of a time in the midst of so many commits.
void VersionByTime(benchmark::State& state) {
  const auto fs = std::make_shared<file::MemoryFileSystem>();
  Log writer(fs, "table");
  writer.set_checkpointing(Log::Checkpointing::kInline);
  int64_t version = CreateWithFiles(writer, 10);
  int64_t middle_ms = 0;
  for (int64_t i = 0; i < state.range(0); ++i) {
    CommitRequest request;
    request.read_version = version;
    request.actions = {File(10 + i)};
    const auto committed = writer.Commit(std::move(request));
    version = committed->version;
    if (i == state.range(0) / 2) middle_ms = committed->snapshot->timestamp_ms;
  }
  for (auto _ : state) {
    Log log(fs, "table");
    benchmark::DoNotOptimize(*log.AtTime(middle_ms));
  }
}
BENCHMARK(VersionByTime)->Arg(100)->Arg(2'000)->Unit(benchmark::kMicrosecond);

void WriteOneCheckpoint(benchmark::State& state) {
  const Directory directory;
  Log log(file::LocalFileSystem(), directory.path);
  CreateWithFiles(log, state.range(0));
  const auto snapshot = *log.Latest();
  const std::string path = directory.path + "/_delta_log";
  for (auto _ : state) {
    if (!WriteCheckpoint(log.fs(), path, *snapshot).ok()) state.SkipWithError("the checkpoint failed");
    state.PauseTiming();
    std::filesystem::remove(path + "/" + CheckpointName(0));
    std::filesystem::remove(path + "/_last_checkpoint");
    state.ResumeTiming();
  }
}
BENCHMARK(WriteOneCheckpoint)->Arg(10'000)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace marquet::delta
