// Directories and paths of data files: which names values of partition columns get, and which paths of a log
// are a table's.

#include "marquet/table/data_file_path.h"
#include "marquet/table/table_state.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using testing::ElementsAre;

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
    options.where =
        Value(predicate::Predicate::FromTerms(std::vector<predicate::Term>{{"symbol", "=", {symbols[i]}}}));
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
