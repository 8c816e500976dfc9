// Appends in which something throws: a file operation, an allocation, the start of a thread. Whatever it is
// and whenever it comes, a reader sees the old version or the new one, no committed data file is gone or
// changed, what the caller is told is what the table holds, and the next append succeeds.

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>

#include "fmt/format.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/failing_new_internal.h"
#include "marquet/base/thread.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/fault_tally.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using file::Fault;
using file::FaultFileSystem;
using file::MemoryFileSystem;
using Checkpointing = delta::Log::Checkpointing;

constexpr int kCommits = 10;  // the append under test brings the version for which a checkpoint is due
constexpr int32_t kNewRows = 3;

bool IsTorture() { return std::getenv("MARQUET_TORTURE") != nullptr; }

uint64_t Seed() {
  const char* const given = std::getenv("MARQUET_SEED");
  return given == nullptr ? 20240110 : std::strtoull(given, nullptr, 10);
}

class AppendExceptionFaultTest : public TableTest, public ::testing::WithParamInterface<Checkpointing> {
 protected:
  void TearDown() override {
    FailThreadStarts(0);
    TableTest::TearDown();
  }

  static std::shared_ptr<MemoryFileSystem> TableWithHistory() {
    auto memory = std::make_shared<MemoryFileSystem>();
    const auto table = Value(Table::Create(memory, "t", *Trades(), {.partition_by = {"symbol"}}));
    table->log().set_checkpointing(Checkpointing::kNever);
    for (int32_t i = 1; i < kCommits; ++i) {
      const auto report = Append(*table, Batch({{i, 1, i, {}, "A"}}));
      EXPECT_TRUE(report.ok()) << report.status();
    }
    return memory;
  }

  // Of every file under the table.
  static void Collect(file::FileSystem& fs, const std::string& path,
                      std::map<std::string, std::string>* files) {
    for (const auto& entry : Value(fs.List(path))) {
      const std::string name = file::JoinPath(path, entry.path);
      if (entry.is_directory) {
        Collect(fs, name, files);
      } else {
        (*files)[name] = Value(file::ReadAll(fs, name));
      }
    }
  }
  static std::map<std::string, std::string> Files(file::FileSystem& fs) {
    std::map<std::string, std::string> files;
    Collect(fs, "t", &files);
    return files;
  }

  static std::shared_ptr<arrow::RecordBatch> NewRows() {
    return Batch({{100, 1, 100, {}, "A"}, {101, 1, 101, {}, "B"}, {102, 1, 102, {}, "C"}});
  }

  struct Outcome {
    arrow::Status status;
    bool name_synced = true;  // false when the fault hit the log's own sync
  };

  // What must hold after an append that something was thrown in.
  static void ExpectOldOrNew(const std::shared_ptr<MemoryFileSystem>& memory,
                             const std::map<std::string, std::string>& before, const Outcome& outcome) {
    const auto after = Files(*memory);
    for (const auto& [name, bytes] : before) {
      if (name.ends_with("_last_checkpoint")) continue;
      const auto found = after.find(name);
      ASSERT_NE(found, after.end()) << name << " is gone";
      EXPECT_EQ(found->second, bytes) << name;
    }
    const auto table = Table::Open(memory, "t");
    ASSERT_TRUE(table.ok()) << table.status();
    const auto rows = Value((*table)->NewScan()).ToTable();
    ASSERT_TRUE(rows.ok()) << "a committed version cannot be read: " << rows.status();
    const int64_t count = (*rows)->num_rows();
    const int64_t old_count = kCommits - 1;
    if (outcome.status.ok()) {
      EXPECT_EQ(count, old_count + kNewRows) << "acknowledged, and not there";
      const auto survived = Table::Open(memory->AfterPowerCut(), "t");
      ASSERT_TRUE(survived.ok()) << survived.status();
      EXPECT_EQ(Read(**survived)->num_rows(), count) << "acknowledged, and lost by a power cut";
    } else if (IsKind(outcome.status, ErrorKind::kCommitUnknown)) {
      EXPECT_FALSE(outcome.name_synced) << "it could have been learnt: " << outcome.status;
      EXPECT_TRUE(count == old_count || count == old_count + kNewRows) << count;
    } else {
      EXPECT_EQ(count, old_count) << "refused, and there: " << outcome.status;
      EXPECT_NE(outcome.status.message(), "");
    }
    const auto again = Append(**table, Batch({{200, 1, 200, {}, "A"}}));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(Read(*Value(Table::Open(memory, "t")))->num_rows(), count + 1);
  }

  // The table's end waits for a checkpoint in the background.
  static arrow::Status AppendThrough(const std::shared_ptr<file::FileSystem>& fs,
                                     AppendOptions options = {}) {
    return Caught("open", [&]() -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(const auto table, Table::Open(fs, "t"));
      table->log().set_checkpointing(GetParam());
      return Append(*table, NewRows(), std::move(options)).status();
    });
  }
};

TEST_P(AppendExceptionFaultTest, EachOperationThrowing) {
  const auto history = TableWithHistory();
  const auto before = Files(*history);
  for (const auto thrown : {Fault::Thrown::kBadAlloc, Fault::Thrown::kSystemError}) {
    for (const auto effect : {Fault::Effect::kNone, Fault::Effect::kHalf, Fault::Effect::kWhole}) {
      int refused = 0;
      for (int64_t n = 1;; ++n) {
        const auto memory = history->Copy();
        const auto faulty = std::make_shared<FaultFileSystem>(memory);
        Outcome outcome;
        std::string operation;
        faulty->OnOperation([&](int64_t number, std::string_view name, const std::string& path) {
          if (number != n) return;
          operation = fmt::format("{} {}", name, path);
          outcome.name_synced = name != "sync the directory" || !path.ends_with("_delta_log");
        });
        faulty->FailAt({.operation = n, .error_number = EAGAIN, .effect = effect, .thrown = thrown});
        outcome.status = AppendThrough(faulty);
        SCOPED_TRACE(fmt::format("operation {} ({}), effect {}, thrown {}: {}", n, operation,
                                 static_cast<int>(effect), static_cast<int>(thrown),
                                 outcome.status.ToString()));
        ASSERT_NO_FATAL_FAILURE(ExpectOldOrNew(memory, before, outcome));
        refused += outcome.status.ok() ? 0 : 1;
        if (operation.empty()) break;
      }
      EXPECT_GT(refused, 10);
    }
  }
}

// Also under a sanitizer, which puts frames of its own between.
TEST(FailingNewTest, OnlyTheProgramsOwnCodeRunsOutOfMemory) {
  const FailingNew failing(2);
  EXPECT_TRUE(arrow::AllocateBuffer(64).ok());
  EXPECT_FALSE(failing.met());
  int* volatile kept = new int(1);
  delete kept;
  EXPECT_FALSE(failing.met()) << "Arrow's allocations were counted";
  EXPECT_THROW(kept = new int(2), std::bad_alloc);
  EXPECT_TRUE(failing.met());
}

// How an append ended whose n-th allocation failed.
enum Ending : int { kNotMet = 10, kAccepted, kRefused, kTerminated, kWrong };

// In a process of its own: Arrow moves errors by copying them, in functions that promise not to throw. Memory
// that runs out just there ends the process, which is what a kill does, and no fault of ours.
int EndingInAChild(const std::function<Ending()>& run) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    std::set_terminate([] { ::_exit(kTerminated); });
    const Ending ending = run();
    std::fflush(stdout);
    ::_exit(::testing::Test::HasFailure() ? kWrong : ending);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : kWrong;
}

TEST_P(AppendExceptionFaultTest, EachAllocationFailing) {
  const auto memory = TableWithHistory();  // each child changes a copy of its own
  const auto before = Files(*memory);
  std::map<int, int> endings;
  // All of them in torture; else one in `step`, a prime, from a first one that the seed draws.
  const int64_t step = IsTorture() ? 1 : 11;
  int64_t n = 1 + static_cast<int64_t>(Seed() % static_cast<uint64_t>(step));
  for (int ending = kAccepted; ending != kNotMet; n += step) {
    SCOPED_TRACE(fmt::format("allocation {}, seed {}", n, Seed()));
    ending = EndingInAChild([&] {
      // The simulated disk's own memory is not what is tested.
      const auto watched = std::make_shared<FaultFileSystem>(memory);
      watched->OnOperation([](int64_t, std::string_view, const std::string&) { SpareAllocations(true); });
      watched->AfterOperation([](int64_t, std::string_view, const std::string&) { SpareAllocations(false); });
      Outcome outcome;
      bool met = false;
      {
        auto table = Value(Table::Open(watched, "t"));
        table->log().set_checkpointing(GetParam());
        const auto rows = NewRows();
        const auto reader = Value(arrow::RecordBatchReader::Make({rows}, rows->schema()));
        const FailingNew failing(n);
        outcome.status = table->Append(*reader, {}).status();
        table.reset();  // waits for a checkpoint in the background
        met = failing.met();
      }
      SCOPED_TRACE(outcome.status.ToString());
      ExpectOldOrNew(memory, before, outcome);
      return !met ? kNotMet : outcome.status.ok() ? kAccepted : kRefused;
    });
    ASSERT_NE(ending, kWrong);
    ++endings[ending];
    if (ending != kNotMet) file::CountFault(file::FaultKind::kAllocation);
  }
  EXPECT_GT(endings[kRefused], 10);
  EXPECT_LT(endings[kTerminated] * 4, endings[kRefused]);
  fmt::print("allocations: {} refused, {} done without, {} ended the process, seed {}\n", endings[kRefused],
             endings[kAccepted], endings[kTerminated], Seed());
}

TEST_P(AppendExceptionFaultTest, EachStartOfAThreadFailing) {
  const auto history = TableWithHistory();
  const auto before = Files(*history);
  for (const bool all_later : {true, false}) {
    for (int64_t n = 1;; ++n) {
      const auto memory = history->Copy();
      FailThreadStarts(n, all_later ? INT64_MAX : n);
      const Outcome outcome{AppendThrough(memory)};
      const bool met = ThreadStarts() >= n;
      FailThreadStarts(0);
      SCOPED_TRACE(
          fmt::format("thread {}{}: {}", n, all_later ? " and later" : "", outcome.status.ToString()));
      EXPECT_TRUE(outcome.status.ok()) << "an append gets by with fewer threads: " << outcome.status;
      ASSERT_NO_FATAL_FAILURE(ExpectOldOrNew(memory, before, outcome));
      if (!met) break;
      file::CountFault(file::FaultKind::kThread);
    }
  }
}

// Also when there is no memory left to say what was thrown: its reader neither waits forever nor takes what
// came so far for all rows.
TEST_F(TableTest, AParallelScanWhoseMemoryRunsOutEnds) {
  const int64_t rows = 1 << 17;
  arrow::Int64Builder numbers;
  for (int64_t i = 0; i < rows; ++i) MQ_OK(numbers.Append(i));
  const auto schema = arrow::schema({arrow::field("n", arrow::int64())});
  const auto batch = arrow::RecordBatch::Make(schema, rows, {Value(numbers.Finish())});
  const auto memory = std::make_shared<MemoryFileSystem>();
  AppendOptions options;
  options.file.row_group_rows = rows / 16;
  MQ_OK(Append(*Value(Table::Create(memory, "t", *schema, {})), batch, options).status());
  const auto expected = Value(arrow::Table::FromRecordBatches({batch}));
  for (const int in_a_row : {1, 30}) {
    std::map<int, int> endings;
    const int64_t step = IsTorture() ? 1 : 13;
    int64_t n = 1 + static_cast<int64_t>(Seed() % static_cast<uint64_t>(step));
    for (int ending = kAccepted; ending != kNotMet; n += step) {
      SCOPED_TRACE(fmt::format("allocation {} and {} behind it, seed {}", n, in_a_row - 1, Seed()));
      ending = EndingInAChild([&] {
        ::alarm(60);
        const auto watched = std::make_shared<FaultFileSystem>(memory);
        watched->OnOperation([](int64_t, std::string_view, const std::string&) { SpareAllocations(true); });
        watched->AfterOperation(
            [](int64_t, std::string_view, const std::string&) { SpareAllocations(false); });
        const auto table = Value(Table::Open(watched, "t"));
        arrow::Result<std::shared_ptr<arrow::Table>> read = arrow::Status::OutOfMemory("thrown");
        bool met = false;
        {
          const FailingNew failing(n, in_a_row, /*in_libraries=*/true);
          try {
            read = Value(table->NewScan({})).ToTable();
          } catch (const std::exception&) {  // the reader's own memory ran out
          }
          met = failing.met();
        }
        EXPECT_TRUE(!read.ok() || (*read)->Equals(*expected));
        return !met ? kNotMet : read.ok() ? kAccepted : kRefused;
      });
      ASSERT_NE(ending, kWrong);
      ++endings[ending];
      if (ending != kNotMet) file::CountFault(file::FaultKind::kAllocation);
    }
    EXPECT_GT(endings[kRefused], 10);
    fmt::print("{} in a row: {} refused, {} done without, {} ended the process, seed {}\n", in_a_row,
               endings[kRefused], endings[kAccepted], endings[kTerminated], Seed());
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, AppendExceptionFaultTest,
                         ::testing::Values(Checkpointing::kInline, Checkpointing::kBackground),
                         [](const auto& info) {
                           return info.param == Checkpointing::kInline ? "Inline" : "Background";
                         });

// Rows that are worth threads are written by the caller where there are none.
TEST_F(TableTest, ManyRowsAreWrittenAndReadWithoutAnyThread) {
  const int64_t rows = 300'000;
  arrow::Int64Builder numbers;
  for (int64_t i = 0; i < rows; ++i) MQ_OK(numbers.Append(i * 7919 % rows));
  const auto schema = arrow::schema({arrow::field("n", arrow::int64())});
  const auto batch = arrow::RecordBatch::Make(schema, rows, {Value(numbers.Finish())});
  FailThreadStarts(1);
  const auto table = Value(Table::Create(fs_, Path(), *schema, {}));
  const auto report = Append(*table, batch);
  const auto read = report.ok() ? Value(table->NewScan()).ToTable() : report.status();
  const auto verdict = table->Verify(pq::VerifyLevel::kFull, 2);
  const int64_t asked = ThreadStarts();
  FailThreadStarts(0);
  MQ_OK(report.status());
  MQ_OK(read.status());
  MQ_OK(verdict.status());
  EXPECT_TRUE(verdict->ok);
  EXPECT_GT(asked, 0);
  const auto expected = Value(arrow::Table::FromRecordBatches({batch}));
  EXPECT_TRUE((*read)->Equals(*expected));
}

}  // namespace
}  // namespace marquet::table
