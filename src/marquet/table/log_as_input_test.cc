// A log that says what cannot be: it is input, and what it claims of files is held against what they are.

#include <fstream>
#include <regex>

#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using testing::HasSubstr;

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
  const auto status = table->NewScan({.where = Value(predicate::Predicate::Parse("size = 1"))}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status.ToString();
  EXPECT_THAT(status.message(), AllOf(HasSubstr("size=2/"), HasSubstr("'x'")));
  EXPECT_TRUE(IsKind(Value(table->NewScan({})).ToTable().status(), ErrorKind::kCorruptData));
  EXPECT_EQ(Where(*table, "price = '0.000000007'")->num_rows(), 0);  // neither file is opened
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

}  // namespace
}  // namespace marquet::table
