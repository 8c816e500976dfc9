#include <atomic>
#include <fstream>

#include "marquet/file/fault_file_system.h"
#include "marquet/parquet/verify/verify.h"
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

// What the check of a file's bytes read, the check of the log's bounds does not read again.
TEST_F(TableTest, VerifyReadsEachFooterOnce) {
  const auto created = Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  MQ_OK(Append(*created, Batch({{1, 1, 1, 1.0, "A"}, {1, 1, 2, 2.0, "B"}, {1, 1, 3, 3.0, "C"}})).status());
  for (const auto level : {pq::VerifyLevel::kCrc, pq::VerifyLevel::kFull}) {
    std::atomic<int> reads{0};
    const auto counted = std::make_shared<file::FaultFileSystem>(fs_);
    counted->OnOperation([&](int64_t, std::string_view name, const std::string& path) {
      if (name == "read" && path.ends_with(".parquet")) ++reads;
    });
    EXPECT_TRUE(Value(Value(Table::Open(counted, Path()))->Verify(level)).ok);
    const int of_table = reads.exchange(0);
    pq::Expectation expected;
    expected.digest = "of the bytes, which a table holds, too";
    for (const std::string& file : FilesUnder(Path(), ".parquet")) {
      Value(pq::VerifyFile(*counted, Path() + "/" + file, level, expected));
    }
    EXPECT_EQ(of_table, reads.load());
    EXPECT_GE(of_table, 3);
  }
}

// The log is input: a count of rows that no file can have is damage, and not a count that is not known.
TEST_F(TableTest, VerifyFindsRowCountsThatCannotBe) {
  const auto created = Value(Table::Create(fs_, Path(), *Trades(), {}));
  MQ_OK(Append(*created, Batch({{1, 1, 1, 1.0, "A"}, {1, 1, 2, 2.0, "B"}})).status());
  const std::string commit = Path() + "/_delta_log/00000000000000000001.json";
  std::string text(std::filesystem::file_size(commit), '\0');
  std::ifstream(commit).read(text.data(), static_cast<std::streamsize>(text.size()));
  const std::string written = R"(numRecords\":2)";
  const size_t at = text.find(written);
  ASSERT_NE(at, std::string::npos) << text;
  for (const std::string count : {"9223372036854775807", "1e300", "-5", "2.5"}) {
    std::string changed = text;
    changed.replace(at, written.size(), R"(numRecords\":)" + count);
    std::ofstream(commit) << changed;
    const auto verdict = Value(Value(Table::Open(fs_, Path()))->Verify(pq::VerifyLevel::kFooter));
    EXPECT_FALSE(verdict.ok) << count;
    ASSERT_EQ(verdict.damage.size(), 2u) << count;
    EXPECT_THAT(verdict.damage[0].file, testing::EndsWith(".parquet"));
    EXPECT_EQ(verdict.damage[0].region, "log");
    EXPECT_THAT(verdict.damage[0].message, AllOf(HasSubstr("'" + count + "'"), HasSubstr("expected 2")));
    EXPECT_EQ(verdict.damage[1].file, "_delta_log/00000000000000000001.json")
        << "it is not what was committed";
  }
  std::ofstream(commit) << text;
  EXPECT_TRUE(Value(Value(Table::Open(fs_, Path()))->Verify(pq::VerifyLevel::kFooter)).ok);
}

}  // namespace
}  // namespace marquet::table
