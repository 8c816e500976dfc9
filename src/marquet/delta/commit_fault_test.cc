// Commits under failing operations and power cuts: what was acknowledged is there, what was refused is not,
// and whatever cannot be known is said to be unknown.
#include <errno.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "marquet/base/error.h"
#include "marquet/delta/test_table.h"
#include "marquet/file/durable_file.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"

namespace marquet::delta {
namespace {

using file::Fault;
using file::FaultFileSystem;
using file::MemoryFileSystem;

const char kTable[] = "/data/table";

// A table at version 1 in memory, all of it durable.
std::shared_ptr<MemoryFileSystem> TableInMemory() {
  auto fs = std::make_shared<MemoryFileSystem>();
  Log log(fs, kTable);
  EXPECT_TRUE(log.Commit(CreateRequest()).ok());
  EXPECT_TRUE(log.Commit(AppendRequest(0, "first.parquet")).ok());
  return fs;
}

bool Holds(const std::shared_ptr<file::FileSystem>& fs, const std::string& path) {
  const auto snapshot = Log(fs, kTable).Latest();
  EXPECT_TRUE(snapshot.ok()) << snapshot.status();
  if (!snapshot.ok()) return false;
  return std::any_of((*snapshot)->files.begin(), (*snapshot)->files.end(),
                     [&](const auto& file) { return file->path == path; });
}

// Lets the first operation fail, then the second ..., each with every errno and effect, or throw, on a table
// of its own, until a run is untouched. `run` works through the failing layer over the file system it is
// given.
void FailEachOperation(
    const std::function<void(const std::shared_ptr<FaultFileSystem>& faulty,
                             const std::shared_ptr<MemoryFileSystem>& memory, int error)>& run) {
  const auto begin = TableInMemory();
  for (const auto effect : {Fault::Effect::kNone, Fault::Effect::kHalf, Fault::Effect::kWhole}) {
    using Thrown = Fault::Thrown;
    for (const auto& [error, thrown] : std::vector<std::pair<int, Thrown>>{{ENOSPC, Thrown::kNothing},
                                                                           {EDQUOT, Thrown::kNothing},
                                                                           {EIO, Thrown::kNothing},
                                                                           {EINTR, Thrown::kNothing},
                                                                           {EAGAIN, Thrown::kSystemError},
                                                                           {0, Thrown::kBadAlloc}}) {
      for (int64_t n = 1;; ++n) {
        SCOPED_TRACE(fmt::format("operation {}, errno {}, effect {}, thrown {}", n, error,
                                 static_cast<int>(effect), static_cast<int>(thrown)));
        ASSERT_LT(n, 100);
        const auto memory = begin->Copy();
        const auto faulty = std::make_shared<FaultFileSystem>(memory);
        faulty->FailAt({.operation = n, .error_number = error, .effect = effect, .thrown = thrown});
        ASSERT_NO_FATAL_FAILURE(run(faulty, memory, error));
        if (faulty->operations() < n) break;
      }
    }
  }
}

TEST(CommitFaultTest, EachOperationFailingLeavesAKnownOutcome) {
  FailEachOperation([](const auto& faulty, const auto& memory, int error) {
    const auto result = Log(faulty, kTable).Commit(AppendRequest(1, "second.parquet"));
    if (!result.ok()) {
      EXPECT_EQ(ErrnoOf(result.status()), error) << result.status();
    }
    const bool visible = Holds(memory, "second.parquet");
    if (result.ok()) {
      EXPECT_TRUE(visible);
      EXPECT_EQ(result->version, 2);
      EXPECT_TRUE(Holds(memory->AfterPowerCut(), "second.parquet")) << "acknowledged, then lost";
    } else if (IsKind(result.status(), ErrorKind::kCommitUnknown)) {
      EXPECT_NE(HintOf(result.status()), "") << result.status();
    } else {
      EXPECT_TRUE(IsKind(result.status(), ErrorKind::kStorage)) << result.status();
      EXPECT_FALSE(visible) << "refused, yet it is there: " << result.status();
    }
    // Whatever happened, the next writer goes on.
    const auto next = Log(memory, kTable).Commit(AppendRequest(1, "third.parquet"));
    ASSERT_TRUE(next.ok()) << next.status();
    EXPECT_EQ(next->version, visible ? 3 : 2);
  });
}

// A checkpoint that fails costs nothing but itself: the log reads as before, and the next one succeeds.
TEST(CommitFaultTest, EachOperationOfACheckpointFailing) {
  FailEachOperation([](const auto& faulty, const auto& memory, int error) {
    const auto made = Log(faulty, kTable).Checkpoint();
    if (!made.ok()) {
      EXPECT_EQ(ErrnoOf(made), error) << made;
    }
    for (const auto& fs : {memory, memory->AfterPowerCut()}) {
      EXPECT_TRUE(Holds(fs, "first.parquet"));
      EXPECT_TRUE(Log(fs, kTable).Checkpoint().ok());
      EXPECT_TRUE(Holds(fs, "first.parquet"));
    }
  });
}

// The name was given, and only the answer got lost.
TEST(CommitFaultTest, AnUnknownOutcomeIsSettledByFindingTheOwnCommit) {
  auto memory = TableInMemory();
  auto faulty = std::make_shared<FaultFileSystem>(memory);
  int64_t publish = 0;
  faulty->OnOperation([&](int64_t number, std::string_view name, const std::string&) {
    if (name == "publish new") publish = number;
  });
  ASSERT_TRUE(Log(faulty, kTable).Commit(AppendRequest(1, "second.parquet")).ok());
  ASSERT_GT(publish, 0);

  memory = TableInMemory();
  faulty = std::make_shared<FaultFileSystem>(memory);
  faulty->FailAt({.operation = publish, .error_number = EIO, .effect = Fault::Effect::kWhole});
  const auto result = Log(faulty, kTable).Commit(AppendRequest(1, "second.parquet"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->version, 2);
  EXPECT_TRUE(Holds(memory->AfterPowerCut(), "second.parquet"));

  // When it cannot be looked at either, that is what the error says.
  memory = TableInMemory();
  faulty = std::make_shared<FaultFileSystem>(memory);
  faulty->FailAt(
      {.operation = publish, .error_number = EIO, .effect = Fault::Effect::kWhole, .lasting = true});
  const auto unknown = Log(faulty, kTable).Commit(AppendRequest(1, "second.parquet"));
  ASSERT_TRUE(IsKind(unknown.status(), ErrorKind::kCommitUnknown)) << unknown.status();
  EXPECT_NE(HintOf(unknown.status()).find("txnId"), std::string::npos);
}

TEST(CommitFaultTest, ADirectoryThatCannotBeSyncedMakesTheOutcomeUnknown) {
  auto memory = TableInMemory();
  auto faulty = std::make_shared<FaultFileSystem>(memory);
  int64_t last = 0;
  bool published = false;
  faulty->OnOperation([&](int64_t number, std::string_view name, const std::string&) {
    if (name == "publish new") published = true;
    if (published && last == 0 && name.find("sync") != name.npos) last = number;
  });
  ASSERT_TRUE(Log(faulty, kTable).Commit(AppendRequest(1, "second.parquet")).ok());
  ASSERT_GT(last, 0);

  memory = TableInMemory();
  faulty = std::make_shared<FaultFileSystem>(memory);
  faulty->FailAt({.operation = last, .error_number = EIO});
  CommitRequest request = AppendRequest(1, "second.parquet");
  request.actions.emplace_back(Transaction{"source", 1, std::nullopt});
  request.own_app_id = "source";
  Log log(faulty, kTable);
  const auto result = log.Commit(request);
  ASSERT_TRUE(IsKind(result.status(), ErrorKind::kCommitUnknown)) << result.status();
  // With a txn action, trying again is safe: the commit is found, or made.
  const auto again = log.Commit(request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->already_applied);
}

// Power is cut before every operation of creating a table and appending to it, with any of the pending
// operations on the disk: what was acknowledged is there, and the table reads.
TEST(CommitFaultTest, PowerCutsLoseNothingThatWasAcknowledged) {
  for (int64_t n = 1;; ++n) {
    ASSERT_LT(n, 500);
    auto memory = std::make_shared<MemoryFileSystem>();
    auto faulty = std::make_shared<FaultFileSystem>(memory);
    faulty->FailAt({.operation = n, .error_number = EIO, .lasting = true});
    int64_t acknowledged = -1;
    {
      Log log(faulty, kTable);
      log.set_checkpointing(Log::Checkpointing::kInline);
      auto result = log.Commit(CreateRequest());
      while (result.ok()) {
        acknowledged = result->version;
        if (acknowledged == 12) break;  // past the first checkpoint
        result = log.Commit(AppendRequest(acknowledged, fmt::format("{}.parquet", acknowledged + 1)));
      }
    }
    const int pending = memory->PendingOperations();
    ASSERT_LE(pending, 8);
    for (uint64_t subset = 0; subset < uint64_t{1} << pending; ++subset) {
      const auto after = memory->AfterPowerCut(file::Surviving::Subset(subset));
      const auto snapshot = Log(after, kTable).Latest();
      if (acknowledged < 0 && IsKind(snapshot.status(), ErrorKind::kNotFound)) continue;
      ASSERT_TRUE(snapshot.ok()) << "operation " << n << ", subset " << subset << ": " << snapshot.status();
      ASSERT_GE((*snapshot)->version, acknowledged) << "operation " << n << ", subset " << subset;
      EXPECT_EQ((*snapshot)->files.size(), static_cast<size_t>((*snapshot)->version));
    }
    if (faulty->operations() < n) break;
  }
}

// Processes killed at any moment lose nothing that they reported, and stop nobody else.
TEST(CommitFaultTest, TwoProcessesAppendingAtOnceLoseNothing) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer does not follow a child that starts threads";
#endif
  constexpr int kProcesses = 2, kCommits = 60;
  const TestTable table;
  ASSERT_TRUE(Log(table.fs(), table.path()).Commit(CreateRequest()).ok());
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      int failures = 0;
      {
        Log log(table.fs(), table.path());
        for (int i = 0; i < kCommits; ++i) {
          const auto result = log.Commit(AppendRequest(0, fmt::format("{}-{}.parquet", p, i)));
          failures += !result.ok();
        }
      }
      ::_exit(failures);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  const auto snapshot = *Log(table.fs(), table.path()).Latest();
  EXPECT_EQ(snapshot->version, kProcesses * kCommits);
  EXPECT_EQ(snapshot->files.size(), static_cast<size_t>(kProcesses * kCommits));
}

}  // namespace
}  // namespace marquet::delta
