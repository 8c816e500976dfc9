#include "marquet/table/table.h"

#include <fstream>

#include <fmt/format.h>

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

// A new table in the place of one whose log is gone would be without its rows, and in the way of the log.
TEST_F(TableTest, ATableOfSeveralSourcesWithoutItsLogIsNotTakenUp) {
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(2);
  const auto with = [&](const std::string& name, int sources, bool long_ago) {
    const std::filesystem::path directory = std::filesystem::path(Path(name)) / "_marquet" / "sources";
    std::filesystem::create_directories(directory);
    for (int i = 0; i < sources; ++i) {
      const std::filesystem::path path = directory / fmt::format("{}.json", i);
      std::ofstream(path) << "x";
      if (long_ago) std::filesystem::last_write_time(path, old);
    }
    return Table::CreateWithFirstAppend(fs_, Path(name), *Trades(), {}).status();
  };
  MQ_OK(with("one", 1, true));
  MQ_OK(with("under-way", 3, false));  // creations at once, none of which has committed yet
  const auto status = with("lost", 2, true);
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
  EXPECT_THAT(status.message(), HasSubstr("holds the descriptions of 2 sources and no log"));
  EXPECT_THAT(HintOf(status), HasSubstr("_delta_log is gone: put that back"));
  EXPECT_FALSE(std::filesystem::exists(Path("lost") + "/_delta_log"));
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

}  // namespace
}  // namespace marquet::table
