// Footers that claim what so few bytes cannot hold, and reads that ask for more rows than there can be.
#include "arrow/io/memory.h"
#include "marquet/base/error.h"
#include "marquet/parquet/decode/batch_stream_internal.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/parquet/write/testing_internal.h"
#include "parquet/file_writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

constexpr int64_t kLots = int64_t{1} << 61;
constexpr int64_t kLittle = int64_t{64} << 20;  // memory that no file of this test may take

class HostileFootersTest : public FileTest {
 protected:
  // A file whose footer is these bytes.
  std::string WithFooter(const std::string& footer) const {
    const auto length = static_cast<uint32_t>(footer.size());
    std::string file = "PAR1" + footer;
    file.append(reinterpret_cast<const char*>(&length), sizeof length);
    PutBytes(Path("hostile.parquet"), file + "PAR1");
    return Path("hostile.parquet");
  }

  // One column chunk of 1,000 bytes that mean nothing, with such numbers of rows and values.
  std::string WithRows(int64_t rows, int64_t values, ::parquet::Repetition::type repetition) const {
    ::parquet::SchemaDescriptor schema;
    schema.Init(::parquet::schema::GroupNode::Make("schema", ::parquet::Repetition::REQUIRED,
                                                   {::parquet::schema::Int64("a", repetition)}));
    const auto footer = ::parquet::FileMetaDataBuilder::Make(&schema, ::parquet::default_writer_properties());
    auto* const group = footer->AppendRowGroup();
    group->set_num_rows(rows);
    group->NextColumnChunk()->Finish(values, -1, -1, 4, 1000, 1000, false, false, {}, {});
    group->Finish(1000);
    const auto out = Value(arrow::io::BufferOutputStream::Create());
    EXPECT_TRUE(out->Write("PAR1" + std::string(1000, '\1')).ok());
    ::parquet::WriteFileMetaData(*footer->Finish(), out.get());
    PutBytes(Path("hostile.parquet"), Value(out->Finish())->ToString());
    return Path("hostile.parquet");
  }

  void ExpectRefused(const std::string& path, const std::string& what) const {
    const int64_t before = arrow::default_memory_pool()->max_memory();
    const auto opened = FileReader::Open(fs_, path);
    EXPECT_TRUE(IsKind(opened.status(), ErrorKind::kCorruptData)) << opened.status().ToString();
    for (const std::string& part : {std::string("hostile.parquet: "), what}) {
      EXPECT_NE(opened.status().message().find(part), std::string::npos) << opened.status().ToString();
    }
    EXPECT_FALSE(Value(VerifyFile(*fs_, path, VerifyLevel::kFull)).ok);
    EXPECT_LT(arrow::default_memory_pool()->max_memory(), before + kLittle);
  }
};

TEST_F(HostileFootersTest, AChunkHasNotMoreValuesThanItsBytesCanStandFor) {
  const auto required = ::parquet::Repetition::REQUIRED, repeated = ::parquet::Repetition::REPEATED;
  ExpectRefused(WithRows(kLots, kLots, required), "has 2305843009213693952 values in 1000 bytes");
  ExpectRefused(WithRows(kLots, kLots, repeated), "has 2305843009213693952 values in 1000 bytes");
  ExpectRefused(WithRows(kLots, 5, repeated), "has 5 values in a row group of 2305843009213693952 rows");
  ExpectRefused(WithRows(5, -1, repeated), "has -1 values");
}

TEST_F(HostileFootersTest, RowsNeedColumns) {
  ::parquet::SchemaDescriptor schema;
  schema.Init(::parquet::schema::GroupNode::Make("schema", ::parquet::Repetition::REQUIRED, {}));
  const auto footer = ::parquet::FileMetaDataBuilder::Make(&schema, ::parquet::default_writer_properties());
  auto* const group = footer->AppendRowGroup();
  group->set_num_rows(kLots);
  group->Finish(0);
  const auto out = Value(arrow::io::BufferOutputStream::Create());
  EXPECT_TRUE(out->Write("PAR1", 4).ok());
  ::parquet::WriteFileMetaData(*footer->Finish(), out.get());
  PutBytes(Path("hostile.parquet"), Value(out->Finish())->ToString());
  ExpectRefused(Path("hostile.parquet"), "row group 0 has 2305843009213693952 rows, and no columns");
}

TEST_F(HostileFootersTest, NothingIsLongerThanTheBytesThatAreLeft) {
  const std::string huge = "\xff\xff\xff\xff\x07";                                            // 2^31 - 1
  ExpectRefused(WithFooter("\x29\xfc" + huge), "2147483647 elements are announced at byte");  // a schema
  ExpectRefused(WithFooter("\x18" + huge), "2147483647 bytes are announced past the end at byte");
  ExpectRefused(WithFooter("\x1b" + huge + "\x88"), "2147483647 elements are announced at byte");  // a map
}

TEST_F(HostileFootersTest, NumbersAndNestingAreBounded) {
  ExpectRefused(WithFooter(std::string("\x16").append(9, '\xff').append("\x02")),
                "a number takes more than 64 bits at byte");
  ExpectRefused(WithFooter(std::string("\x16").append(64, '\xff')),
                "a number takes more than 64 bits at byte");
  ExpectRefused(WithFooter(std::string(100'000, '\x1c')), "structures nest too deep at byte");
  ExpectRefused(WithFooter(std::string(100'000, '\x19')), "structures nest too deep at byte");
  // A field's number is that of the field before it and a step.
  ExpectRefused(WithFooter(std::string("\x05\xfe\xff\xff\xff\x0f\x00", 7) + "\x35"),
                "a field number takes more than 32 bits at byte");
}

TEST_F(HostileFootersTest, ABatchOfAnySizeMayBeAskedFor) {
  arrow::Int64Builder numbers;
  arrow::StringBuilder texts;
  for (int i = 0; i < 100'000; ++i) {
    MQ_ASSERT_OK(numbers.Append(i));
    MQ_ASSERT_OK(i % 3 == 0 ? texts.AppendNull() : texts.Append(std::to_string(i)));
  }
  const auto table = arrow::Table::Make(
      arrow::schema({arrow::field("number", arrow::int64()), arrow::field("text", arrow::utf8())}),
      {Value(numbers.Finish()), Value(texts.Finish())});
  WriteOptions options;
  options.row_group_rows = 60'000;
  Value(WriteTable(Path("a.parquet"), *table, options));
  const auto reader = Value(FileReader::Open(fs_, Path("a.parquet")));
  ReadRequest request = Everything(*reader);
  request.parts[0].rows = {{10, 20}, {5'000, 55'000}};
  const auto expected = Value(arrow::ConcatenateTables(
      {table->Slice(10, 10), table->Slice(5'000, 50'000), table->Slice(60'000, 40'000)}));
  for (const int64_t rows : {int64_t{1'000}, kMostBatchRows, INT64_MAX - 1, INT64_MAX}) {
    for (const bool threads : {false, true}) {
      request.batch_rows = rows;
      request.use_threads = threads;
      EXPECT_TRUE(Value(Value(reader->Read(request))->ToTable())->Equals(*expected)) << rows;
    }
  }
}

TEST(PiecePlanTest, HoldsNoMoreThanTheRangesItWasGiven) {
  PiecePlan plan(INT64_MAX);
  plan.Add(0, {5, 5 + kLots});
  plan.Add(3, {7, 8});
  EXPECT_EQ(plan.size(), kLots / kMostBatchRows + 1);
  EXPECT_EQ(plan.At(2).begin, 5 + 2 * kMostBatchRows);
  EXPECT_EQ(plan.At(2).rows, kMostBatchRows);
  const Piece last = plan.At(plan.size() - 1);
  EXPECT_EQ(last.part, 3);
  EXPECT_EQ(last.begin, 7);
  EXPECT_EQ(last.rows, 1);
}

}  // namespace
}  // namespace marquet::pq
