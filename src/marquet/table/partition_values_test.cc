// Values of partition columns that are changed or refused when rows are appended.

#include <sstream>

#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/table/table_testing.h"
#include "spdlog/logger.h"
#include "spdlog/sinks/ostream_sink.h"

namespace marquet::table {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

// What is logged while it lives.
class LogLines {
 public:
  LogLines() {
    sink_->set_pattern("%l: %v");
    Log().sinks().push_back(sink_);
  }
  ~LogLines() { Log().sinks().pop_back(); }
  std::string text() const { return stream_.str(); }

 private:
  std::ostringstream stream_;
  std::shared_ptr<spdlog::sinks::ostream_sink_st> sink_ =
      std::make_shared<spdlog::sinks::ostream_sink_st>(stream_);
};

class TableTestOfPartitionValues : public TableTest {
 protected:
  std::shared_ptr<Table> Make(const arrow::Schema& schema, std::vector<std::string> columns) {
    return Value(Table::Create(fs_, Path(), schema, {.partition_by = std::move(columns)}));
  }
};

TEST_F(TableTestOfPartitionValues, TheEmptyStringBecomesNullAndIsCounted) {
  const auto table = Make(*Trades(), {"symbol", "date"});
  const LogLines log;
  const auto appender = Value(table->NewAppender());
  MQ_OK(appender->Write(*Batch({{1, 1, 1, {}, ""}, {1, 1, 2, {}, "A"}, {1, 1, 3, {}, std::nullopt}})));
  MQ_OK(appender->Write(*Batch({{1, 1, 4, {}, ""}, {1, 1, 5, {}, ""}})));
  const auto report = Value(appender->Commit());
  EXPECT_EQ(report.rows, 5);
  EXPECT_THAT(report.empty_as_null, ElementsAre(Pair("symbol", 3)));
  EXPECT_EQ(log.text(), "warning: " + Path() +
                            ": the empty string became null in partition column 'symbol' (3 rows); the log "
                            "spells both alike\n");
  EXPECT_THAT(Sizes(*Where(*table, "symbol is null")), ElementsAre(1, 3, 4, 5));
  EXPECT_THAT(Sizes(*Where(*table, "symbol = ''")), IsEmpty());
  for (const auto& file : table->snapshot()->files) EXPECT_NE(file->partition_values.at("symbol"), "");
}

TEST_F(TableTestOfPartitionValues, NothingIsSaidWhereNothingWasChanged) {
  const auto table = Make(*Trades(), {"symbol"});
  const LogLines log;
  const auto report = Value(Append(*table, Batch({{1, 1, 1, {}, "A"}, {1, 1, 2, {}, std::nullopt}})));
  EXPECT_THAT(report.empty_as_null, IsEmpty());
  EXPECT_EQ(log.text(), "");
}

TEST_F(TableTestOfPartitionValues, EmptyStringsOutsideOfPartitionColumnsStay) {
  const auto table = Make(*Trades(), {"date"});
  EXPECT_THAT(Value(Append(*table, Batch({{1, 1, 1, {}, ""}}))).empty_as_null, IsEmpty());
  EXPECT_THAT(Sizes(*Where(*table, "symbol = ''")), ElementsAre(1));
}

// Whose rows come with the values as the log spells them: no text is null, and was null before.
TEST_F(TableTestOfPartitionValues, WholePartitionsCountTheirEmptyTexts) {
  const auto table = Make(*Trades(), {"symbol", "date"});
  const auto rows = Value(Batch({{1, 1, 1, {}, "-"}, {1, 1, 2, {}, "-"}})->SelectColumns({0, 1, 2, 3, 6}));
  const auto appender = Value(table->NewAppender());
  MQ_OK(appender->WritePartition({{"symbol", ""}, {"date", "2024-01-02"}}, *rows));
  MQ_OK(appender->WritePartition({{"symbol", std::nullopt}, {"date", ""}}, *rows));
  MQ_OK(appender->WritePartition({{"symbol", ""}, {"date", std::nullopt}}, *rows->Slice(1)));
  EXPECT_THAT(Value(appender->Commit()).empty_as_null, ElementsAre(Pair("symbol", 3)));
  EXPECT_EQ(Where(*table, "symbol is null")->num_rows(), 5);
}

TEST_F(TableTestOfPartitionValues, RowsThatAreKeptCountNothing) {
  const auto table = Make(*Trades(), {"symbol"});
  const auto batch = Batch({{1, 1, 1, {}, ""}, {1, 1, 2, {}, ""}});
  MQ_OK(Append(*table, batch).status());
  const auto file = table->snapshot()->files.front();
  const auto appender = Value(table->NewAppender());
  appender->Remove(file);
  MQ_OK(appender->Keep(file, 0, *Value(batch->SelectColumns({0, 1, 2, 3, 5, 6}))->Slice(0, 1)));
  EXPECT_THAT(Value(appender->Commit()).empty_as_null, IsEmpty());
  EXPECT_THAT(Sizes(*Where(*table, "symbol is null")), ElementsAre(1));
}

TEST_F(TableTestOfPartitionValues, ColumnNamesOfAnyCharactersStandInTheCommitAsJson) {
  const auto schema = arrow::schema({arrow::field("a\"b", arrow::utf8()), Trades()->field(2)});
  const auto table = Make(*schema, {"a\"b"});
  const auto columns = Value(Batch({{1, 1, 1, {}, "A"}})->SelectColumns({4, 2}))->columns();
  MQ_OK(Append(*table, arrow::RecordBatch::Make(schema, 1, columns)).status());
  EXPECT_EQ(Value(table->History())[0].info.operation_parameters.at("partitionBy"), R"(["a\"b"])");
}

TEST_F(TableTestOfPartitionValues, TheNameOfTheDirectoryOfNullIsRefused) {
  const auto table = Make(*Trades(), {"symbol"});
  const auto status = Append(*table, Batch({{1, 1, 1, {}, "__HIVE_DEFAULT_PARTITION__"}})).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
  EXPECT_THAT(status.message(), HasSubstr("column 'symbol', row 0"));
}

TEST_F(TableTestOfPartitionValues, TheEmptyStringIsRefusedWhereNoNullMayBe) {
  const auto schema = arrow::schema({arrow::field("symbol", arrow::utf8(), false), Trades()->field(2)});
  const auto table = Make(*schema, {"symbol"});
  const auto batch = Value(Batch({{1, 1, 1, {}, "A"}, {1, 1, 2, {}, ""}})->SelectColumns({4, 2}));
  const auto status = Append(*table, arrow::RecordBatch::Make(schema, 2, batch->columns())).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
  EXPECT_THAT(status.message(), HasSubstr("column 'symbol', row 1 of the batch"));
  const auto appender = Value(table->NewAppender());
  const auto direct = appender->WritePartition({{"symbol", ""}}, *Value(batch->SelectColumns({1})));
  EXPECT_TRUE(IsKind(direct, ErrorKind::kInvalidInput)) << direct;
  EXPECT_THAT(direct.message(), HasSubstr("column 'symbol'"));
}

TEST_F(TableTestOfPartitionValues, ColumnsWhoseNamesNoDirectoryCarriesAreRefused) {
  for (const std::string& name : {std::string("a/b"), std::string("a=b"), std::string("a:b"),
                                  std::string("a\nb"), std::string("a\x7F"), std::string(229, 'p')}) {
    const auto schema = arrow::schema({arrow::field(name, arrow::utf8()), Trades()->field(2)});
    const auto status = Table::Create(fs_, Path(), *schema, {.partition_by = {name}}).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << name << ": " << status;
    EXPECT_THAT(status.message(), HasSubstr("cannot partition by " + Quoted(name)));
  }
  const std::string longest(228, 'p');
  Make(*arrow::schema({arrow::field(longest, arrow::utf8()), Trades()->field(2)}), {longest});
}

TEST_F(TableTestOfPartitionValues, ValuesThatNoDirectoryCarriesAreRefused) {
  const auto table = Make(*Trades(), {"symbol"});
  const std::string fits(255 - 7, 'x');  // behind "symbol="
  MQ_OK(Append(*table, Batch({{1, 1, 1, {}, fits}})).status());
  for (const std::string& value : {fits + "x", std::string(83, '%')}) {
    const auto status = Append(*table, Batch({{1, 1, 1, {}, "A"}, {1, 1, 2, {}, value}})).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
    EXPECT_THAT(status.message(), HasSubstr("column 'symbol', row 1 of the batch"));
    EXPECT_THAT(status.message(), HasSubstr("256 bytes"));
    const auto rows = Value(Batch({{1, 1, 1, {}, "-"}})->SelectColumns({0, 1, 2, 3, 5, 6}));
    const auto direct = Value(table->NewAppender())->WritePartition({{"symbol", value}}, *rows);
    EXPECT_TRUE(IsKind(direct, ErrorKind::kInvalidInput)) << direct;
    EXPECT_THAT(direct.message(), HasSubstr("column 'symbol'"));
  }
  EXPECT_EQ(Where(*table, "symbol = '" + fits + "'")->num_rows(), 1);
}

TEST_F(TableTestOfPartitionValues, ANegativeDecimalWithAFractionIsRefusedForWholePartitionsToo) {
  const auto schema = arrow::schema({arrow::field("p", arrow::decimal128(10, 2)), Trades()->field(2)});
  const auto table = Make(*schema, {"p"});
  const auto rows = Value(Batch({{1, 1, 1, {}, "A"}})->SelectColumns({2}));
  const auto appender = Value(table->NewAppender());
  const auto refused = appender->WritePartition({{"p", "-0.01"}}, *rows);
  EXPECT_TRUE(IsKind(refused, ErrorKind::kInvalidInput)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("column 'p': -0.01 is negative and has a fraction"));
  MQ_OK(appender->WritePartition({{"p", "-1.00"}}, *rows));
  MQ_OK(appender->WritePartition({{"p", "0.01"}}, *rows));
  EXPECT_EQ(Value(appender->Commit()).rows, 2);
}

}  // namespace
}  // namespace marquet::table
