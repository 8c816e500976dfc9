// Versions by time, against a look at every commit.
#include "marquet/delta/commit_time.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
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

std::string At(int64_t timestamp_ms, bool is_ordered = false) {
  return fmt::format("{{\"commitInfo\":{{\"timestamp\":{},\"operation\":\"WRITE\"{}}}}}\n", timestamp_ms,
                     is_ordered ? ",\"orderedTimestamp\":true" : "");
}

// By the definition: no commit is as early as the one before it.
int64_t Expected(std::vector<int64_t> times, int64_t first, int64_t timestamp_ms) {
  for (size_t v = static_cast<size_t>(first) + 1; v < times.size(); ++v) {
    if (times[v] <= times[v - 1]) times[v] = times[v - 1] + 1;
  }
  int64_t found = first - 1;
  for (size_t v = static_cast<size_t>(first); v < times.size(); ++v) {
    if (times[v] <= timestamp_ms) found = static_cast<int64_t>(v);
  }
  return found;
}

TEST(CommitTimeTest, TheLastCommitByATimeIsFoundWhateverTheClocksSaid) {
  std::mt19937_64 random(20);
  for (const int64_t count : {1, 2, 3, 7, 64}) {
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

// Runs of commits, long or short, by hosts whose clocks are ahead, behind, or stand still.
TEST(CommitTimeTest, HostsWhoseClocksAreADayAhead) {
  std::mt19937_64 random(21);
  const auto pick = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
  for (int run = 0; run < 12; ++run) {
    SCOPED_TRACE(run);
    const TestTable table;
    const int64_t count = 1 + pick(150);
    std::vector<int64_t> times;
    int64_t left = 0, ahead = 0, clock = 1'700'000'000'000, counted = 0;
    for (int64_t v = 0; v < count; ++v) {
      if (left-- == 0) {
        left = pick(40);
        ahead = (pick(3) - 1) * pick(86'400'000);
      }
      clock += pick(3) * pick(60'000);
      times.push_back(clock + ahead);
      // Some are of writers that looked, and say so where it is so.
      counted = v == 0 ? times.back() : std::max(times.back(), counted + 1);
      WriteCommit(table, v, At(times.back(), counted == times.back() && pick(3) == 0));
    }
    ASSERT_TRUE(Log(table.fs(), table.path()).Checkpoint().ok());
    const int64_t first = run % 3 == 0 ? pick(static_cast<uint64_t>(count)) : 0;
    for (int64_t v = 0; v < first; ++v) std::filesystem::remove(table.LogPath(CommitName(v)));
    Log log(table.fs(), table.path());
    int64_t before = first - 1, before_ms = INT64_MIN;
    std::vector<int64_t> asked;
    for (const int64_t time : times) {
      if (pick(4) == 0) asked.insert(asked.end(), {time - 1, time, time + 1, time + pick(100'000)});
    }
    asked.push_back(*std::max_element(times.begin(), times.end()));
    std::sort(asked.begin(), asked.end());
    for (const int64_t time : asked) {
      const int64_t expected = Expected(times, first, time);
      const auto found = LastCommitBy(*table.fs(), table.LogPath(""), first, count - 1, time);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_EQ(*found, expected) << time;
      EXPECT_GE(*found, before) << time << " is after " << before_ms;  // a later time is no older version
      before = *found;
      before_ms = time;
    }
    if (first == 0) {
      EXPECT_EQ((*log.AtTime(asked.back()))->version, before);
    }
  }
}

// Of each commit what stands in front of its actions: of all at most once, and of a few where they are known
// to be in order.
TEST(CommitTimeTest, NoMoreIsReadThanHalvingNeeds) {
  constexpr int64_t kCommits = 300, kBefore = 100;
  const std::string actions(100'000, ' ');
  for (const bool is_ordered : {false, true}) {
    const TestTable table;
    for (int64_t v = 0; v < kCommits; ++v) {
      WriteCommit(table, v, At(1'700'000'000'000 + v * 1'000, is_ordered) + actions);
    }
    const auto fs = std::make_shared<file::FaultFileSystem>(file::LocalFileSystem());
    int64_t opened = 0;
    fs->OnOperation([&](int64_t, std::string_view name, const std::string& path) {
      opened += name == "open" && path.ends_with(".json") ? 1 : 0;
    });
    const auto then =
        LastCommitBy(*fs, table.LogPath(""), 0, kCommits - 1, 1'700'000'000'000 + kBefore * 1'000);
    ASSERT_TRUE(then.ok()) << then.status();
    EXPECT_EQ(*then, kBefore);
    EXPECT_LE(opened, is_ordered ? 9 : kCommits);
  }
}

// Where other writers put it, and however long it is.
TEST(CommitTimeTest, TheInfoIsFoundWhereverItStands) {
  const TestTable table;
  const std::string txn = "{\"txn\":{\"appId\":\"b\",\"version\":1}}\n";
  WriteCommit(table, 0, At(5'000));
  WriteCommit(table, 1, txn + At(6'000));
  WriteCommit(
      table, 2,
      fmt::format("{{\"commitInfo\":{{\"note\":\"{}\",\"timestamp\":7000}}}}\n", std::string(9'000, 'x')));
  table.Write(CommitName(3), "{\"commitInfo\":{\"timestamp\":8000,\"operation\":\"WRITE\"}}");
  table.Write(CommitName(4), "{ \"commitInfo\" : {\"timestamp\":9000}}\n" + txn);
  for (int64_t v = 0; v < 5; ++v) {
    const auto time = CommitTime(*table.fs(), table.LogPath(""), v);
    ASSERT_TRUE(time.ok()) << time.status();
    EXPECT_EQ(*time, 5'000 + v * 1'000);
  }
}

// Commits of one millisecond, too, each have a time of their own.
TEST(CommitTimeTest, EachCommitOfOursIsLaterThanTheOneBefore) {
  const TestTable table;
  ASSERT_TRUE(Log(table.fs(), table.path()).Commit(CreateRequest()).ok());
  std::string first = table.Read(CommitName(0));
  constexpr std::string_view kKey = "\"timestamp\":";
  first.replace(first.find(kKey) + kKey.size(), 13, "4000000000000");  // a clock ahead
  table.Write(CommitName(0), first);
  Log log(table.fs(), table.path());
  for (int64_t v = 1; v < 20; ++v) {
    CommitRequest request;
    request.read_version = v - 1;
    request.actions = {Transaction{"a", v, std::nullopt}};
    const auto committed = log.Commit(std::move(request));
    ASSERT_TRUE(committed.ok()) << committed.status();
  }
  const auto history = *log.History();
  for (const CommitEntry& entry : history) {
    EXPECT_EQ((*log.AtTime(entry.timestamp_ms))->version, entry.version);
    EXPECT_EQ(entry.info.is_ordered, true) << entry.version;
  }
}

// Two writers in turn, of which one never looks at the other's times: ours stay behind all that came before,
// as they say, also where the commit just before is an earlier one.
TEST(CommitTimeTest, OursAreInOrderBesideWritersWhoseClocksAreAhead) {
  std::mt19937_64 random(22);
  const TestTable table;
  ASSERT_TRUE(Log(table.fs(), table.path()).Commit(CreateRequest()).ok());
  auto log = std::make_unique<Log>(table.fs(), table.path());
  int64_t version = 0;
  for (int turn = 0; turn < 30; ++turn) {
    for (uint64_t foreign = random() % 4; foreign > 0; --foreign) {
      WriteCommit(table, ++version, At(4'000'000'000'000 + static_cast<int64_t>(random() % 10'000)));
    }
    if (random() % 3 == 0) log = std::make_unique<Log>(table.fs(), table.path());
    CommitRequest request;
    request.info.operation = "OURS";
    request.actions = {Transaction{"b", turn, std::nullopt}};
    request.read_version = (*log->Latest())->version;
    const auto committed = log->Commit(std::move(request));
    ASSERT_TRUE(committed.ok()) << committed.status();
    version = committed->version;
  }
  const auto history = *log->History();  // newest first
  std::vector<int64_t> times;
  for (auto entry = history.rbegin(); entry != history.rend(); ++entry) times.push_back(entry->timestamp_ms);
  int64_t counted = 0;
  for (auto entry = history.rbegin(); entry != history.rend(); ++entry) {
    if (entry->info.is_ordered) {
      EXPECT_GT(entry->timestamp_ms, counted) << entry->version;
    }
    EXPECT_EQ(entry->info.is_ordered, entry->info.operation != "WRITE") << entry->version;
    counted = std::max(entry->timestamp_ms, counted + 1);
    EXPECT_EQ((*log->AtTime(counted))->version, Expected(times, 0, counted));
  }
}

// Behind a clock at the end of all times no commit can be later, and none says so.
TEST(CommitTimeTest, BehindTheLastTimeCommitsAreOfThatTime) {
  const TestTable table;
  WriteCommit(table, 0, At(kLastTimeMs - 1));
  Log log(table.fs(), table.path());
  for (int64_t v = 1; v < 4; ++v) {
    CommitRequest request;
    request.read_version = v - 1;
    request.actions = {Transaction{"b", v, std::nullopt}};
    const auto committed = log.Commit(std::move(request));
    ASSERT_TRUE(committed.ok()) << committed.status();
  }
  for (const CommitEntry& entry : *log.History()) {
    if (entry.version == 0) continue;
    EXPECT_EQ(entry.timestamp_ms, kLastTimeMs) << entry.version;
    EXPECT_EQ(entry.info.is_ordered, entry.version == 1) << entry.version;
  }
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
