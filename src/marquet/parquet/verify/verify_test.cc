#include "marquet/parquet/verify/verify.h"

#include <random>

#include "arrow/json/from_string.h"
#include "marquet/base/error.h"
#include "marquet/parquet/write/testing_internal.h"
#include "parquet/metadata.h"

namespace marquet::pq {
namespace {

class VerifyTest : public FileTest {
 protected:
  static std::shared_ptr<arrow::Table> SmallTable() {
    arrow::Int64Builder numbers;
    arrow::StringBuilder names;
    for (int i = 0; i < 40; ++i) {
      EXPECT_TRUE(numbers.Append(i * i).ok());
      EXPECT_TRUE((i % 7 == 0 ? names.AppendNull() : names.Append(i % 2 == 0 ? "ESH4" : "NQH4")).ok());
    }
    return arrow::Table::Make(
        arrow::schema({arrow::field("number", arrow::int64()), arrow::field("name", arrow::utf8())}),
        {Value(numbers.Finish()), Value(names.Finish())});
  }
};

TEST_F(VerifyTest, AWholeFilePasses) {
  const WrittenFile written = Value(WriteTable(Path("a.parquet"), *SmallTable()));
  for (const VerifyLevel level : {VerifyLevel::kFooter, VerifyLevel::kCrc, VerifyLevel::kFull}) {
    const FileVerdict verdict =
        Value(VerifyFile(*fs_, written.path, level, {written.digest, written.bytes, 40}));
    EXPECT_TRUE(verdict.ok);
    EXPECT_EQ(verdict.rows, 40);
    EXPECT_EQ(verdict.rows_intact, 40);
    EXPECT_EQ(verdict.bytes, written.bytes);
  }
}

TEST_F(VerifyTest, EveryFlippedBitIsFound) {
  const WrittenFile written = Value(WriteTable(Path("a.parquet"), *SmallTable()));
  const std::string bytes = Bytes(written.path);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    PutBytes(Path("b.parquet"), flipped);
    const auto verdict = VerifyFile(*fs_, Path("b.parquet"), VerifyLevel::kFull,
                                    {written.digest, written.bytes, written.rows});
    if (verdict.ok()) {
      EXPECT_FALSE(verdict->ok) << "bit " << bit;
    } else {
      // A footer that now claims something that is not supported cannot be checked further.
      EXPECT_TRUE(IsKind(verdict.status(), ErrorKind::kUnsupported))
          << bit << ": " << verdict.status().ToString();
    }
  }
}

TEST_F(VerifyTest, RowsMustHaveTheOrderThatTheFooterSays) {
  WriteOptions options;
  options.sorted_by = {"name", "number"};
  const auto table = [](const std::string& names, const std::string& numbers) {
    return arrow::Table::Make(
        arrow::schema({arrow::field("name", arrow::utf8()), arrow::field("number", arrow::int64())}),
        {Value(arrow::json::ArrayFromJSONString(arrow::utf8(), names)),
         Value(arrow::json::ArrayFromJSONString(arrow::int64(), numbers))});
  };
  const auto sorted = table(R"(["a", "a", "a", "b", null, null])", "[1, 1, 5, 0, 3, null]");
  Value(WriteTable(Path("sorted.parquet"), *sorted, options));
  EXPECT_TRUE(Value(VerifyFile(*fs_, Path("sorted.parquet"), VerifyLevel::kFull)).ok);
  const auto misplaced = table(R"(["a", "a", "a", "b"])", "[1, 5, 4, 0]");
  Value(WriteTable(Path("misplaced.parquet"), *misplaced, options, 2));
  EXPECT_TRUE(Value(VerifyFile(*fs_, Path("misplaced.parquet"), VerifyLevel::kCrc)).ok);
  const FileVerdict verdict = Value(VerifyFile(*fs_, Path("misplaced.parquet"), VerifyLevel::kFull));
  ASSERT_EQ(verdict.damage.size(), 1u);
  EXPECT_EQ(verdict.damage[0].region, "order");
  EXPECT_NE(verdict.damage[0].message.find("row 2"), std::string::npos) << verdict.damage[0].message;
}

TEST_F(VerifyTest, EveryTruncationIsFound) {
  const WrittenFile written = Value(WriteTable(Path("a.parquet"), *SmallTable()));
  const std::string bytes = Bytes(written.path);
  for (size_t size = 0; size < bytes.size(); ++size) {
    PutBytes(Path("b.parquet"), bytes.substr(0, size));
    EXPECT_FALSE(Value(VerifyFile(*fs_, Path("b.parquet"), VerifyLevel::kFooter)).ok) << size;
  }
}

TEST_F(VerifyTest, NamesThePageThatADamagedByteIsIn) {
  WriteOptions options;
  options.row_group_rows = 10;
  options.codec = Codec::kNone;
  const WrittenFile written = Value(WriteTable(Path("a.parquet"), *SmallTable(), options, 10));
  std::string bytes = Bytes(written.path);
  const size_t at = bytes.find("NQH4");  // the first dictionary page of "name"
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'X';
  PutBytes(Path("b.parquet"), bytes);
  const FileVerdict verdict = Value(VerifyFile(*fs_, Path("b.parquet"), VerifyLevel::kCrc));
  ASSERT_EQ(verdict.damage.size(), 1u);
  const Damage& damage = verdict.damage[0];
  EXPECT_EQ(damage.row_group, 0);
  EXPECT_EQ(damage.column, "name");
  EXPECT_EQ(damage.page, 0);
  EXPECT_EQ(damage.region, "page");
  EXPECT_LE(damage.offset, static_cast<int64_t>(at));
  EXPECT_GT(damage.offset + damage.length, static_cast<int64_t>(at));
  EXPECT_EQ(verdict.rows_intact, 30);
}

TEST_F(VerifyTest, ReportsTheSameDamageInTheSameOrderWithAnyThreads) {
  std::mt19937_64 random(13);
  arrow::Int64Builder a, b;
  for (int i = 0; i < 80'000; ++i) {
    MQ_ASSERT_OK(a.Append(static_cast<int64_t>(random())));
    MQ_ASSERT_OK(b.Append(static_cast<int64_t>(random())));
  }
  const auto table = arrow::Table::Make(
      arrow::schema({arrow::field("a", arrow::int64()), arrow::field("b", arrow::int64())}),
      {Value(a.Finish()), Value(b.Finish())});
  WriteOptions options;
  options.row_group_rows = 10'000;
  const WrittenFile written = Value(WriteTable(Path("a.parquet"), *table, options, 10'000));
  const auto reader = Value(FileReader::Open(fs_, written.path));
  ASSERT_EQ(reader->num_row_groups(), 8);
  std::string bytes = Bytes(written.path);
  for (int group = 0; group < 8; ++group) {
    bytes[static_cast<size_t>(reader->footer()->RowGroup(group)->ColumnChunk(group % 2)->data_page_offset() +
                              90)] ^= 1;
  }
  PutBytes(Path("b.parquet"), bytes);
  const Expectation expected{written.digest, written.bytes, written.rows};
  for (const VerifyLevel level : {VerifyLevel::kCrc, VerifyLevel::kFull}) {
    const FileVerdict alone =
        Value(VerifyFile(*fs_, Path("b.parquet"), level, expected, nullptr, /*parallel=*/false));
    EXPECT_EQ(alone.damage.size(), 8u);
    for (int round = 0; round < 20; ++round) {
      const FileVerdict together = Value(VerifyFile(*fs_, Path("b.parquet"), level, expected));
      ASSERT_EQ(together.damage.size(), alone.damage.size());
      for (size_t i = 0; i < alone.damage.size(); ++i) {
        EXPECT_EQ(together.damage[i].row_group, static_cast<int>(i));
        EXPECT_EQ(together.damage[i].offset, alone.damage[i].offset);
        EXPECT_EQ(together.damage[i].message, alone.damage[i].message);
      }
    }
  }
}

TEST_F(VerifyTest, StopsWhenAsked) {
  const WrittenFile written = Value(WriteTable(Path("a.parquet"), *SmallTable()));
  StopFlag stop;
  stop.Request();
  const auto verdict = VerifyFile(*fs_, written.path, VerifyLevel::kFull, {}, &stop);
  EXPECT_TRUE(verdict.status().IsCancelled()) << verdict.status().ToString();
}

TEST_F(VerifyTest, AMissingFileIsAnError) {
  EXPECT_TRUE(
      IsKind(VerifyFile(*fs_, Path("none.parquet"), VerifyLevel::kCrc).status(), ErrorKind::kNotFound));
}

}  // namespace
}  // namespace marquet::pq
