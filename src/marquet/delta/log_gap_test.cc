// A commit file that is gone from the midst of the log: no version behind it may vanish without a word, and
// none may be written in its place.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "marquet/base/error.h"
#include "marquet/delta/log_files.h"
#include "marquet/delta/test_table.h"

namespace marquet::delta {
namespace {

namespace fs = std::filesystem;

// Version 0 and `versions` appends; a checkpoint at 10.
void Fill(const TestTable& table, int versions) {
  Log log(table.fs(), table.path());
  log.set_checkpointing(Log::Checkpointing::kInline);
  ASSERT_TRUE(log.Commit(CreateRequest()).ok());
  for (int i = 1; i <= versions; ++i) {
    if (i == 11) log.set_checkpointing(Log::Checkpointing::kNever);
    ASSERT_TRUE(log.Commit(AppendRequest(i - 1, fmt::format("{}", i))).ok());
  }
}

void Lose(const TestTable& table, int first, int last) {
  for (int version = first; version <= last; ++version) fs::remove(table.LogPath(CommitName(version)));
}

void ExpectGap(const arrow::Status& status, const TestTable& table, int missing) {
  ASSERT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status;
  EXPECT_NE(status.message().find(table.path()), std::string::npos) << status;
  EXPECT_NE(status.message().find(fmt::format("commit {} is missing from the log", missing)),
            std::string::npos)
      << status;
  EXPECT_NE(HintOf(status), "");
}

TEST(LogGapTest, OpeningBehindACheckpointNamesTheMissingCommit) {
  for (int versions = 12; versions <= 18; ++versions) {
    for (int first = 11; first < versions; ++first) {
      // As long as at least as many are left as are missing.
      for (int last = first; last - first + 1 <= versions - last; ++last) {
        SCOPED_TRACE(fmt::format("{} versions without {} to {}", versions, first, last));
        const TestTable table;
        Fill(table, versions);
        Lose(table, first, last);
        Log log(table.fs(), table.path());
        for (int twice = 0; twice < 2; ++twice) ExpectGap(log.Latest().status(), table, first);
        ExpectGap(log.Commit(AppendRequest(first - 1, "new")).status(), table, first);
        ExpectGap(log.Commit(AppendRequest(0, "new")).status(), table, first);
        EXPECT_FALSE(fs::exists(table.LogPath(CommitName(first))));
        // Versions before it are there.
        EXPECT_EQ((*log.AtVersion(first - 1))->files.size(), static_cast<size_t>(first - 1));
      }
    }
  }
}

// Too many are missing for the names that are tried: a listing has them all.
TEST(LogGapTest, NothingIsCommittedIntoAnyGap) {
  const TestTable table;
  Fill(table, 14);
  Lose(table, 11, 13);
  Log log(table.fs(), table.path());
  const auto read = log.Latest();
  ASSERT_TRUE(read.ok()) << read.status();
  for (int twice = 0; twice < 2; ++twice) {
    ExpectGap(log.Commit(AppendRequest(10, "new")).status(), table, 11);
    EXPECT_FALSE(fs::exists(table.LogPath(CommitName(11))));
  }
  const auto damage = FindDamagedCommits(*table.fs(), table.path(), 10);
  ASSERT_TRUE(damage.ok()) << damage.status();
  ASSERT_EQ(damage->size(), 1u);
  EXPECT_EQ((*damage)[0].name, CommitName(11));
  EXPECT_EQ((*damage)[0].message, "commit 11 is missing from the log, which goes on with 14");
}

TEST(LogGapTest, AGapThatComesAboutWhileTheTableIsOpenIsFound) {
  const TestTable table;
  Fill(table, 12);
  Log log(table.fs(), table.path());
  ASSERT_TRUE(log.Commit(AppendRequest(12, "mine")).ok());
  {
    Log other(table.fs(), table.path());
    for (int i = 14; i <= 16; ++i) ASSERT_TRUE(other.Commit(AppendRequest(0, fmt::format("{}", i))).ok());
  }
  Lose(table, 14, 14);
  ExpectGap(log.Commit(AppendRequest(13, "new")).status(), table, 14);
  EXPECT_FALSE(fs::exists(table.LogPath(CommitName(14))));
}

TEST(LogGapTest, NoTableIsMadeInTheMidstOfAnOldOne) {
  for (const bool by_checkpoint : {false, true}) {
    const TestTable table;
    Fill(table, 12);
    Lose(table, 0, by_checkpoint ? 12 : 0);
    Log log(table.fs(), table.path());
    const auto made = log.Commit(CreateRequest());
    ASSERT_FALSE(made.ok());
    EXPECT_FALSE(fs::exists(table.LogPath(CommitName(0)))) << made.status();
  }
}

TEST(LogGapTest, ACommitThatIsMissingBeforeTheCheckpointIsDamage) {
  const TestTable table;
  Fill(table, 12);
  Lose(table, 4, 5);
  ASSERT_TRUE(Log(table.fs(), table.path()).Latest().ok());
  const auto damage = FindDamagedCommits(*table.fs(), table.path(), 12);
  ASSERT_TRUE(damage.ok()) << damage.status();
  ASSERT_EQ(damage->size(), 1u);
  EXPECT_EQ((*damage)[0].name, CommitName(4));
}

// What clean-up removes are the oldest.
TEST(LogGapTest, ALogWithoutItsOldestCommitsIsWhole) {
  const TestTable table;
  Fill(table, 12);
  Lose(table, 0, 9);
  Log log(table.fs(), table.path());
  ASSERT_TRUE(log.Latest().ok());
  ASSERT_TRUE(log.Commit(AppendRequest(12, "new")).ok());
  EXPECT_TRUE((*FindDamagedCommits(*table.fs(), table.path(), 13)).empty());
}

TEST(LogGapTest, OnlyALogWithoutAnyFileOfItsOwnIsNobodys) {
  const TestTable table;
  EXPECT_FALSE(HoldsLog(*table.fs(), table.path()));
  fs::create_directories(table.LogPath(""));
  EXPECT_FALSE(HoldsLog(*table.fs(), table.path()));
  table.Write(".00000000000000000000.json.1-2-3.tmp", "{}");
  EXPECT_FALSE(HoldsLog(*table.fs(), table.path()));
  table.Write("_last_checkpoint", "{}");
  EXPECT_TRUE(HoldsLog(*table.fs(), table.path()));
}

// Of a commit that opening reads for its time alone.
TEST(LogGapTest, ADamagedCommitOfACheckpointIsNamedWithItsTable) {
  const TestTable table;
  Fill(table, 12);
  table.Write(CommitName(10), "{\"commitInfo\":");
  const auto read = Log(table.fs(), table.path()).Latest();
  ASSERT_TRUE(IsKind(read.status(), ErrorKind::kCorruptData)) << read.status();
  EXPECT_NE(read.status().message().find(table.LogPath(CommitName(10)) + ": line 1"), std::string::npos)
      << read.status();
}

}  // namespace
}  // namespace marquet::delta
