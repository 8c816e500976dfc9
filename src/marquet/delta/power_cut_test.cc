// Commits under power cuts, kills and failures at each of their file operations, on a simulated disk.
#include <gtest/gtest.h>

#include <cerrno>

#include "marquet/base/error.h"
#include "marquet/delta/log_impl.h"
#include "marquet/delta/test_table.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"

namespace marquet::delta {
namespace {

using file::FaultFileSystem;
using file::MemoryFileSystem;
using file::Surviving;

CommitRequest AppendOnce(int64_t read_version, const std::string& path, int64_t transaction) {
  CommitRequest request = AppendRequest(read_version, path);
  Transaction txn;
  txn.app_id = "writer";
  txn.version = transaction;
  request.actions.emplace_back(txn);
  request.own_app_id = txn.app_id;
  return request;
}

// The newest version in a state of the disk: -1 where there is no table.
int64_t VersionIn(const std::shared_ptr<file::FileSystem>& fs, const std::string& table) {
  Log log(fs, table);
  const auto snapshot = log.Latest();
  if (snapshot.ok()) return (*snapshot)->version;
  EXPECT_TRUE(IsKind(snapshot.status(), ErrorKind::kNotFound)) << snapshot.status().ToString();
  return -1;
}

TEST(LogPowerCutTest, AcknowledgedCommitsSurviveAndOthersAreWholeOrAbsent) {
  auto memory = std::make_shared<MemoryFileSystem>();
  auto fs = std::make_shared<FaultFileSystem>(memory);
  int64_t acknowledged = -1;
  int moments = 0;
  const auto look = [&] {
    ++moments;
    const int pending = memory->PendingOperations();
    ASSERT_LE(pending, 8);
    for (uint64_t subset = 0; subset < uint64_t{1} << pending; ++subset) {
      const int64_t version = VersionIn(memory->AfterPowerCut(Surviving::Subset(subset)), "db/table");
      ASSERT_GE(version, acknowledged);
      ASSERT_LE(version, acknowledged + 1);
    }
  };
  fs->OnOperation([&](int64_t, std::string_view, const std::string&) { look(); });

  Log log(fs, "db/table");
  ASSERT_TRUE(log.Commit(CreateRequest()).ok());
  acknowledged = 0;
  for (int64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(log.Commit(AppendOnce(i - 1, "part-" + std::to_string(i), i)).ok());
    acknowledged = i;
  }
  look();
  EXPECT_GT(moments, 25);
}

// The first writer dies between giving the commit its name and syncing it. The second one finds the commit
// and says that nothing is left to do: from then on it has to be there for good.
TEST(LogPowerCutTest, WhatASecondWriterCallsAppliedIsDurable) {
  for (int64_t n = 1;; ++n) {
    auto memory = std::make_shared<MemoryFileSystem>();
    ASSERT_TRUE(Log(memory, "table").Commit(CreateRequest()).ok());

    auto killed = std::make_shared<FaultFileSystem>(memory);
    killed->FailAt({.operation = n, .error_number = EIO, .lasting = true});
    const auto first = Log(killed, "table").Commit(AppendOnce(0, "part-1", 1));

    const auto second = Log(memory, "table").Commit(AppendOnce(0, "part-1", 1));
    ASSERT_TRUE(second.ok()) << second.status().ToString();
    EXPECT_EQ(VersionIn(memory->AfterPowerCut(), "table"), 1) << "the first was killed at operation " << n;
    if (killed->operations() < n) {
      EXPECT_TRUE(first.ok());
      EXPECT_TRUE(second->already_applied);
      break;
    }
  }
}

TEST(LogPowerCutTest, FailedCommitLeavesNothingOrSaysThatItIsUnknown) {
  for (auto effect : {file::Fault::Effect::kNone, file::Fault::Effect::kHalf, file::Fault::Effect::kWhole}) {
    for (bool lasting : {false, true}) {
      for (int64_t n = 1;; ++n) {
        auto memory = std::make_shared<MemoryFileSystem>();
        ASSERT_TRUE(Log(memory, "table").Commit(CreateRequest()).ok());
        auto faulty = std::make_shared<FaultFileSystem>(memory);
        faulty->FailAt({n, ENOSPC, effect, lasting});
        const auto status = Log(faulty, "table").Commit(AppendRequest(0, "part-1")).status();
        const int64_t version = VersionIn(memory, "table");
        SCOPED_TRACE("operation " + std::to_string(n) + ": " + status.ToString());
        if (status.ok()) {
          EXPECT_EQ(version, 1);
          EXPECT_EQ(VersionIn(memory->AfterPowerCut(), "table"), 1);
        } else if (!IsKind(status, ErrorKind::kCommitUnknown)) {
          EXPECT_EQ(version, 0);
          EXPECT_NE(status.message().find("table"), std::string::npos);
          EXPECT_EQ(ErrnoOf(status), ENOSPC);
        }
        if (faulty->operations() < n) break;
      }
    }
  }
}

}  // namespace
}  // namespace marquet::delta
