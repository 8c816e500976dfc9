#include <fstream>

#include "marquet/table/table.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(TableTest, VerifyFindsDamageMissingFilesAndOrphans) {
  const auto table = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  MQ_OK(Append(*table, Batch({{1, 1, 1, 1.0, "A"}, {1, 1, 2, 2.0, "B"}, {1, 1, 3, 3.0, "C"}})).status());
  auto verdict = Value(table->Verify(pq::VerifyLevel::kFull));
  EXPECT_TRUE(verdict.ok);
  EXPECT_EQ(verdict.files, 3);
  EXPECT_EQ(verdict.rows_intact, 3);
  const auto files = FilesUnder(Path(), ".parquet");
  std::filesystem::remove(Path() + "/" + files[0]);
  {
    std::fstream damaged(Path() + "/" + files[1], std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(40);
    damaged.put('\xFF');
  }
  std::filesystem::copy(Path() + "/" + files[2], Path() + "/symbol=C/stray.parquet");
  std::filesystem::copy(Path() + "/" + files[2], Path() + "/symbol=C/_hidden.parquet");
  verdict = Value(table->Verify(pq::VerifyLevel::kCrc));
  EXPECT_FALSE(verdict.ok);
  EXPECT_THAT(verdict.missing, ElementsAre(files[0]));
  EXPECT_THAT(verdict.orphans, ElementsAre("symbol=C/stray.parquet"));
  ASSERT_FALSE(verdict.damage.empty());
  EXPECT_THAT(verdict.damage[0].file, HasSubstr(files[1]));
  EXPECT_EQ(verdict.rows, 3);
  EXPECT_EQ(verdict.rows_intact, 1);
}

}  // namespace
}  // namespace marquet::table
