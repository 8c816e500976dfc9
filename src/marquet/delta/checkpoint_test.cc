#include "marquet/delta/checkpoint.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "marquet/base/error.h"
#include "marquet/delta/test_table.h"

namespace marquet::delta {
namespace {

namespace fs = std::filesystem;

// Version 0 creates, each further version adds one file; checkpoints at 10 and 20.
void Fill(const TestTable& table, int versions = 25) {
  Log log(table.fs(), table.path());
  log.set_checkpointing(Log::Checkpointing::kInline);
  ASSERT_TRUE(log.Commit(CreateRequest({{"some.key", "some value"}})).ok());
  for (int i = 1; i <= versions; ++i) {
    CommitRequest request = AppendRequest(i - 1, fmt::format("symbol=A%2FB/{} ü.parquet", i));
    AddFile& file = std::get<AddFile>(request.actions[0]);
    file.partition_values["symbol"] = i % 3 == 0 ? std::nullopt : std::optional<std::string>("A/B");
    if (i % 2 == 0) file.tags["marquet.digest"] = fmt::format("{:032x}", i);
    if (i % 5 == 0) file.stats.clear();
    request.actions.emplace_back(
        Transaction{fmt::format("app {}", i), i, i % 2 ? std::optional(i) : std::nullopt});
    ASSERT_TRUE(log.Commit(request).ok());
  }
}

void ExpectSame(const Snapshot& a, const Snapshot& b) {
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.timestamp_ms, b.timestamp_ms);
  EXPECT_EQ(a.metadata.id, b.metadata.id);
  EXPECT_EQ(a.metadata.schema_string, b.metadata.schema_string);
  EXPECT_EQ(a.metadata.partition_columns, b.metadata.partition_columns);
  EXPECT_EQ(a.metadata.configuration, b.metadata.configuration);
  EXPECT_EQ(a.metadata.created_time_ms, b.metadata.created_time_ms);
  EXPECT_EQ(a.protocol.min_writer_version, b.protocol.min_writer_version);
  ASSERT_EQ(a.files.size(), b.files.size());
  for (auto x = a.files.begin(), y = b.files.begin(); x != a.files.end(); ++x, ++y) {
    EXPECT_EQ((*x)->path, (*y)->path);
    EXPECT_EQ((*x)->partition_values, (*y)->partition_values);
    EXPECT_EQ((*x)->size, (*y)->size);
    EXPECT_EQ((*x)->modification_time_ms, (*y)->modification_time_ms);
    EXPECT_EQ((*x)->stats, (*y)->stats);
    EXPECT_EQ((*x)->tags, (*y)->tags);
  }
  const auto txns = a.transactions.Sorted(), others = b.transactions.Sorted();
  ASSERT_EQ(txns.size(), others.size());
  for (size_t i = 0; i < txns.size(); ++i) {
    EXPECT_EQ(txns[i]->app_id, others[i]->app_id);
    EXPECT_EQ(txns[i]->version, others[i]->version);
    EXPECT_EQ(txns[i]->last_updated_ms, others[i]->last_updated_ms);
  }
  ASSERT_EQ(a.tombstones.size(), b.tombstones.size());
  for (auto x = a.tombstones.begin(), y = b.tombstones.begin(); x != a.tombstones.end(); ++x, ++y) {
    EXPECT_EQ((*x)->path, (*y)->path);
    EXPECT_EQ((*x)->deletion_time_ms, (*y)->deletion_time_ms);
    EXPECT_EQ((*x)->partition_values, (*y)->partition_values);
    EXPECT_EQ((*x)->size, (*y)->size);
  }
}

// The state out of the commits alone.
std::shared_ptr<const Snapshot> WithoutCheckpoints(const TestTable& table) {
  const TestTable copy;
  fs::create_directories(copy.path() + "/_delta_log");
  for (const auto& entry : fs::directory_iterator(table.LogPath(""))) {
    if (entry.path().extension() == ".json") {
      fs::copy(entry.path(), copy.LogPath(entry.path().filename().string()));
    }
  }
  return *Log(copy.fs(), copy.path()).Latest();
}

TEST(CheckpointTest, TheStateIsThatOfTheCommits) {
  const TestTable table;
  Fill(table);
  {
    Log log(table.fs(), table.path());
    CommitRequest removal;
    removal.read_version = 25;
    removal.blind_append = false;
    removal.actions.emplace_back(RemoveOf(*(*log.Latest())->files[3]));
    RemoveFile bare;
    bare.path = (*log.Latest())->files[4]->path;
    bare.deletion_time_ms = 4'000'000'000'000;
    removal.actions.emplace_back(bare);
    ASSERT_TRUE(log.Commit(removal).ok());
    ASSERT_TRUE(log.Checkpoint().ok());
  }
  for (const int version : {10, 20, 26}) EXPECT_TRUE(fs::exists(table.LogPath(CheckpointName(version))));
  const auto expected = WithoutCheckpoints(table);
  const auto read = Log(table.fs(), table.path()).Latest();
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(expected->files.size(), 23u);
  ExpectSame(**read, *expected);

  // Nothing but the checkpoint and its own commit is needed.
  for (int version = 0; version < 26; ++version) fs::remove(table.LogPath(CommitName(version)));
  ExpectSame(**Log(table.fs(), table.path()).Latest(), *expected);
  const auto gone = Log(table.fs(), table.path()).AtVersion(9);
  ASSERT_TRUE(IsKind(gone.status(), ErrorKind::kNotFound)) << gone.status();
  EXPECT_NE(gone.status().message().find("versions 10 to 26"), std::string::npos) << gone.status();
  EXPECT_EQ((*Log(table.fs(), table.path()).AtVersion(20))->files.size(), 20u);
}

TEST(CheckpointTest, ExpiredTombstonesAreForgotten) {
  const TestTable table;
  Log log(table.fs(), table.path());
  log.set_checkpointing(Log::Checkpointing::kInline);
  ASSERT_TRUE(log.Commit(CreateRequest()).ok());
  for (int i = 1; i <= 8; ++i) ASSERT_TRUE(log.Commit(AppendRequest(i - 1, fmt::format("{}", i))).ok());
  CommitRequest removal;
  removal.read_version = 8;
  removal.blind_append = false;
  removal.actions = {RemoveOf(File("1"), 1'600'000'000'000), RemoveOf(File("2"))};
  ASSERT_TRUE(log.Commit(removal).ok());
  EXPECT_EQ((*log.Latest())->tombstones.size(), 2u);
  ASSERT_TRUE(log.Commit(AppendRequest(9, "10")).ok());
  ASSERT_TRUE(fs::exists(table.LogPath(CheckpointName(10))));
  const auto read = *Log(table.fs(), table.path()).Latest();
  ASSERT_EQ(read->tombstones.size(), 1u);
  EXPECT_EQ(read->tombstones.front()->path, "2");
}

TEST(CheckpointTest, CheckpointsAreSpacedByGrowth) {
  const TestTable table;
  Log log(table.fs(), table.path());
  log.set_checkpointing(Log::Checkpointing::kInline);
  ASSERT_TRUE(log.Commit(CreateRequest()).ok());
  for (int i = 1; i <= 300; ++i) ASSERT_TRUE(log.Commit(AppendRequest(i - 1, fmt::format("{}", i))).ok());
  std::vector<int64_t> checkpoints;
  for (int i = 0; i <= 300; ++i) {
    if (fs::exists(table.LogPath(CheckpointName(i)))) checkpoints.push_back(i);
  }
  ASSERT_GT(checkpoints.size(), 10u);
  for (size_t i = 1; i < checkpoints.size(); ++i) {
    const int64_t gap = checkpoints[i] - checkpoints[i - 1];
    EXPECT_GE(gap, 10);
    EXPECT_GE(gap * 10, checkpoints[i]);
    EXPECT_LE(gap, std::max<int64_t>(10, checkpoints[i] / 9 + 1));
  }
}

TEST(CheckpointTest, BrokenOnesArePassedOver) {
  const auto newest = CheckpointName(20);
  const std::vector<std::pair<std::string, std::function<void(const TestTable&)>>> damages = {
      {"empty checkpoint", [&](const TestTable& t) { t.Write(newest, ""); }},
      {"half a checkpoint",
       [&](const TestTable& t) { t.Write(newest, t.Read(newest).substr(0, t.Read(newest).size() / 2)); }},
      {"no checkpoint at all", [&](const TestTable& t) { fs::remove(t.LogPath(newest)); }},
      {"noise in the middle",
       [&](const TestTable& t) {
         std::string text = t.Read(newest);
         for (size_t i = 4; i < text.size() / 2; ++i) text[i] = static_cast<char>(i * 131);
         t.Write(newest, text);
       }},
      {"no _last_checkpoint", [&](const TestTable& t) { fs::remove(t.LogPath("_last_checkpoint")); }},
      {"empty _last_checkpoint", [&](const TestTable& t) { t.Write("_last_checkpoint", ""); }},
      {"noise in _last_checkpoint",
       [&](const TestTable& t) { t.Write("_last_checkpoint", "{\"version\":-"); }},
      {"_last_checkpoint of a version that is not there",
       [&](const TestTable& t) { t.Write("_last_checkpoint", "{\"version\":24,\"size\":3}"); }},
      {"_last_checkpoint of absurd parts",
       [&](const TestTable& t) { t.Write("_last_checkpoint", "{\"version\":20,\"parts\":999999999999}"); }},
      {"_last_checkpoint climbing out",
       [&](const TestTable& t) {
         t.Write("_last_checkpoint", "{\"version\":20,\"v2Checkpoint\":{\"path\":\"../../x.parquet\"}}");
       }},
      {"both checkpoints broken",
       [&](const TestTable& t) {
         t.Write(newest, "PAR1");
         t.Write(CheckpointName(10), "PAR1");
       }},
      {"a checkpoint that is another Parquet file",
       [&](const TestTable& t) {
         // Its add column is named otherwise.
         std::string text = t.Read(newest);
         for (size_t at; (at = text.find("protocol")) != text.npos;) text.replace(at, 8, "potrocol");
         t.Write(newest, text);
       }},
  };
  for (const auto& [name, damage] : damages) {
    SCOPED_TRACE(name);
    const TestTable table;
    Fill(table);
    const auto expected = WithoutCheckpoints(table);
    damage(table);
    const auto read = Log(table.fs(), table.path()).Latest();
    ASSERT_TRUE(read.ok()) << read.status();
    ExpectSame(**read, *expected);
  }
}

TEST(CheckpointTest, MultiPartOnesAreReadWhenComplete) {
  const TestTable table;
  Fill(table, 15);
  const auto whole = *Log(table.fs(), table.path()).AtVersion(10);
  const auto expected = WithoutCheckpoints(table);
  const std::string parts[] = {"00000000000000000010.checkpoint.0000000001.0000000002.parquet",
                               "00000000000000000010.checkpoint.0000000002.0000000002.parquet"};
  for (int part = 0; part < 2; ++part) {
    Snapshot half = *whole;
    half.files = SharedList<AddFile>();
    std::vector<std::shared_ptr<const AddFile>> files;
    for (size_t i = part * 5; i < size_t(part * 5 + 5); ++i) files.push_back(whole->files[i]);
    half.files.Append(std::move(files), [](const AddFile&, size_t) {});
    const TestTable elsewhere;
    fs::create_directories(elsewhere.path() + "/_delta_log");
    ASSERT_TRUE(WriteCheckpoint(table.fs(), elsewhere.LogPath(""), half).ok());
    fs::copy(elsewhere.LogPath(CheckpointName(10)), table.LogPath(parts[part]));
  }
  fs::remove(table.LogPath(CheckpointName(10)));
  for (int version = 0; version < 10; ++version) fs::remove(table.LogPath(CommitName(version)));

  table.Write("_last_checkpoint", R"({"version":10,"size":23,"parts":2})");
  ExpectSame(**Log(table.fs(), table.path()).Latest(), *expected);
  fs::remove(table.LogPath("_last_checkpoint"));
  ExpectSame(**Log(table.fs(), table.path()).Latest(), *expected);
  fs::remove(table.LogPath(parts[1]));
  const auto incomplete = Log(table.fs(), table.path()).Latest();
  ASSERT_FALSE(incomplete.ok());
  EXPECT_NE(incomplete.status().message().find("commit 0 is missing from the log"), std::string::npos)
      << incomplete.status();
}

// Clean-up ran after a checkpoint whose pointer was never moved: the old pointer must not hide what is newer.
TEST(CheckpointTest, AStalePointerDoesNotHideNewerVersions) {
  const TestTable table;
  Fill(table);
  table.Write("_last_checkpoint", R"({"version":10,"size":23})");
  const auto expected = WithoutCheckpoints(table);
  for (int version = 0; version < 20; ++version) fs::remove(table.LogPath(CommitName(version)));
  const auto read = Log(table.fs(), table.path()).Latest();
  ASSERT_TRUE(read.ok()) << read.status();
  ExpectSame(**read, *expected);
}

}  // namespace
}  // namespace marquet::delta
