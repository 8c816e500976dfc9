// Logs that are damaged or strange, each with what the error says.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "marquet/base/error.h"
#include "marquet/delta/checkpoint.h"
#include "marquet/delta/commit_json.h"
#include "marquet/delta/test_table.h"

namespace marquet::delta {
namespace {

const char kHead[] =
    "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
    "{\"metaData\":{\"id\":\"x\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"
    "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\",\"partitionColumns\":[],"
    "\"configuration\":{}}}\n";
const char kFirst[] = "00000000000000000000.json";

struct BrokenLog {
  const char* name;
  std::string commit;  // of version 0
  ErrorKind kind;
  const char* words;
};

TEST(BrokenLogTest, MessagesSayWhatAndWhere) {
  const std::vector<BrokenLog> cases = {
      {"no JSON", "PAR1", ErrorKind::kCorruptData, "00000000000000000000.json: line 1 is not a JSON object"},
      {"an empty commit", "", ErrorKind::kCorruptData, "a commit of 0 bytes without any action"},
      {"blank lines only", "\n \n\r\n", ErrorKind::kCorruptData, "without any action"},
      {"a line cut short", std::string(kHead) + "{\"add\":{\"path\":\"a", ErrorKind::kCorruptData, "line 3"},
      {"an array", "[1]\n", ErrorKind::kCorruptData, "line 1"},
      {"an action that is a number", "{\"add\":1}\n", ErrorKind::kCorruptData, "'add': expected an object"},
      {"an add without path", std::string(kHead) + "{\"add\":{\"size\":1}}\n", ErrorKind::kCorruptData,
       "line 3: add.path"},
      {"an add without size", "{\"add\":{\"path\":\"a\"}}\n", ErrorKind::kCorruptData, "add.size"},
      {"a negative size", "{\"add\":{\"path\":\"a\",\"size\":-1}}\n", ErrorKind::kCorruptData, "add.size"},
      {"a size that is text", "{\"add\":{\"path\":\"a\",\"size\":\"1\"}}\n", ErrorKind::kCorruptData,
       "add.size: expected a 64-bit integer"},
      {"a path cut within an escape", "{\"add\":{\"path\":\"a%2\",\"size\":1}}\n", ErrorKind::kCorruptData,
       "%"},
      {"an empty path", "{\"add\":{\"path\":\"\",\"size\":1}}\n", ErrorKind::kCorruptData, "path is empty"},
      {"partition values of numbers", "{\"add\":{\"path\":\"a\",\"size\":1,\"partitionValues\":{\"x\":1}}}\n",
       ErrorKind::kCorruptData, "add.partitionValues"},
      {"text that is not UTF-8", "{\"add\":{\"path\":\"\xff\",\"size\":1}}\n", ErrorKind::kCorruptData,
       "line 1"},
      {"a txn without version", "{\"txn\":{\"appId\":\"a\"}}\n", ErrorKind::kCorruptData, "txn.version"},
      {"no protocol", std::string(kHead).substr(std::string(kHead).find('\n') + 1), ErrorKind::kCorruptData,
       "no protocol action"},
      {"no metaData", std::string(kHead).substr(0, std::string(kHead).find('\n') + 1),
       ErrorKind::kCorruptData, "no metaData action"},
      {"a version beyond int", "{\"protocol\":{\"minReaderVersion\":4294967297,\"minWriterVersion\":2}}\n",
       ErrorKind::kCorruptData, "minReaderVersion"},
      {"a schema that is no JSON",
       "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
       "{\"metaData\":{\"id\":\"x\",\"schemaString\":\"nonsense\"}}\n",
       ErrorKind::kCorruptData, "table schema"},
      {"a partition column that is not there",
       std::string(kHead) + "{\"metaData\":{\"id\":\"x\",\"schemaString\":\"{\\\"type\\\":\\\"struct\\\","
                            "\\\"fields\\\":[]}\",\"partitionColumns\":[\"day\"]}}\n",
       ErrorKind::kCorruptData, "partition column 'day' is not in the schema"},
      {"data files of another format", "{\"metaData\":{\"id\":\"x\",\"format\":{\"provider\":\"orc\"}}}\n",
       ErrorKind::kUnsupported, "'orc'"},
      {"a file outside the table",
       std::string(kHead) + "{\"add\":{\"path\":\"../../etc/passwd\",\"size\":1}}\n", ErrorKind::kUnsupported,
       "'../../etc/passwd' lies outside the table's directory"},
      {"a file at an absolute place",
       std::string(kHead) + "{\"add\":{\"path\":\"file:///a/b\",\"size\":1}}\n", ErrorKind::kUnsupported,
       "'/a/b' lies outside"},
      {"a file in an object store", std::string(kHead) + "{\"add\":{\"path\":\"s3://b/k\",\"size\":1}}\n",
       ErrorKind::kUnsupported, "lies outside"},
      {"a deletion vector",
       std::string(kHead) +
           "{\"add\":{\"path\":\"a\",\"size\":1,\"deletionVector\":{\"storageType\":\"u\"}}}\n",
       ErrorKind::kUnsupported, "deletionVectors"},
  };
  for (const BrokenLog& each : cases) {
    SCOPED_TRACE(each.name);
    const TestTable table;
    table.Write(kFirst, each.commit);
    const auto read = Log(table.fs(), table.path()).Latest();
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(KindOf(read.status()), each.kind) << read.status();
    EXPECT_NE(read.status().message().find(each.words), std::string::npos) << read.status();
    EXPECT_NE(read.status().message().find(table.path()), std::string::npos) << read.status();
  }
}

TEST(BrokenLogTest, ARemovedFileOutsideTheTableIsNoObstacle) {
  const TestTable table;
  table.Write(kFirst, std::string(kHead) + "{\"add\":{\"path\":\"/a/b%20c\",\"size\":1}}\n");
  table.Write("00000000000000000001.json", "{\"remove\":{\"path\":\"file:///a/b%20c\"}}\n");
  const auto read = Log(table.fs(), table.path()).Latest();
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE((*read)->files.empty());
}

TEST(BrokenLogTest, AMissingCommitIsNamed) {
  const TestTable table;
  Log log(table.fs(), table.path());
  ASSERT_TRUE(log.Commit(CreateRequest()).ok());
  for (int i = 1; i <= 4; ++i) ASSERT_TRUE(log.Commit(AppendRequest(i - 1, fmt::format("{}", i))).ok());
  std::filesystem::remove(table.LogPath("00000000000000000002.json"));
  const auto read = Log(table.fs(), table.path()).Latest();
  ASSERT_TRUE(IsKind(read.status(), ErrorKind::kCorruptData)) << read.status();
  EXPECT_NE(read.status().message().find("commit 2 is missing"), std::string::npos);
  std::filesystem::remove(table.LogPath(kFirst));
  const auto headless = Log(table.fs(), table.path()).Latest();
  EXPECT_TRUE(IsKind(headless.status(), ErrorKind::kCorruptData)) << headless.status();
  EXPECT_NE(headless.status().message().find("commit 0 is missing"), std::string::npos);
}

TEST(BrokenLogTest, AVersionThatNoneCanFollowIsRefused) {
  const TestTable table;
  Log log(table.fs(), table.path());
  ASSERT_TRUE(log.Commit(CreateRequest()).ok());
  Snapshot last = **log.Latest();
  last.version = INT64_MAX;
  ASSERT_TRUE(WriteCheckpoint(table.fs(), table.LogPath(""), last).ok());
  const auto read = Log(table.fs(), table.path()).Latest();
  EXPECT_TRUE(IsKind(read.status(), ErrorKind::kCorruptData)) << read.status();
  EXPECT_NE(read.status().message().find("version 9223372036854775807, which none can follow"),
            std::string::npos)
      << read.status();
}

TEST(BrokenLogTest, StrangersInTheLogDirectoryArePassedOver) {
  const TestTable table;
  ASSERT_TRUE(Log(table.fs(), table.path()).Commit(CreateRequest()).ok());
  for (const char* name : {".00000000000000000001.json.1-2-3.tmp", "00000000000000000001.crc", "1.json",
                           "0000000000000000000a.json", "00000000000000000001.checkpoint.0.0.parquet",
                           "99999999999999999999.json", "_last_checkpoint.bak",
                           "00000000000000000007.checkpoint.0000000001.0000000003.parquet"}) {
    table.Write(name, "nonsense");
  }
  const auto read = Log(table.fs(), table.path()).Latest();
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ((*read)->version, 0);
}

TEST(BrokenLogTest, ActionsAndFieldsThatAreNotKnownArePassedOver) {
  const TestTable table;
  table.Write(kFirst,
              std::string(kHead) +
                  "{\"cdc\":{\"path\":\"x\"}}\n{\"newKind\":[1,2]}\n\n"
                  "{\"add\":{\"path\":\"a\",\"size\":1,\"new\":{\"a\":[1]},\"stats\":null,\"tags\":null,"
                  "\"partitionValues\":{\"p\":null,\"q\":\"\"}}}\r\n"
                  "{\"commitInfo\":{\"timestamp\":5,\"operation\":\"X\",\"operationMetrics\":{\"n\":\"1\"},"
                  "\"operationParameters\":{\"n\":1,\"l\":[1,2]},\"isBlindAppend\":\"maybe\"}}");
  Log log(table.fs(), table.path());
  const auto read = log.Latest();
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ((*read)->files.size(), 1u);
  EXPECT_EQ((*read)->files.front()->partition_values,
            (PartitionValues{{"p", std::nullopt}, {"q", std::nullopt}}));
  EXPECT_EQ((*read)->timestamp_ms, 5);
  EXPECT_EQ((*log.History())[0].info.operation_parameters, (StringMap{{"n", "1"}, {"l", "[1,2]"}}));
}

// In nanoseconds, say, although the protocol has milliseconds: not to be counted on any further.
TEST(BrokenLogTest, ATimestampBeyondAllTimesIsPassedOver) {
  for (const char* timestamp : {"9223372036854775807", "-9223372036854775808", "1795267339018000000"}) {
    const TestTable table;
    table.Write(kFirst, std::string(kHead) + "{\"commitInfo\":{\"timestamp\":" + timestamp +
                            ",\"operation\":\"X\"}}\n");
    Log log(table.fs(), table.path());
    const auto read = log.Latest();
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_GT((*read)->timestamp_ms, int64_t{1'000'000'000'000}) << "the file's own time";
    EXPECT_LT((*read)->timestamp_ms, int64_t{9'000'000'000'000});
    ASSERT_TRUE(log.Commit(AppendRequest(0, "a")).ok());
  }
}

// A bit may be a file's name, a bound that pruning believes, or the name of a column.
TEST(BrokenLogTest, EveryBitBehindACommitInfoIsLookedAt) {
  CommitInfo info;
  info.operation = "WRITE";
  AddFile add;
  add.path = "symbol=A/part-0.parquet";
  add.size = 123;
  add.partition_values = {{"symbol", "A"}};
  add.stats = "{\"numRecords\":3,\"minValues\":{\"n\":1},\"maxValues\":{\"n\":1219}}";
  const std::string text = CommitToJson({info, add, Transaction{"app", 3, 5}}).ValueOrDie();
  const auto read = CommitFromJson(text, "commit").ValueOrDie();
  ASSERT_EQ(read.size(), 3u);
  EXPECT_TRUE(std::get<CommitInfo>(read[0]).extra.empty());
  const size_t behind = text.find('\n') + 1;
  ASSERT_GT(text.size(), behind + 200);
  for (size_t i = behind; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = text;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      const auto status = CheckCommitDigest(damaged, "commit");
      EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << "byte " << i << ", bit " << bit;
    }
  }
  const std::string cut = text.substr(0, text.rfind('\n', text.size() - 2) + 1);
  EXPECT_TRUE(IsKind(CheckCommitDigest(cut, "commit"), ErrorKind::kCorruptData)) << "a line is gone";
  EXPECT_TRUE(CheckCommitDigest(text, "commit").ok());
  EXPECT_TRUE(CheckCommitDigest(kHead, "commit").ok()) << "another writer's";
}

}  // namespace
}  // namespace marquet::delta
