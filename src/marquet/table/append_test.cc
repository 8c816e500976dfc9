// Appends: which rows a table holds after one, and what becomes of those that meet other writers.

#include <map>
#include <thread>

#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(TableTest, ATableComesToBeWithItsFirstAppend) {
  const auto fs = file::LocalFileSystem();
  auto table =
      Value(Table::CreateWithFirstAppend(fs, Path(), *Trades(), {.partition_by = {"symbol", "date"}}));
  EXPECT_EQ(table->version(), -1);
  EXPECT_TRUE(IsKind(Table::Open(fs, Path()).status(), ErrorKind::kNotFound));
  auto appender = Value(table->NewAppender());
  MQ_OK(appender->Write(*Batch({{.ts_event = 1, .f = 0.5, .symbol = "A"}})));
  appender->RecordOnce({"source", 1, {}});
  appender->Tag("source", "first");

  // Another writer gets there first, with the same table: it is joined.
  auto other =
      Value(Table::CreateWithFirstAppend(fs, Path(), *Trades(), {.partition_by = {"symbol", "date"}}));
  auto first = Value(other->NewAppender());
  MQ_OK(first->Write(*Batch({{.ts_event = 2, .f = 0.5, .symbol = "B"}})));
  EXPECT_EQ(Value(first->Commit()).version, 0);
  EXPECT_EQ(Value(appender->Commit()).version, 1);

  auto opened = Value(Table::Open(fs, Path()));
  EXPECT_EQ(Value(Value(opened->NewScan()).Count()), 2);
  EXPECT_TRUE(opened->snapshot()->transactions.contains("source"));
  EXPECT_EQ(opened->snapshot()->files[1]->tags.at("source"), "first");

  auto again = Value(opened->NewAppender());
  MQ_OK(again->Write(*Batch({{.ts_event = 3, .f = 0.5, .symbol = "A"}})));
  again->RecordOnce({"source", 1, {}});
  EXPECT_TRUE(Value(again->Commit()).already_applied);
  EXPECT_EQ(Value(Value(opened->NewScan()).Count()), 2);
}

TEST_F(TableTest, AnotherTableThatWasCreatedMeanwhileIsNotJoined) {
  const auto fs = file::LocalFileSystem();
  auto table = Value(Table::CreateWithFirstAppend(fs, Path(), *Trades(), {.partition_by = {"symbol"}}));
  auto appender = Value(table->NewAppender());
  MQ_OK(appender->Write(*Batch({{.ts_event = 1, .f = 0.5, .symbol = "A"}})));
  Value(Table::Create(fs, Path(), *Trades(), {.partition_by = {"date"}}));
  EXPECT_TRUE(IsKind(appender->Commit().status(), ErrorKind::kConflict));
}

TEST_F(TableTest, OnlyWhatAddsRowsJoinsATableThatWasCreatedMeanwhile) {
  for (const AppendMode mode : {AppendMode::kOverwrite, AppendMode::kErrorIfExists}) {
    const std::string path = Path(mode == AppendMode::kOverwrite ? "overwritten" : "new");
    const auto table = Value(Table::CreateWithFirstAppend(fs_, path, *Trades(), {}));
    const auto appender = Value(table->NewAppender({.mode = mode}));
    MQ_OK(appender->Write(*Batch({{1, 1, 7, {}, "A"}})));
    const auto other = Value(Table::CreateWithFirstAppend(fs_, path, *Trades(), {}));
    MQ_OK(Append(*other, Batch({{1, 1, 1, {}, "A"}})).status());
    const auto refused = appender->Commit();
    EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kConflict)) << refused.status();
    EXPECT_THAT(Sizes(*Read(*Value(Table::Open(fs_, path)))), ElementsAre(1));
  }
}

// Rows that are handed in while their partition is being written, too few to be handed over, must not be
// waited for in vain when the budget is full.
TEST_F(TableTest, ACallerThatWaitsForMemoryIsServed) {
  auto table = Value(Table::Create(file::LocalFileSystem(), Path(), *Trades(), {.partition_by = {"symbol"}}));
  AppendOptions options;
  options.file.memory = 1 << 20;
  auto appender = Value(table->NewAppender(options));
  std::vector<Trade> trades;
  for (int i = 0; i < 100; ++i) trades.push_back({.ts_event = i, .f = 0.5, .symbol = i % 2 == 0 ? "A" : "B"});
  const auto batch = Batch(trades);
  for (int i = 0; i < 2'000; ++i) MQ_OK(appender->Write(*batch));
  EXPECT_EQ(Value(appender->Commit()).rows, 200'000);
}

TEST_F(TableTest, OverwriteReplacesEverything) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  MQ_OK(Append(*table, Batch({{1, 1, 1, {}, "A"}, {1, 1, 2, {}, "B"}})).status());
  MQ_OK(Append(*table, Batch({{1, 1, 3, {}, "C"}}), {.mode = AppendMode::kOverwrite}).status());
  EXPECT_THAT(Sizes(*Read(*table)), ElementsAre(3));
  EXPECT_THAT(Sizes(*Read(*Value(Table::Open(fs_, Path(), 1)))), ElementsAre(1, 2));
  const auto refused = Append(*table, Batch({{1, 1, 4, {}, "D"}}), {.mode = AppendMode::kErrorIfExists});
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kAlreadyExists)) << refused.status();
}

TEST_F(TableTest, AnOverwriteThatLosesTheRaceLooksAgain) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  const auto other = Value(Table::Open(fs_, Path()));
  const auto appender = Value(table->NewAppender({.mode = AppendMode::kOverwrite}));
  MQ_OK(appender->Write(*Batch({{1, 1, 7, {}, "A"}})));
  MQ_OK(Append(*other, Batch({{1, 1, 1, {}, "A"}})).status());
  MQ_OK(appender->Commit().status());
  EXPECT_THAT(Sizes(*Read(*table)), ElementsAre(7));
}

TEST_F(TableTest, AnOverwriteThatLooksAgainAsksWhetherItMayFollow) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  const auto other = Value(Table::Open(fs_, Path()));
  for (const bool may : {false, true}) {
    const auto appender = Value(table->NewAppender({.mode = AppendMode::kOverwrite}));
    MQ_OK(appender->Write(*Batch({{1, 1, 7, {}, "A"}})));
    int64_t asked_at = -1;
    appender->FollowOnlyIf([&](const delta::Snapshot& newest) {
      asked_at = newest.version;
      return may ? arrow::Status::OK() : Conflict("it may not");
    });
    const auto report = Append(*other, Batch({{1, 1, 1, {}, "A"}}));
    MQ_OK(report.status());
    EXPECT_EQ(appender->Commit().ok(), may);
    EXPECT_EQ(asked_at, report->version);
    EXPECT_THAT(Sizes(*Read(*Value(Table::Open(fs_, Path())))), ElementsAre(may ? 7 : 1));
    MQ_OK(table->Refresh());
  }
}

TEST_F(TableTest, RemovedFilesAreReplacedInOneCommit) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  MQ_OK(Append(*table, Batch({{1, 1, 1, {}, "A"}, {1, 1, 2, {}, "B"}})).status());
  const auto appender = Value(table->NewAppender({}));
  for (const auto& file : table->snapshot()->files) {
    if (file->partition_values.at("symbol") == "A") appender->Remove(file);
  }
  MQ_OK(appender->Write(*Batch({{1, 1, 9, {}, "A"}})));
  const auto report = Value(appender->Commit());
  EXPECT_EQ(report.version, 2);
  EXPECT_THAT(Sizes(*Read(*table)), ElementsAre(2, 9));
}

TEST_F(TableTest, RowsThatStayKeepTheTagsOfTheirFile) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  {
    const auto old = Value(table->NewAppender({}));
    MQ_OK(
        old->Write(*Batch({{1, 1, 1, {}, "A"}, {2, 1, 2, {}, "A"}, {3, 1, 3, {}, "A"}, {1, 1, 4, {}, "B"}})));
    old->Tag("from", "old");
    MQ_OK(old->Commit().status());
  }
  const auto appender = Value(table->NewAppender({}));
  for (const auto& file : table->snapshot()->files) {
    if (file->partition_values.at("symbol") != "A") continue;
    appender->Remove(file);
    const auto rows = Batch({{1, 1, 1, {}, "A"}, {3, 1, 3, {}, "A"}});
    const auto stored = Value(rows->RemoveColumn(rows->schema()->GetFieldIndex("symbol")));
    MQ_OK(appender->Keep(file, 0, *stored->Slice(0, 1)));
    MQ_OK(appender->Keep(file, 1, *stored->Slice(1, 1)));
  }
  MQ_OK(appender->Write(*Batch({{2, 1, 9, {}, "A"}})));
  appender->Tag("from", "new");
  const auto report = Value(appender->Commit());
  EXPECT_EQ(report.rows, 1);
  EXPECT_EQ(report.files.size(), 3u);
  EXPECT_THAT(Sizes(*Read(*table)), ::testing::UnorderedElementsAre(1, 3, 4, 9));
  std::map<std::string, int> files;
  for (const auto& file : table->snapshot()->files) {
    ++files[file->tags.at("from") + " " + file->partition_values.at("symbol").value()];
  }
  EXPECT_EQ(files, (std::map<std::string, int>{{"new A", 1}, {"old A", 2}, {"old B", 1}}));
  EXPECT_TRUE(Value(table->Verify(pq::VerifyLevel::kFull)).ok);  // with the digests of the new files
}

TEST_F(TableTest, WhatAnotherCommitMadeOfAnApplicationIsAConflict) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  const auto late = Value(Table::Open(fs_, Path()));
  for (const auto& each : {table, late}) {
    const auto appender = Value(each->NewAppender({}));
    MQ_OK(appender->Write(*Batch({{1, 1, 1, {}, "A"}})));
    appender->RecordOnce({each == table ? "one" : "two", 1, {}});
    appender->Record({"third", 2, {}});
    const auto committed = appender->Commit();
    if (each == table) {
      MQ_OK(committed.status());
    } else {
      EXPECT_TRUE(IsKind(committed.status(), ErrorKind::kConflict)) << committed.status();
    }
  }
  EXPECT_EQ(FilesUnder(Path(), ".parquet").size(), 1u);
}

TEST_F(TableTest, ATransactionHappensOnce) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  const AppendOptions options = {.transaction = delta::Transaction{"source-1", 1, {}}};
  EXPECT_FALSE(Value(Append(*table, Batch({{1, 1, 1, {}, "A"}}), options)).already_applied);
  const auto again = Value(Append(*table, Batch({{1, 1, 1, {}, "A"}}), options));
  EXPECT_TRUE(again.already_applied);
  EXPECT_EQ(again.version, 1);
  // Also by a table that has not seen the first commit yet.
  const auto late = Value(Table::Open(fs_, Path(), 0));
  EXPECT_TRUE(Value(Append(*late, Batch({{1, 1, 1, {}, "A"}}), options)).already_applied);
  EXPECT_THAT(Sizes(*Read(*Value(Table::Open(fs_, Path())))), ElementsAre(1));
  EXPECT_EQ(FilesUnder(Path(), ".parquet").size(), 1u);
}

TEST_F(TableTest, NothingIsLeftOfAnAbortedAppend) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  const auto before = FilesUnder(Path());
  {
    const auto appender = Value(table->NewAppender({.max_rows_per_file = 30'000}));
    MQ_OK(appender->Write(*Batch(std::vector<Trade>(70'000, Trade{1, 1, 1, {}, "A"}))));
    MQ_OK(appender->Abort());
    EXPECT_TRUE(IsKind(appender->Commit().status(), ErrorKind::kInvalidInput));
  }
  {
    const auto dropped = Value(table->NewAppender({}));
    MQ_OK(dropped->Write(*Batch({{1, 1, 1, {}, "B"}})));
  }
  EXPECT_EQ(FilesUnder(Path()), before);
  // Nothing to commit is no commit.
  EXPECT_EQ(Value(Value(table->NewAppender({}))->Commit()).version, 0);
}

// Two values of one name are no JSON to other readers, and of the log's own names only one survives.
TEST_F(TableTest, MetadataOfACommitTakesNoNameOfTheLogs) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  const auto before = FilesUnder(Path());
  for (const std::string name : {"timestamp", "inCommitTimestamp", "operation", "operationParameters",
                                 "isBlindAppend", "engineInfo", "operationMetrics", "readVersion",
                                 "isolationLevel", "version", "tags", "job", "notebook", "txnId", "xxh3"}) {
    const auto status =
        Append(*table, Batch({{1, 1, 1, {}, "A"}}), {.commit_metadata = {{name, "x"}}}).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << name << ": " << status;
    EXPECT_THAT(status.message(), HasSubstr("'" + name + "'"));
  }
  EXPECT_EQ(FilesUnder(Path()), before);
  MQ_OK(
      Append(*table, Batch({{1, 1, 1, {}, "A"}}), {.commit_metadata = {{"my.operation", "x"}, {"note", "y"}}})
          .status());
  const auto history = Value(table->History());
  EXPECT_EQ(history[0].info.operation, "WRITE");
  EXPECT_EQ(history[0].info.extra.at("my.operation"), "x");
  EXPECT_EQ(history[0].info.extra.at("note"), "y");
}

TEST_F(TableTest, ColumnsInAnotherOrderAndMissingOnes) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  const auto full = Batch({{1, 1, 5, 0.5, "A"}});
  const auto some = Value(full->SelectColumns({4, 2}));
  MQ_OK(Append(*table, some).status());
  const auto rows = Read(*table);
  EXPECT_THAT(Sizes(*rows), ElementsAre(5));
  EXPECT_EQ(rows->GetColumnByName("price")->null_count(), 1);
  const auto unknown = Value(full->AddColumn(0, "extra", full->column(0)));
  auto status = Append(*table, unknown).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kSchema)) << status;
  EXPECT_THAT(status.message(), HasSubstr("there is no column 'extra' in the table"));
  const auto wrong = Value(some->SetColumn(1, arrow::field("size", arrow::utf8()), full->column(4)));
  status = Append(*table, wrong).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kSchema)) << status;
  EXPECT_THAT(status.message(), HasSubstr("column 'size' is string; expected int32"));
  EXPECT_THAT(Sizes(*Read(*Value(Table::Open(fs_, Path())))), ElementsAre(5));
}

TEST_F(TableTest, ConcurrentAppendsLoseNothing) {
  MQ_OK(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}).status());
  constexpr int kThreads = 4;
  constexpr int kAppends = 8;
  std::vector<std::thread> threads;
  std::vector<arrow::Status> outcomes(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const auto table = Value(Table::Open(fs_, Path()));
      for (int i = 0; i < kAppends && outcomes[static_cast<size_t>(t)].ok(); ++i) {
        outcomes[static_cast<size_t>(t)] =
            Append(*table,
                   Batch({{1, 1, t * kAppends + i, {}, std::string(1, static_cast<char>('A' + i % 3))}}))
                .status();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& outcome : outcomes) EXPECT_TRUE(outcome.ok()) << outcome;
  const auto table = Value(Table::Open(fs_, Path()));
  EXPECT_EQ(table->version(), kThreads * kAppends);
  const auto sizes = Sizes(*Read(*table));
  ASSERT_EQ(sizes.size(), static_cast<size_t>(kThreads * kAppends));
  for (size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ(sizes[i], static_cast<int32_t>(i));
}

}  // namespace
}  // namespace marquet::table
