#include "marquet/delta/log.h"

#include <arrow/api.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "marquet/base/error.h"
#include "marquet/delta/schema.h"
#include "marquet/delta/test_table.h"

namespace marquet::delta {
namespace {

TEST(LogTest, AnAbsentDirectoryAndOneWithoutLogAreToldApart) {
  const TestTable table;
  auto absent = Log(table.fs(), table.path() + "/nowhere").Latest();
  ASSERT_TRUE(IsKind(absent.status(), ErrorKind::kNotFound));
  EXPECT_NE(absent.status().message().find("the directory does not exist"), std::string::npos);
  auto plain = Log(table.fs(), table.path()).Latest();
  ASSERT_TRUE(IsKind(plain.status(), ErrorKind::kNotFound));
  EXPECT_NE(plain.status().message().find("has no _delta_log"), std::string::npos);
}

TEST(LogTest, ACommitIsReadBackAsItWasWritten) {
  const TestTable table;
  Log writer(table.fs(), table.path());
  CommitRequest request = CreateRequest();
  AddFile file = File("symbol=A%2FB/x y.parquet", "A/B");
  file.stats = R"({"numRecords":3,"minValues":{"value":1}})";
  file.tags["marquet.digest"] = "0123";
  request.actions.emplace_back(file);
  request.actions.emplace_back(Transaction{"source", 7, 99});
  request.info.operation = "CREATE TABLE AS SELECT";
  request.info.operation_parameters["mode"] = "ErrorIfExists";
  auto committed = writer.Commit(request);
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(committed->version, 0);

  Log reader(table.fs(), table.path());
  auto read = reader.Latest();
  ASSERT_TRUE(read.ok()) << read.status();
  for (const auto& snapshot : {committed->snapshot, *read}) {
    EXPECT_EQ(snapshot->version, 0);
    EXPECT_EQ(snapshot->metadata.partition_columns, std::vector<std::string>{"symbol"});
    EXPECT_TRUE(snapshot->schema->Equals(*TestSchema(), true));
    ASSERT_EQ(snapshot->files.size(), 1u);
    const AddFile& seen = *snapshot->files.front();
    EXPECT_EQ(seen.path, file.path);
    EXPECT_EQ(seen.partition_values, file.partition_values);
    EXPECT_EQ(seen.size, file.size);
    EXPECT_EQ(seen.stats, file.stats);
    EXPECT_EQ(seen.tags, file.tags);
    ASSERT_NE(snapshot->transactions.Find("source"), nullptr);
    EXPECT_EQ(snapshot->transactions.Find("source")->version, 7);
  }
  auto history = reader.History();
  ASSERT_TRUE(history.ok()) << history.status();
  ASSERT_EQ(history->size(), 1u);
  EXPECT_EQ((*history)[0].info.operation, "CREATE TABLE AS SELECT");
  EXPECT_EQ((*history)[0].info.operation_parameters.at("mode"), "ErrorIfExists");
}

TEST(LogTest, OlderVersionsAndTimesAreReached) {
  const TestTable table;
  Log log(table.fs(), table.path());
  log.set_checkpointing(Log::Checkpointing::kInline);
  ASSERT_TRUE(log.Commit(CreateRequest()).ok());
  for (int i = 1; i <= 25; ++i)
    ASSERT_TRUE(log.Commit(AppendRequest(i - 1, fmt::format("{}.parquet", i))).ok());
  for (const int64_t version : {0, 1, 9, 10, 11, 24, 25}) {
    auto then = log.AtVersion(version);
    ASSERT_TRUE(then.ok()) << then.status();
    EXPECT_EQ((*then)->version, version);
    EXPECT_EQ((*then)->files.size(), static_cast<size_t>(version));
  }
  auto beyond = log.AtVersion(26);
  ASSERT_TRUE(IsKind(beyond.status(), ErrorKind::kNotFound));
  EXPECT_NE(beyond.status().message().find("versions 0 to 25"), std::string::npos) << beyond.status();

  const auto newest = *log.Latest();
  EXPECT_EQ((*log.AtTime(newest->timestamp_ms))->version, 25);
  auto before = log.AtTime(1000);
  ASSERT_TRUE(IsKind(before.status(), ErrorKind::kNotFound));
  auto history = *log.History(3);
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[0].version, 25);
}

TEST(LogTest, RemovedFilesLeaveTombstones) {
  const TestTable table;
  Log log(table.fs(), table.path());
  ASSERT_TRUE(log.Commit(CreateRequest()).ok());
  ASSERT_TRUE(log.Commit(AppendRequest(0, "a.parquet")).ok());
  ASSERT_TRUE(log.Commit(AppendRequest(1, "b.parquet")).ok());
  CommitRequest compact;
  compact.read_version = 2;
  compact.blind_append = false;
  compact.actions = {RemoveOf(File("a.parquet")), RemoveOf(File("b.parquet")), File("c.parquet")};
  auto committed = log.Commit(compact);
  ASSERT_TRUE(committed.ok()) << committed.status();
  for (const auto& snapshot : {committed->snapshot, *Log(table.fs(), table.path()).Latest()}) {
    ASSERT_EQ(snapshot->files.size(), 1u);
    EXPECT_EQ(snapshot->files.front()->path, "c.parquet");
    EXPECT_EQ(snapshot->tombstones.size(), 2u);
  }
  EXPECT_EQ((*log.AtVersion(2))->files.size(), 2u);
}

TEST(LogTest, ManyThreadsWithLogsOfTheirOwnLoseNothing) {
  const TestTable table;
  ASSERT_TRUE(Log(table.fs(), table.path()).Commit(CreateRequest()).ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&table, t] {
      Log log(table.fs(), table.path());
      for (int i = 0; i < 50; ++i) {
        auto done = log.Commit(AppendRequest(0, fmt::format("{}-{}.parquet", t, i)));
        EXPECT_TRUE(done.ok()) << done.status();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto snapshot = *Log(table.fs(), table.path()).Latest();
  EXPECT_EQ(snapshot->version, 400);
  EXPECT_EQ(snapshot->files.size(), 400u);
}

TEST(LogTest, ManyThreadsOnOneLogLoseNothing) {
  const TestTable table;
  Log log(table.fs(), table.path());
  ASSERT_TRUE(log.Commit(CreateRequest()).ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 50; ++i) {
        auto done = log.Commit(AppendRequest(0, fmt::format("{}-{}.parquet", t, i)));
        EXPECT_TRUE(done.ok()) << done.status();
        EXPECT_EQ(done.ok() ? done->attempts : 0, 1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ((*Log(table.fs(), table.path()).Latest())->files.size(), 400u);
}

}  // namespace
}  // namespace marquet::delta
