// Versions by time, against a look at every commit.
#include "marquet/delta/commit_time.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <random>

#include "marquet/base/error.h"
#include "marquet/delta/log_files.h"
#include "marquet/delta/test_table.h"
#include "marquet/file/fault_file_system.h"

namespace marquet::delta {
namespace {

void WriteCommit(const TestTable& table, int64_t version, const std::string& info) {
  const std::string head =
      version > 0 ? std::string()
                  : "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
                    "{\"metaData\":{\"id\":\"x\",\"schemaString\":\"\",\"partitionColumns\":[]}}\n";
  table.Write(CommitName(version),
              info + head + fmt::format("{{\"txn\":{{\"appId\":\"a\",\"version\":{}}}}}\n", version));
}

std::string At(int64_t timestamp_ms) {
  return fmt::format("{{\"commitInfo\":{{\"timestamp\":{},\"operation\":\"WRITE\"}}}}\n", timestamp_ms);
}

// The last commit up to which none is later, by the definition.
int64_t Expected(const std::vector<int64_t>& times, int64_t first, int64_t timestamp_ms) {
  int64_t last = first - 1;
  for (size_t v = static_cast<size_t>(first); v < times.size() && times[v] <= timestamp_ms; ++v) {
    last = static_cast<int64_t>(v);
  }
  return last;
}

TEST(CommitTimeTest, TheLastCommitByATimeIsFoundWhateverTheClocksSaid) {
  std::mt19937_64 random(20);
  for (const int64_t count : {1, 2, 3, 7, 64, 200}) {
    for (const int64_t skew : {0, 1, 3'000, 8'000}) {  // of clocks; a commit a second
      SCOPED_TRACE(fmt::format("{} commits, {} ms", count, skew));
      const TestTable table;
      std::vector<int64_t> times;
      for (int64_t v = 0; v < count; ++v) {
        times.push_back(1'700'000'000'000 + v * 1'000 +
                        (skew > 0 ? static_cast<int64_t>(random() % static_cast<uint64_t>(skew)) : 0));
        WriteCommit(table, v, At(times.back()));
      }
      const std::string directory = table.LogPath("");
      for (const int64_t first : {int64_t{0}, count / 2}) {
        for (const int64_t time : times) {
          for (const int64_t asked : {time - 1, time, time + 1}) {
            const auto found = LastCommitBy(*table.fs(), directory, first, count - 1, asked);
            ASSERT_TRUE(found.ok()) << found.status();
            EXPECT_EQ(*found, Expected(times, first, asked)) << asked - times.front();
          }
        }
      }
    }
  }
}

TEST(CommitTimeTest, FewOfManyCommitsAreRead) {
  constexpr int64_t kCommits = 1'000;
  const TestTable table;
  for (int64_t v = 0; v < kCommits; ++v) WriteCommit(table, v, At(1'700'000'000'000 + v * 1'000));
  {
    Log log(table.fs(), table.path());
    ASSERT_TRUE(log.Checkpoint().ok());
  }
  const auto fs = std::make_shared<file::FaultFileSystem>(file::LocalFileSystem());
  int64_t opened = 0;
  fs->OnOperation([&](int64_t, std::string_view name, const std::string& path) {
    opened += name == "open" && path.ends_with(".json") ? 1 : 0;
  });
  Log log(fs, table.path());
  const auto newest = log.AtTime(1'700'000'000'000 + kCommits * 1'000);
  ASSERT_TRUE(newest.ok()) << newest.status();
  EXPECT_EQ((*newest)->version, kCommits - 1);
  EXPECT_LE(opened, 10 + 16 + 2);
  opened = 0;
  const auto then = LastCommitBy(*fs, table.LogPath(""), 0, kCommits - 1, 1'700'000'000'000 + 300'500);
  ASSERT_TRUE(then.ok()) << then.status();
  EXPECT_EQ(*then, 300);
  EXPECT_LE(opened, 10 + 16);
}

TEST(CommitTimeTest, TimesAreThoseOfTheCommitElseOfItsFile) {
  const TestTable table;
  WriteCommit(table, 0, At(5'000));
  WriteCommit(table, 1, "{\"commitInfo\":{\"inCommitTimestamp\":7000,\"timestamp\":1}}\n");
  WriteCommit(table, 2, "");
  const auto modified = std::filesystem::file_time_type::clock::now() - std::chrono::hours(24);
  std::filesystem::last_write_time(table.LogPath(CommitName(2)), modified);
  const std::string directory = table.LogPath("");
  EXPECT_EQ(*CommitTime(*table.fs(), directory, 0), 5'000);
  EXPECT_EQ(*CommitTime(*table.fs(), directory, 1), 7'000);
  const int64_t of_file = table.fs()->Stat(table.LogPath(CommitName(2)))->modified_ms;
  EXPECT_EQ(*CommitTime(*table.fs(), directory, 2), of_file);
  EXPECT_TRUE(IsKind(CommitTime(*table.fs(), directory, 3).status(), ErrorKind::kNotFound));

  Log log(table.fs(), table.path());
  EXPECT_EQ((*log.AtTime(6'999))->version, 0);
  EXPECT_EQ((*log.AtTime(7'000))->version, 1);
  EXPECT_EQ((*log.AtTime(7'000))->timestamp_ms, 7'000);
  EXPECT_EQ((*log.AtTime(of_file - 1))->version, 1);
  EXPECT_EQ((*log.AtTime(of_file))->version, 2);
  const auto history = *log.History();
  EXPECT_EQ(history[0].timestamp_ms, of_file);
  EXPECT_EQ(history[1].timestamp_ms, 7'000);
  const auto before = log.AtTime(4'999).status();
  EXPECT_TRUE(IsKind(before, ErrorKind::kNotFound)) << before;
  EXPECT_NE(before.message().find("the oldest in the log, 0, is of 1970-01-01"), std::string::npos) << before;
}

// Where clean-up took the older commits, time begins at the oldest that is left.
TEST(CommitTimeTest, WhatWasCleanedUpIsOutOfReach) {
  const TestTable table;
  for (int64_t v = 0; v < 30; ++v) WriteCommit(table, v, At(1'000 + v * 1'000));
  ASSERT_TRUE(Log(table.fs(), table.path()).Checkpoint().ok());
  for (int64_t v = 0; v < 29; ++v) std::filesystem::remove(table.LogPath(CommitName(v)));
  Log log(table.fs(), table.path());
  EXPECT_EQ((*log.AtTime(30'000))->version, 29);
  const auto before = log.AtTime(29'999).status();
  EXPECT_TRUE(IsKind(before, ErrorKind::kNotFound)) << before;
  EXPECT_NE(before.message().find("the oldest in the log, 29"), std::string::npos) << before;
}

}  // namespace
}  // namespace marquet::delta
