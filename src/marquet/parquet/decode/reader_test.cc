#include "marquet/parquet/decode/reader.h"

#include <random>

#include "arrow/io/file.h"
#include "marquet/base/error.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/parquet/write/testing_internal.h"
#include "marquet/schema/column_statistics.h"
#include "parquet/arrow/writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

constexpr int64_t kRows = 700'000;  // several pages a row group

class ReaderTest : public FileTest {
 protected:
  // Integers of several widths, with no nulls, some, and all; floats; booleans; decimals; a string that
  // repeats and one that does not; a list.
  static std::shared_ptr<arrow::Table> Table() {
    std::mt19937_64 random(3);
    arrow::Int64Builder row, sparse, empty;
    arrow::Int16Builder narrow;
    arrow::DoubleBuilder price;
    arrow::BooleanBuilder flag;
    arrow::Decimal128Builder amount(arrow::decimal128(19, 9));
    arrow::StringBuilder symbol, id;
    arrow::ListBuilder list(arrow::default_memory_pool(), std::make_shared<arrow::Int32Builder>(),
                            arrow::list(arrow::field("element", arrow::int32())));
    auto& elements = static_cast<arrow::Int32Builder&>(*list.value_builder());
    arrow::Status status;
    for (int64_t i = 0; i < kRows; ++i) {
      status &= row.Append(i);
      // Nulls in the second half only, so that dense and nullable pages follow each other.
      status &=
          i > kRows / 2 && random() % 3 == 0 ? sparse.AppendNull() : sparse.Append(int64_t(random() % 1000));
      status &= empty.AppendNull();
      status &= narrow.Append(static_cast<int16_t>(random()));
      status &=
          random() % 50 == 0 ? price.AppendNull() : price.Append(static_cast<double>(random() % 4000) / 4);
      status &= random() % 9 == 0 ? flag.AppendNull() : flag.Append(random() % 2 == 0);
      status &= amount.Append(arrow::Decimal128(i * 1'000'003));
      status &= i % 11 == 0 ? id.AppendNull() : id.Append(std::to_string(i * 7919));
      status &= symbol.Append(i % 3 == 0 ? "ESH4" : "NQH4");
      status &= list.Append();
      for (uint64_t n = random() % 3; n > 0; --n) status &= elements.Append(static_cast<int32_t>(i));
    }
    EXPECT_TRUE(status.ok());
    return arrow::Table::Make(
        arrow::schema({arrow::field("row", arrow::int64(), false), arrow::field("sparse", arrow::int64()),
                       arrow::field("empty", arrow::int64()), arrow::field("narrow", arrow::int16()),
                       arrow::field("price", arrow::float64()), arrow::field("flag", arrow::boolean()),
                       arrow::field("amount", amount.type()), arrow::field("id", arrow::utf8()),
                       arrow::field("symbol", arrow::utf8()), arrow::field("list", list.type())}),
        {Value(row.Finish()), Value(sparse.Finish()), Value(empty.Finish()), Value(narrow.Finish()),
         Value(price.Finish()), Value(flag.Finish()), Value(amount.Finish()), Value(id.Finish()),
         Value(symbol.Finish()), Value(list.Finish())});
  }

  static void SetUpTestSuite() { table_ = new std::shared_ptr<arrow::Table>(Table()); }
  static void TearDownTestSuite() { delete table_; }

  void SetUp() override {
    FileTest::SetUp();
    WriteOptions options;
    options.row_group_rows = 400'000;
    Value(WriteTable(Path("a.parquet"), **table_, options, 65'536));
    reader_ = Value(FileReader::Open(fs_, Path("a.parquet")));
    ASSERT_EQ(reader_->num_row_groups(), 2);
  }

  std::shared_ptr<arrow::Table> Read(const ReadRequest& request) {
    return Value(Value(reader_->Read(request))->ToTable());
  }

  static std::shared_ptr<arrow::Table>* table_;
  std::shared_ptr<FileReader> reader_;
};
std::shared_ptr<arrow::Table>* ReaderTest::table_ = nullptr;

TEST_F(ReaderTest, ReadsEverythingWithAnyBatchSizeAndThreads) {
  for (const bool threads : {false, true}) {
    for (const int64_t batch_rows : {int64_t{1000}, int64_t{262'144}, int64_t{10'000'000}}) {
      ReadRequest request = Everything(*reader_);
      request.batch_rows = batch_rows;
      request.use_threads = threads;
      const auto found = Read(request);
      MQ_ASSERT_OK(found->ValidateFull());
      EXPECT_TRUE(found->Equals(**table_)) << threads << " " << batch_rows;
    }
  }
}

TEST_F(ReaderTest, RowRangesGiveTheSameAsSlicing) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 12; ++round) {
    ReadRequest request = Everything(*reader_);
    request.batch_rows = 50'000;
    std::vector<std::shared_ptr<arrow::Table>> expected;
    for (auto& part : request.parts) {
      const int64_t first = part.row_group * 400'000;
      int64_t at = 0;
      for (int i = 0; i < 4; ++i) {
        const int64_t rows = reader_->row_group_rows(part.row_group);
        const int64_t begin = at + static_cast<int64_t>(random() % (round % 2 == 0 ? 20'000 : 90'000));
        const int64_t end =
            std::min(rows, begin + 1 + static_cast<int64_t>(random() % (round % 3 == 0 ? 10 : 60'000)));
        if (begin >= end) break;
        part.rows.push_back({begin, end});
        expected.push_back((*table_)->Slice(first + begin, end - begin));
        at = end;
      }
    }
    const auto found = Read(request);
    EXPECT_TRUE(found->Equals(*Value(arrow::ConcatenateTables(expected)))) << round;
  }
}

// Every column that is one leaf has pages of its own rows: those without rows asked for may be anything.
TEST_F(ReaderTest, PagesWithoutRowsAskedForAreNotRead) {
  std::string bytes = Bytes(Path("a.parquet"));
  const auto footer = reader_->footer();
  for (int leaf = 0; leaf < footer->num_columns(); ++leaf) {
    const auto chunk = footer->RowGroup(0)->ColumnChunk(leaf);
    std::fill_n(bytes.begin() + chunk->data_page_offset(), 40, '\xff');  // the first data page's beginning
  }
  PutBytes(Path("b.parquet"), bytes);
  const auto reader = Value(FileReader::Open(fs_, Path("b.parquet")));
  for (const std::string& name : reader->schema()->field_names()) {
    ReadRequest request{.columns = {name}, .parts = {{0, {{300'000, 300'010}, {399'990, 400'000}}}}};
    const auto expected = Value((*table_)->SelectColumns({(*table_)->schema()->GetFieldIndex(name)}));
    const auto found = Value(Value(reader->Read(request))->ToTable());
    EXPECT_TRUE(found->Equals(
        *Value(arrow::ConcatenateTables({expected->Slice(300'000, 10), expected->Slice(399'990, 10)}))))
        << name;
    request.parts = {{0, {{0, 10}}}};
    const auto damaged = Value(reader->Read(request))->ToTable();
    EXPECT_TRUE(IsKind(damaged.status(), ErrorKind::kCorruptData)) << name;
  }
}

TEST_F(ReaderTest, PagesBoundTheirRows) {
  for (int group = 0; group < 2; ++group) {
    const auto pages = Value(reader_->Pages(group, "sparse"));
    ASSERT_TRUE(pages.has_value());
    ASSERT_GT(pages->size(), 1u);
    int64_t next = 0;
    for (const PageBounds& page : *pages) {
      EXPECT_EQ(page.first_row, next);
      next += page.rows;
      const auto values =
          (*table_)->GetColumnByName("sparse")->Slice(group * 400'000 + page.first_row, page.rows);
      EXPECT_EQ(page.statistics.null_count, values->null_count());
      int64_t least = INT64_MAX, most = INT64_MIN;
      for (const auto& chunk : values->chunks()) {
        const auto& numbers = static_cast<const arrow::Int64Array&>(*chunk);
        for (int64_t i = 0; i < numbers.length(); ++i) {
          if (numbers.IsNull(i)) continue;
          least = std::min(least, numbers.Value(i));
          most = std::max(most, numbers.Value(i));
        }
      }
      EXPECT_EQ(static_cast<const arrow::Int64Scalar&>(*page.statistics.min).value, least);
      EXPECT_EQ(static_cast<const arrow::Int64Scalar&>(*page.statistics.max).value, most);
    }
    EXPECT_EQ(next, reader_->row_group_rows(group));
  }
  EXPECT_FALSE(Value(reader_->Pages(0, "list")).has_value());
}

TEST_F(ReaderTest, StatisticsComeFromTheFooter) {
  const schema::ColumnStatistics row = Value(reader_->Statistics(1, "row"));
  EXPECT_EQ(static_cast<const arrow::Int64Scalar&>(*row.min).value, 400'000);
  EXPECT_EQ(static_cast<const arrow::Int64Scalar&>(*row.max).value, kRows - 1);
  EXPECT_EQ(row.null_count, 0);
  EXPECT_FALSE(row.has_nan);
  const schema::ColumnStatistics empty = Value(reader_->Statistics(0, "empty"));
  EXPECT_EQ(empty.null_count, 400'000);
  EXPECT_EQ(empty.min, nullptr);
  EXPECT_EQ(Value(reader_->Statistics(0, "list")).null_count, -1);
  EXPECT_EQ(Value(reader_->Statistics(0, "symbol")).min->ToString(), "ESH4");
}

TEST_F(ReaderTest, RefusesWhatIsNotThere) {
  ReadRequest request = Everything(*reader_);
  request.columns = {"rwo"};
  EXPECT_TRUE(IsKind(reader_->Read(request).status(), ErrorKind::kNotFound));
  request = Everything(*reader_);
  request.parts = {{2, {}}};
  EXPECT_TRUE(IsKind(reader_->Read(request).status(), ErrorKind::kInvalidInput));
  request.parts = {{0, {{5, 10}, {9, 20}}}};
  EXPECT_TRUE(IsKind(reader_->Read(request).status(), ErrorKind::kInvalidInput));
  request.parts = {{1, {{0, 300'001}}}};
  EXPECT_TRUE(IsKind(reader_->Read(request).status(), ErrorKind::kInvalidInput));
}

TEST_F(ReaderTest, AFileWithoutAFooterSaysThatItsWriterMayBeAtIt) {
  const std::string path = Path("unfinished.parquet");
  for (const auto& [bytes, message, hint] :
       {std::tuple("", "is empty: its writer may still be running, or was interrupted", "nothing is lost"),
        std::tuple("PAR1",
                   "has no footer (4 bytes, which do not end with 'PAR1'): its writer may still be running",
                   "marquet rescue"),
        std::tuple("PAR1 and pages that go on", "has no footer (25 bytes, which do not end with 'PAR1')",
                   "marquet rescue"),
        std::tuple("a,b,c\n1,2,3\n", "not a Parquet file: begins with 'a,b,' and does not end with 'PAR1'",
                   "")}) {
    PutBytes(path, bytes);
    const arrow::Status status = FileReader::Open(fs_, path).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status.ToString();
    EXPECT_NE(status.message().find(path + ": " + message), std::string::npos) << status.ToString();
    EXPECT_NE(HintOf(status).find(hint), std::string::npos) << HintOf(status);
  }
}

TEST_F(ReaderTest, ArrowsFilesWithoutRowsAreWhole) {
  const auto schema = arrow::schema({arrow::field("a", arrow::int64()), arrow::field("b", arrow::utf8()),
                                     arrow::field("c", arrow::list(arrow::float64()))});
  const auto table = *arrow::Table::MakeEmpty(schema);
  for (const bool dictionary : {true, false}) {
    const std::string path = Path("empty.parquet");
    ::parquet::WriterProperties::Builder properties;
    if (!dictionary) properties.disable_dictionary();
    const auto out = Value(arrow::io::FileOutputStream::Open(path));
    MQ_ASSERT_OK(
        ::parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 1'000, properties.build()));
    MQ_ASSERT_OK(out->Close());
    EXPECT_TRUE(Value(VerifyFile(*fs_, path, VerifyLevel::kFull)).ok);
    const auto rows = Value(ReadTable(path));
    EXPECT_EQ(rows->num_rows(), 0);
    EXPECT_EQ(rows->num_columns(), 3);
  }
}

TEST_F(ReaderTest, RowsWithoutColumnsAreCounted) {
  ReadRequest request = Everything(*reader_);
  request.columns.clear();
  const auto stream = Value(reader_->Read(request));
  int64_t rows = 0;
  for (std::shared_ptr<arrow::RecordBatch> batch;;) {
    MQ_ASSERT_OK(stream->ReadNext(&batch));
    if (batch == nullptr) break;
    rows += batch->num_rows();
  }
  EXPECT_EQ(rows, kRows);
}

TEST_F(ReaderTest, AFlippedByteNeverBecomesAValue) {
  const std::string bytes = Bytes(Path("a.parquet"));
  std::mt19937_64 random(9);
  for (int round = 0; round < 60; ++round) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] ^= static_cast<char>(1 + random() % 255);
    PutBytes(Path("b.parquet"), damaged);
    const auto found = ReadTable(Path("b.parquet"));
    if (found.ok()) {
      EXPECT_TRUE((*found)->Equals(**table_)) << round;  // a byte that no value depends on
    } else {
      EXPECT_NE(found.status().message().find("b.parquet"), std::string::npos) << found.status().ToString();
    }
  }
}

}  // namespace
}  // namespace marquet::pq
