#include "marquet/table/table.h"

#include <fstream>
#include <regex>
#include <thread>

#include <fmt/format.h>

#include "marquet/table/table_state.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(TableTest, WhatIsAppendedIsReadBack) {
  const auto table =
      Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol", "date"}, .name = "trades"}));
  EXPECT_EQ(table->version(), 0);
  const auto report = Append(
      *table, Batch({{1'000, 10, 1, 0.5, "ESH4"}, {2'000, 20, 2, {}, "NQH4"}, {3'000, 30, 3, 1.5, "ESH4"}}));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->version, 1);
  EXPECT_EQ(report->rows, 3);
  EXPECT_EQ(report->files.size(), 2u);

  const auto opened = Value(Table::Open(fs_, Path()));
  EXPECT_EQ(opened->version(), 1);
  const auto rows = Read(*opened);
  MQ_OK(rows->ValidateFull());
  EXPECT_EQ(rows->schema()->field_names(), Trades()->field_names());
  EXPECT_EQ(rows->schema()->field(0)->type()->ToString(), "timestamp[ns, tz=UTC]");
  EXPECT_EQ(rows->schema()->field(1)->type()->ToString(), "int64");
  EXPECT_THAT(Sizes(*rows), ElementsAre(1, 2, 3));
  EXPECT_THAT(Sizes(*Where(*opened, "symbol = 'ESH4'")), ElementsAre(1, 3));
  EXPECT_THAT(Sizes(*Where(*opened, "symbol = 'ESH4' and price > '0.00000001'")), ElementsAre(3));
  EXPECT_THAT(Sizes(*Where(*opened, "ts_event >= '1970-01-01T00:00:00.000002'")), ElementsAre(2, 3));
  EXPECT_THAT(Sizes(*Where(*opened, "f is null")), ElementsAre(2));
  EXPECT_THAT(Sizes(*Where(*opened, "date = '2024-01-02'")), ElementsAre(1, 2, 3));
  EXPECT_THAT(Sizes(*Where(*opened, "date != '2024-01-02'")), IsEmpty());
  for (const std::string& file : FilesUnder(Path(), ".parquet")) {
    EXPECT_THAT(file, testing::MatchesRegex(
                          "symbol=(ESH4|NQH4)/date=2024-01-02/part-[0-9]{5}-[0-9a-f-]{36}.parquet"));
  }
}

TEST_F(TableTest, FormsOfTimesAndPrices) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  MQ_OK(Append(*table, Batch({{1'704'153'600'000'000'001, 4'800'250'000'000, 1, 0.5, "ESH4"},
                              {2, -1, 2, 0.5, "ESH4"}}))
            .status());
  auto first = [&](ScanOptions options, const char* column) {
    return Read(*table, std::move(options))->GetColumnByName(column)->GetScalar(0).ValueOrDie();
  };
  EXPECT_EQ(first({}, "ts_event")->ToString(), "2024-01-02 00:00:00.000000001Z");
  EXPECT_EQ(first({.stored_types = true}, "ts_event")->ToString(), "1704153600000000001");
  EXPECT_EQ(first({}, "price")->ToString(), "4800250000000");
  EXPECT_EQ(first({.price = PriceForm::kFloat}, "price")->ToString(), "4800.25");
  EXPECT_EQ(first({.price = PriceForm::kDecimal}, "price")->ToString(), "4800.250000000");
  const auto decimals = Read(*table, {.price = PriceForm::kDecimal});
  EXPECT_EQ(decimals->GetColumnByName("price")->GetScalar(1).ValueOrDie()->ToString(), "-1E-9");
}

TEST_F(TableTest, ColumnsOrderAndLimit) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  MQ_OK(Append(*table,
               Batch({{3, 1, 1, 3.0, "B"}, {1, 2, 2, NAN, "A"}, {2, 3, 3, {}, "B"}, {0, 4, 4, 1.0, "A"}}))
            .status());
  ScanOptions options;
  options.columns = {"size", "symbol"};
  options.sort_by = {"ts_event"};
  auto rows = Read(*table, options);
  EXPECT_EQ(rows->num_columns(), 2);
  EXPECT_EQ(rows->GetColumnByName("size")->chunk(0)->ToString(), "[\n  4,\n  2,\n  3,\n  1\n]");
  options.limit = 2;
  rows = Read(*table, options);
  EXPECT_EQ(rows->GetColumnByName("size")->chunk(0)->ToString(), "[\n  4,\n  2\n]");
  options.sort_by = {"f", "size"};  // NaN after numbers, null last
  options.limit.reset();
  rows = Read(*table, options);
  EXPECT_EQ(rows->GetColumnByName("size")->chunk(0)->ToString(), "[\n  4,\n  1,\n  2,\n  3\n]");
  EXPECT_EQ(Read(*table, {.limit = 3})->num_rows(), 3);
  EXPECT_EQ(Read(*table, {.limit = 0})->num_rows(), 0);
  EXPECT_EQ(Read(*table, {.columns = {"symbol"}})->num_rows(), 4);  // nothing to read of the files
  EXPECT_EQ(Read(*table, {.start_ns = 1000, .end_ns = 3000})->num_rows(), 0);
}

TEST_F(TableTest, TimeRangesAreHalfOpen) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  MQ_OK(Append(*table, Batch({{1'000, 1, 1, {}, "A"}, {2'000, 1, 2, {}, "A"}, {3'000, 1, 3, {}, "A"}}))
            .status());
  EXPECT_THAT(Sizes(*Read(*table, {.start_ns = 1'000, .end_ns = 3'000})), ElementsAre(1, 2));
  EXPECT_THAT(Sizes(*Read(*table, {.start_ns = 1'001})), ElementsAre(2, 3));
  EXPECT_THAT(Sizes(*Read(*table, {.end_ns = 2'001, .time_column = "ts_event"})), ElementsAre(1, 2));
}

TEST_F(TableTest, Counts) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  MQ_OK(Append(*table, Batch({{1, 1, 1, 1.0, "A"}, {2, 1, 2, 2.0, "A"}, {3, 1, 3, 3.0, "B"}})).status());
  auto count = [&](std::string_view filter, int64_t* files_read = nullptr) {
    ScanOptions options;
    options.where = Value(Predicate::Parse(filter));
    const auto scan = Value(table->NewScan(options));
    const int64_t rows = Value(scan.Count());
    if (files_read != nullptr) *files_read = scan.statistics().files_read;
    return rows;
  };
  int64_t files_read = -1;
  EXPECT_EQ(count("", &files_read), 3);
  EXPECT_EQ(files_read, 0);
  EXPECT_EQ(count("symbol = 'A'", &files_read), 2);
  EXPECT_EQ(files_read, 0);
  EXPECT_EQ(count("size > 100", &files_read), 0);
  EXPECT_EQ(files_read, 0);
  EXPECT_EQ(count("size >= 2", &files_read), 2);
  EXPECT_EQ(files_read, 1);
}

TEST_F(TableTest, TimeTravel) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  for (int32_t i = 1; i <= 3; ++i) MQ_OK(Append(*table, Batch({{i, 1, i, {}, "A"}})).status());
  EXPECT_THAT(Sizes(*Read(*Value(Table::Open(fs_, Path(), 2)))), ElementsAre(1, 2));
  EXPECT_THAT(Sizes(*Read(*Value(Table::Open(fs_, Path(), 0)))), IsEmpty());
  EXPECT_TRUE(IsKind(Table::Open(fs_, Path(), 9).status(), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(Table::Open(fs_, Path(), 1, 5).status(), ErrorKind::kInvalidInput));
  const auto at = Value(Table::Open(fs_, Path(), std::nullopt, table->snapshot()->timestamp_ms * 1'000'000));
  EXPECT_EQ(at->version(), 3);
  const auto history = Value(table->History());
  ASSERT_EQ(history.size(), 4u);
  EXPECT_EQ(history[0].version, 3);
  EXPECT_EQ(history[0].info.operation, "WRITE");
  EXPECT_EQ(history[3].info.operation, "CREATE TABLE");
}

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

TEST_F(TableTest, PartitionValuesOfAnyText) {
  const std::vector<std::string> symbols = {
      "ESH4-ESM4",           "UD:1V: GN 2437", "a/b",      "..", "%41", "\xC3\xA9t\xC3\xA9 x=y",
      std::string(248, 'L'), "'quoted\"",      "new\nline"};
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  std::vector<Trade> trades;
  for (size_t i = 0; i < symbols.size(); ++i)
    trades.push_back({1, 1, static_cast<int32_t>(i), {}, symbols[i]});
  trades.push_back({1, 1, 99, {}, std::nullopt});
  MQ_OK(Append(*table, Batch(trades)).status());
  const auto opened = Value(Table::Open(fs_, Path()));
  for (size_t i = 0; i < symbols.size(); ++i) {
    ScanOptions options;
    options.where = Value(Predicate::FromTerms(std::vector<Term>{{"symbol", "=", {symbols[i]}}}));
    const auto rows = Read(*opened, options);
    EXPECT_THAT(Sizes(*rows), ElementsAre(static_cast<int32_t>(i))) << symbols[i];
    EXPECT_EQ(rows->GetColumnByName("symbol")->GetScalar(0).ValueOrDie()->ToString(), symbols[i]);
  }
  EXPECT_THAT(Sizes(*Where(*opened, "symbol is null")), ElementsAre(99));
  EXPECT_EQ(Where(*opened, "symbol not in ('a/b')")->num_rows(), static_cast<int64_t>(symbols.size()) - 1);
  const auto refused = Append(*table, Batch({{1, 1, 1, {}, std::string(249, 'L')}})).status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kInvalidInput)) << refused.ToString();
}

TEST(PartitionDirectoryTest, EscapesAsHiveDoes) {
  auto of = [](std::optional<std::string> value) {
    return PartitionDirectory({"s"}, {{"s", std::move(value)}});
  };
  EXPECT_EQ(of("ESH4"), "s=ESH4");
  EXPECT_EQ(of("a/b:c%"), "s=a%2Fb%3Ac%25");
  EXPECT_EQ(of(" GN 2437"), "s= GN 2437");
  EXPECT_EQ(of(std::nullopt), "s=__HIVE_DEFAULT_PARTITION__");
  EXPECT_EQ(of(""), "s=__HIVE_DEFAULT_PARTITION__");
  EXPECT_EQ(of(std::string(253, 'a')), "s=" + std::string(253, 'a'));
  // Rows of an older table that are written anew may have such a value.
  EXPECT_EQ(of(std::string(254, 'a')).size(), 255u);
  EXPECT_NE(of(std::string(254, 'a')), of(std::string(254, 'a') + "b"));
  EXPECT_EQ(PartitionDirectory({"a", "b"}, {{"b", "2"}, {"a", "1"}}), "a=1/b=2");
}

// Engines that read values out of directories take the names of columns as they stand there.
TEST(PartitionDirectoryTest, NamesOfColumnsStandAsTheyAre) {
  auto of = [](const std::string& column) { return PartitionDirectory({column}, {{column, "1"}}); };
  for (const std::string column :
       {"_date", ".hidden", "#", "a b", "a%b", "a'b", "[x]", "日付", "a\\b", "a."}) {
    EXPECT_EQ(of(column), column + "=1");
  }
  // What is refused for new tables, other writers' tables may have.
  EXPECT_EQ(of("a/b"), "a%2Fb=1");
  EXPECT_EQ(of("a=b"), "a%3Db=1");
  EXPECT_EQ(of("a\nb"), "a%0Ab=1");
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
  EXPECT_THAT(status.message(), HasSubstr("column 'size' is string; the table's is int32"));
  EXPECT_THAT(Sizes(*Read(*Value(Table::Open(fs_, Path())))), ElementsAre(5));
}

// What other things than a creation put beside it, or a table's log leaves when it is gone.
TEST_F(TableTest, OnlyWhatAnInterruptedCreationLeavesIsTakenUp) {
  const auto with = [&](const std::string& name, const std::vector<std::string>& files) {
    for (const std::string& file : files) {
      const std::filesystem::path path = std::filesystem::path(Path(name)) / file;
      std::filesystem::create_directories(path.parent_path());
      std::ofstream(path) << "x";
    }
    return Table::CreateWithFirstAppend(fs_, Path(name), *Trades(), {}).status();
  };
  MQ_OK(with("killed", {"_marquet/sources/0.json", "_marquet/sources/attempts/0-1.json",
                        "_marquet/labels/digests/0.json", "_marquet/labels/.default.json.1.tmp",
                        "_marquet/follow-ups/.default.json.1.journal", "symbol=A/part-1.parquet",
                        "part-00000-1.parquet", ".hidden"}));
  const std::vector<std::string> foreign = {"_marquet/writers/0-1.json", "_marquet/retired/a.parquet",
                                            "_marquet/labels/default.json", "_marquet/sources/left/0-1.json",
                                            "_marquet/notes.txt"};
  for (size_t i = 0; i < foreign.size(); ++i) {
    const auto status = with(fmt::format("foreign{}", i), {"part-00000-1.parquet", foreign[i]});
    EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status << foreign[i];
    EXPECT_THAT(status.message(), HasSubstr("holds other things"));
    EXPECT_THAT(HintOf(status), HasSubstr("_delta_log"));
  }
  for (const char* visible : {"0_0.parquet", "notes.txt", "raw/a.dbn"}) {
    const auto status = with(fmt::format("visible-{}", std::string(visible).substr(0, 1)),
                             {"_marquet/sources/0.json", visible});
    EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status << visible;
  }
}

TEST_F(TableTest, CreationIsRefusedWhereItCannotBe) {
  MQ_OK(Table::Create(fs_, Path(), *Trades(), {}).status());
  EXPECT_TRUE(IsKind(Table::Create(fs_, Path(), *Trades(), {}).status(), ErrorKind::kAlreadyExists));
  std::filesystem::create_directories(Path("other"));
  std::ofstream(Path("other") + "/notes.txt") << "mine";
  auto status = Table::Create(fs_, Path("other"), *Trades(), {}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
  EXPECT_THAT(status.message(), HasSubstr("holds other things ('notes.txt') and no table"));
  EXPECT_THAT(FilesUnder(Path("other")), ElementsAre("notes.txt"));
  status = Table::Create(fs_, Path("other") + "/notes.txt", *Trades(), {}).status();
  EXPECT_FALSE(status.ok());
  status = Table::Create(fs_, Path("new"), *Trades(), {.partition_by = {"symbl"}}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
  EXPECT_EQ(HintOf(status), "did you mean 'symbol'?");
  EXPECT_FALSE(Table::Create(fs_, Path("new"), *arrow::schema({arrow::field("a", arrow::utf8())}),
                             {.partition_by = {"a"}})
                   .ok());
  EXPECT_FALSE(
      Table::Create(fs_, Path("new"), *arrow::schema({arrow::field("a", arrow::uint64())}), {}).ok());
  EXPECT_TRUE(IsKind(Table::Open(fs_, Path("new")).status(), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(Table::Open(fs_, Path("other")).status(), ErrorKind::kNotFound));
}

TEST_F(TableTest, ScansOfUnknownColumns) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {}));
  auto status = table->NewScan({.columns = {"sise"}}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kNotFound)) << status;
  EXPECT_EQ(HintOf(status), "did you mean 'size'?");
  status = table->NewScan({.sort_by = {"x"}}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kNotFound)) << status;
  status = table->NewScan({.where = Value(Predicate::Parse("x = 1"))}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kNotFound)) << status;
  EXPECT_TRUE(IsKind(table->NewScan({.limit = -1}).status(), ErrorKind::kInvalidInput));
  EXPECT_TRUE(IsKind(table->NewScan({.columns = {"size", "size"}}).status(), ErrorKind::kInvalidInput));
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

TEST_F(TableTest, InfoAndLatestTimestamp) {
  const auto table = Value(
      Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}, .name = "n", .description = "d"}));
  EXPECT_EQ(table->Info().latest_timestamp_ns, std::nullopt);
  MQ_OK(Append(*table, Batch({{1'234'567, 1, 1, {}, "A"}, {5'000'001'234'567, 1, 2, {}, "B"}})).status());
  MQ_OK(Append(*table, Batch({{5'000'001'233'567, 1, 3, {}, "A"}})).status());
  const TableInfo info = table->Info();
  EXPECT_EQ(info.rows, 3);
  EXPECT_EQ(info.files, 3);
  EXPECT_EQ(info.name, "n");
  ASSERT_EQ(info.partitions.size(), 2u);
  EXPECT_EQ(info.partitions[0].values.at("symbol"), "A");
  EXPECT_EQ(info.partitions[0].rows, 2);
  EXPECT_EQ(info.latest_timestamp_ns, __int128{5'000'001'234'000});  // "ts" counts microseconds
  EXPECT_EQ(Value(table->LatestTimestamp("ts_event")), 5'000'001'234'567);
  EXPECT_EQ(Value(table->LatestTimestamp("date")), 19724 * 86'400'000'000'000);
  EXPECT_TRUE(IsKind(table->LatestTimestamp("size").status(), ErrorKind::kInvalidInput));
  EXPECT_TRUE(IsKind(table->LatestTimestamp("nope").status(), ErrorKind::kNotFound));
}

// The log is input: what it says of a file's partition need not be a value of the column.
TEST_F(TableTest, APartitionValueOfAnotherTypeIsCorruptData) {
  MQ_OK(Append(*Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"size"}})),
               Batch({{1, 1, 1, 1.0, "A"}, {1, 1, 2, 2.0, "B"}}))
            .status());
  const std::string commit = Path() + "/_delta_log/00000000000000000001.json";
  std::string text(std::filesystem::file_size(commit), '\0');
  std::ifstream(commit).read(text.data(), static_cast<std::streamsize>(text.size()));
  const size_t at = text.find(R"("partitionValues":{"size":"2"})");
  ASSERT_NE(at, std::string::npos) << text;
  text[at + 27] = 'x';
  std::ofstream(commit) << text;
  const auto table = Value(Table::Open(fs_, Path()));
  const auto status = table->NewScan({.where = Value(Predicate::Parse("size = 1"))}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status.ToString();
  EXPECT_THAT(status.message(), AllOf(HasSubstr("size=2/"), HasSubstr("'x'")));
  EXPECT_TRUE(IsKind(Value(table->NewScan({})).ToTable().status(), ErrorKind::kCorruptData));
  EXPECT_EQ(Where(*table, "price = 7")->num_rows(), 0);  // neither file is opened
}

// The log is input: sizes whose sum does not fit are told as the most that does.
TEST_F(TableTest, SizesThatDoNotAddUpAreToldAsTheMost) {
  const auto created = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  MQ_OK(Append(*created, Batch({{1, 1, 1, 1.0, "A"}, {1, 1, 2, 2.0, "B"}})).status());
  const std::string commit = Path() + "/_delta_log/00000000000000000001.json";
  std::string text(std::filesystem::file_size(commit), '\0');
  std::ifstream(commit).read(text.data(), static_cast<std::streamsize>(text.size()));
  std::ofstream(commit) << std::regex_replace(text, std::regex(R"("size":\d+,"mod)"),
                                              R"("size":9223372036854775807,"mod)");
  const auto table = Value(Table::Open(fs_, Path()));
  const TableInfo info = table->Info();
  ASSERT_EQ(info.files, 2);
  EXPECT_EQ(info.bytes, INT64_MAX);
  for (const PartitionInfo& partition : info.partitions) EXPECT_EQ(partition.bytes, INT64_MAX);
  const auto verdict = Value(table->Verify(pq::VerifyLevel::kFooter));
  ASSERT_EQ(verdict.damage.size(), 3u);
  EXPECT_EQ(verdict.damage[2].file, "_delta_log/00000000000000000001.json") << "it is not what was committed";
}

TEST(DataFilePathTest, StaysInsideOfTheTable) {
  EXPECT_EQ(*DataFilePath("t", "a=1/part.parquet"), "t/a=1/part.parquet");
  EXPECT_EQ(*DataFilePath("t", "s=UD:1V: GN/part.parquet"), "t/s=UD:1V: GN/part.parquet");
  for (const char* path : {"../x.parquet", "a/../../x", "a//b", "./a", "", "a/"}) {
    EXPECT_TRUE(IsKind(DataFilePath("t", path).status(), ErrorKind::kCorruptData)) << path;
  }
  for (const char* path : {"/etc/passwd", "s3://bucket/x", "file:/x"}) {
    EXPECT_TRUE(IsKind(DataFilePath("t", path).status(), ErrorKind::kUnsupported)) << path;
  }
}

}  // namespace
}  // namespace marquet::table
