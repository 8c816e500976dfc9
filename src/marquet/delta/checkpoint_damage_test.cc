// Checkpoints that are damaged: noticed when they are read, and when the log is looked through.
#include "marquet/delta/checkpoint.h"

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>

#include "marquet/base/error.h"
#include "marquet/delta/checkpoint_check.h"
#include "marquet/delta/test_table.h"

namespace marquet::delta {
namespace {

namespace fs = std::filesystem;

constexpr int kVersions = 12;
const std::string kName = CheckpointName(10);

// Each version behind the first adds a file and a transaction; a checkpoint at 10.
void FillLog(const TestTable& table) {
  Log log(table.fs(), table.path());
  log.set_checkpointing(Log::Checkpointing::kInline);
  ASSERT_TRUE(log.Commit(CreateRequest({{"some.key", "some value"}})).ok());
  for (int i = 1; i <= kVersions; ++i) {
    CommitRequest request = AppendRequest(i - 1, fmt::format("symbol=A/{}.parquet", i));
    std::get<AddFile>(request.actions[0]).tags["marquet.digest"] = fmt::format("{:032x}", i);
    request.actions.emplace_back(Transaction{fmt::format("app {}", i), i, {}});
    ASSERT_TRUE(log.Commit(request).ok());
  }
  ASSERT_TRUE(fs::exists(table.LogPath(kName)));
}

arrow::Result<CheckpointContent> Read(const TestTable& table) {
  return ReadCheckpoint(table.fs(), table.LogPath(""), {10, {kName}});
}

std::vector<DamagedCheckpoint> DamageOf(const TestTable& table, int64_t version = kVersions) {
  auto damage = FindDamagedCheckpoints(table.fs(), table.path(), version);
  EXPECT_TRUE(damage.ok()) << damage.status();
  return damage.ValueOr({});
}

void ExpectWhole(const TestTable& table) {
  const auto read = Log(table.fs(), table.path()).Latest();
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ((*read)->version, kVersions);
  EXPECT_EQ((*read)->files.size(), size_t{kVersions});
  EXPECT_EQ((*read)->transactions.size(), size_t{kVersions});
  EXPECT_EQ((*read)->metadata.partition_columns, std::vector<std::string>{"symbol"});
  for (const auto& file : (*read)->files) {
    EXPECT_EQ(file->partition_values, (PartitionValues{{"symbol", "A"}}));
  }
}

TEST(CheckpointDamageTest, EveryFlippedBitOfOursIsNoticed) {
  const TestTable table;
  FillLog(table);
  EXPECT_TRUE(DamageOf(table).empty());
  const std::string good = table.Read(kName);
  const size_t mark = good.rfind("marquet.xxh3=");
  ASSERT_NE(mark, good.npos);
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    table.Write(kName, bad);
    const auto read = Read(table);
    // Without the mark it is another writer's; what it says is whole.
    const bool of_mark = at >= mark && at < mark + std::string_view("marquet.xxh3=").size();
    ASSERT_TRUE(of_mark ? read.ok() && read->files.size() == 10 && read->rest.size() == 12
                        : IsKind(read.status(), ErrorKind::kCorruptData))
        << "byte " << at << " of " << good.size() << ": " << read.status();
  }
}

TEST(CheckpointDamageTest, ADamagedNameHidesNoActions) {
  for (const char* name : {"add", "txn", "remove", "metaData", "protocol", "partitionValues",
                           "partitionColumns", "schemaString", "configuration", "stats", "tags", "size"}) {
    SCOPED_TRACE(name);
    const TestTable table;
    FillLog(table);
    std::string text = table.Read(kName);
    uint32_t footer_bytes = 0;
    std::memcpy(&footer_bytes, text.data() + text.size() - 8, sizeof footer_bytes);
    // Its length stands before it.
    const std::string spelt = static_cast<char>(std::string_view(name).size()) + std::string(name);
    const size_t at = text.find(spelt, text.size() - 8 - footer_bytes);
    ASSERT_NE(at, text.npos);
    text[at + 1] = static_cast<char>(text[at + 1] ^ 2);
    table.Write(kName, text);
    EXPECT_TRUE(IsKind(Read(table).status(), ErrorKind::kCorruptData));
    ExpectWhole(table);
    const auto damage = DamageOf(table);
    ASSERT_EQ(damage.size(), 1u);
    EXPECT_EQ(damage[0].name, kName);
    EXPECT_NE(damage[0].message.find("digest"), std::string::npos) << damage[0].message;
  }
}

// Written anew as another writer would, without a digest of its own.
using Change = std::function<std::shared_ptr<arrow::Table>(const arrow::Table&)>;

void Rewrite(const TestTable& table, const Change& change) {
  std::shared_ptr<arrow::Table> rows;
  {
    const auto in = *arrow::io::ReadableFile::Open(table.LogPath(kName));
    const auto reader = *parquet::arrow::OpenFile(in, arrow::default_memory_pool());
    rows = *reader->ReadTable();
  }
  rows = change(*rows)->ReplaceSchemaMetadata(nullptr);
  const auto out = *arrow::io::FileOutputStream::Open(table.LogPath(kName));
  ASSERT_TRUE(parquet::arrow::WriteTable(*rows, arrow::default_memory_pool(), out).ok());
  ASSERT_TRUE(out->Close().ok());
}

Change Renamed(const std::string& from, const std::string& to) {
  return [=](const arrow::Table& rows) {
    auto names = rows.ColumnNames();
    std::replace(names.begin(), names.end(), from, to);
    return *rows.RenameColumns(names);
  };
}

Change WithoutColumn(const std::string& name) {
  return [=](const arrow::Table& rows) { return *rows.RemoveColumn(rows.schema()->GetFieldIndex(name)); };
}

// The same column with a field of its struct under another name, or without it.
Change WithField(const std::string& column, const std::string& field, const std::string& to) {
  return [=](const arrow::Table& rows) {
    const int place = rows.schema()->GetFieldIndex(column);
    const auto combined = *arrow::Concatenate(rows.column(place)->chunks());
    const auto& data = static_cast<const arrow::StructArray&>(*combined);
    std::vector<std::shared_ptr<arrow::Field>> fields;
    std::vector<std::shared_ptr<arrow::Array>> arrays;
    for (int i = 0; i < data.num_fields(); ++i) {
      auto each = data.type()->field(i);
      if (each->name() == field) {
        if (to.empty()) continue;
        each = each->WithName(to);
      }
      fields.push_back(each);
      arrays.push_back(data.field(i));
    }
    const auto changed = *arrow::StructArray::Make(arrays, fields, data.null_bitmap(), data.null_count());
    return *rows.SetColumn(place, arrow::field(column, changed->type()),
                           std::make_shared<arrow::ChunkedArray>(changed));
  };
}

TEST(CheckpointDamageTest, OthersAreReadWithoutTheColumnsOfNoAction) {
  const Change as_it_is = [](const arrow::Table& rows) {
    return rows.SelectColumns({0, 1, 2, 3, 4}).ValueOrDie();
  };
  const Change with_another = [](const arrow::Table& rows) {
    return *rows.AddColumn(
        0, arrow::field("somethingNew", arrow::int64()),
        std::make_shared<arrow::ChunkedArray>(*arrow::MakeArrayOfNull(arrow::int64(), rows.num_rows())));
  };
  for (const Change& change : {as_it_is, with_another, Renamed("remove", "differ"), WithoutColumn("remove"),
                               WithField("add", "tags", ""), WithField("metaData", "description", ""),
                               WithField("protocol", "readerFeatures", "")}) {
    const TestTable table;
    FillLog(table);
    Rewrite(table, change);
    const auto read = Read(table);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->files.size(), 10u);
    EXPECT_EQ(read->rest.size(), 12u);
    ExpectWhole(table);
    EXPECT_TRUE(DamageOf(table).empty());
  }
}

TEST(CheckpointDamageTest, OthersThatLackWhatIsRequiredArePassedOver) {
  const std::vector<std::pair<Change, const char*>> cases = {
      {Renamed("add", "ade"), "'ade' is of no action, and add is missing"},
      {Renamed("txn", "txo"), "'txo' is of no action, and txn is missing"},
      {Renamed("metaData", "metaDatb"), "metaData is missing"},
      {WithField("add", "partitionValues", "partitionValuez"), "add.partitionValues is missing"},
      {WithField("add", "size", ""), "add.size is missing"},
      {WithField("add", "stats", "statr"), "'add.statr' is of no action, and add.stats is missing"},
      {WithField("metaData", "partitionColumns", ""), "metaData.partitionColumns is missing"},
      {WithField("metaData", "configuration", "configuratioo"), "metaData.configuration is missing"},
      {WithField("txn", "version", ""), "txn.version is missing"},
  };
  for (const auto& [change, words] : cases) {
    SCOPED_TRACE(words);
    const TestTable table;
    FillLog(table);
    Rewrite(table, change);
    const auto read = Read(table);
    ASSERT_TRUE(IsKind(read.status(), ErrorKind::kCorruptData)) << read.status();
    EXPECT_NE(read.status().message().find(words), std::string::npos) << read.status();
    ExpectWhole(table);
    EXPECT_EQ(DamageOf(table).size(), 1u);

    // With the commits gone it is an error, and no table with less in it.
    for (int version = 0; version < 10; ++version) fs::remove(table.LogPath(CommitName(version)));
    const auto alone = Log(table.fs(), table.path()).Latest();
    EXPECT_TRUE(IsKind(alone.status(), ErrorKind::kCorruptData)) << alone.status();
  }
}

// A checkpoint that is whole in itself, and says another thing than the commits.
TEST(CheckpointDamageTest, AnotherStateThanThatOfTheCommitsIsFound) {
  const std::vector<std::pair<std::function<void(Snapshot*)>, const char*>> cases = {
      {[](Snapshot* state) { state->files = SharedList<AddFile>(); }, "it lacks 10 of the 10 files"},
      {[](Snapshot* state) {
         state->files.Append({std::make_shared<const AddFile>(File("more"))}, [](const AddFile&, size_t) {});
       },
       "it holds 'more' more often"},
      {[](Snapshot* state) {
         AddFile file = *state->files[0];
         file.partition_values["symbol"] = "B";
         state->files.Erase(0, [](const AddFile& each) { return each.path == "symbol=A/1.parquet"; });
         state->files.Append({std::make_shared<const AddFile>(file)}, [](const AddFile&, size_t) {});
       },
       "'symbol=A/1.parquet' has other partition values"},
      {[](Snapshot* state) {
         AddFile file = *state->files[0];
         file.size = 99;
         state->files.Erase(0, [](const AddFile& each) { return each.path == "symbol=A/1.parquet"; });
         state->files.Append({std::make_shared<const AddFile>(file)}, [](const AddFile&, size_t) {});
       },
       "has 99 bytes in it; 100 by the commits"},
      {[](Snapshot* state) { state->transactions = TransactionMap(); }, "it lacks 10 of the 10 transactions"},
      {[](Snapshot* state) {
         state->transactions.Set({"app 3", 4, {}});
       },
       "it has application 'app 3' at version 4; the commits before it have 3"},
      {[](Snapshot* state) {
         state->transactions.Set({"app", 1, {}});
       },
       "have none of it"},
      {[](Snapshot* state) { state->metadata.partition_columns.clear(); }, "its metaData is not that"},
      {[](Snapshot* state) { state->metadata.configuration.clear(); }, "its metaData is not that"},
      {[](Snapshot* state) { state->protocol.min_writer_version = 1; }, "its protocol is not that"},
  };
  for (const auto& [change, words] : cases) {
    SCOPED_TRACE(words);
    const TestTable table;
    FillLog(table);
    Snapshot state = **Log(table.fs(), table.path()).AtVersion(10);
    change(&state);
    fs::remove(table.LogPath(kName));
    ASSERT_TRUE(WriteCheckpoint(table.fs(), table.LogPath(""), state).ok());
    const auto damage = DamageOf(table);
    ASSERT_EQ(damage.size(), 1u);
    EXPECT_EQ(damage[0].name, kName);
    EXPECT_NE(damage[0].message.find(words), std::string::npos) << damage[0].message;
    EXPECT_TRUE(DamageOf(table, 9).empty()) << "it stands for none of these versions";
  }
}

// Clean-up took the first commits: the oldest checkpoint stands for them, and the next one is held against
// it.
TEST(CheckpointDamageTest, ALogThatBeginsWithACheckpointIsComparedFromThereOn) {
  const TestTable table;
  FillLog(table);
  {
    Log log(table.fs(), table.path());
    ASSERT_TRUE(log.Checkpoint().ok());
  }
  for (int version = 0; version < 10; ++version) fs::remove(table.LogPath(CommitName(version)));
  EXPECT_TRUE(DamageOf(table).empty());
  Snapshot state = **Log(table.fs(), table.path()).Latest();
  state.transactions.Set({"app 11", 7, {}});
  fs::remove(table.LogPath(CheckpointName(12)));
  ASSERT_TRUE(WriteCheckpoint(table.fs(), table.LogPath(""), state).ok());
  const auto damage = DamageOf(table);
  ASSERT_EQ(damage.size(), 1u);
  EXPECT_EQ(damage[0].name, CheckpointName(12));
}

}  // namespace
}  // namespace marquet::delta
