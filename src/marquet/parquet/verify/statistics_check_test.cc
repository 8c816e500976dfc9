// Statistics that say less than the values: a filter passes over rows for them, and so they are damage.
#include "arrow/io/memory.h"
#include "arrow/util/decimal.h"
#include "fmt/format.h"
#include "marquet/parquet/rescue/rescue.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/parquet/write/testing_internal.h"
#include "parquet/arrow/writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"

namespace marquet::pq {
namespace {

constexpr int64_t kRows = 4'000;

template <typename T>
std::string Plain(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

// A column of ascending values, its least and greatest as Parquet stores them, and narrower ones.
struct Column {
  std::shared_ptr<arrow::Array> values;
  std::string min, narrower_min, max, narrower_max;
};

template <typename Builder, typename ValueOf>
std::shared_ptr<arrow::Array> Ascending(Builder builder, const ValueOf& value_of) {
  for (int64_t i = 0; i < kRows; ++i) {
    EXPECT_TRUE((i % 7 == 3 ? builder.AppendNull() : builder.Append(value_of(i))).ok());
  }
  return Value(builder.Finish());
}

std::string Text(int64_t i) { return fmt::format("text {:06}", i); }

std::vector<Column> Columns() {
  const auto micro = arrow::timestamp(arrow::TimeUnit::MICRO);
  auto* const pool = arrow::default_memory_pool();
  const auto decimal = [](int64_t i) { return arrow::Decimal128(0x0102'0000 + i); };
  const auto stored = [](int64_t i) {  // decimals of 30 digits take 13 bytes, the greatest first
    std::string bytes(13, '\0');
    for (int byte = 0; byte < 8; ++byte)
      bytes[static_cast<size_t>(12 - byte)] = static_cast<char>(i >> 8 * byte);
    return bytes;
  };
  return {
      {Ascending(arrow::Int64Builder(), [](int64_t i) { return 1'000'000'007 + i; }),
       Plain<int64_t>(1'000'000'007), Plain<int64_t>(1'000'001'000), Plain<int64_t>(1'000'004'006),
       Plain<int64_t>(1'000'003'000)},
      {Ascending(arrow::UInt32Builder(), [](int64_t i) { return static_cast<uint32_t>(0x7FFF'FFF0 + i); }),
       Plain<uint32_t>(0x7FFF'FFF0), Plain<uint32_t>(0x8000'0100), Plain<uint32_t>(0x7FFF'FFF0u + 3'999),
       Plain<uint32_t>(0x8000'0000)},
      {Ascending(arrow::DoubleBuilder(), [](int64_t i) { return 0.125 + static_cast<double>(i); }),
       Plain(0.125), Plain(1'000.5), Plain(3'999.125), Plain(3'000.5)},
      {Ascending(arrow::FloatBuilder(), [](int64_t i) { return -4'000.25f + static_cast<float>(i); }),
       Plain(-4'000.25f), Plain(-3'000.5f), Plain(-1.25f), Plain(-1'000.5f)},
      {Ascending(arrow::TimestampBuilder(micro, pool), [](int64_t i) { return 1'700'000'000'000'000 + i; }),
       Plain<int64_t>(1'700'000'000'000'000), Plain<int64_t>(1'700'000'000'001'000),
       Plain<int64_t>(1'700'000'000'003'999), Plain<int64_t>(1'700'000'000'003'000)},
      {Ascending(arrow::StringBuilder(), Text), Text(0), Text(1'000), Text(3'999), Text(3'000)},
      {Ascending(arrow::Decimal128Builder(arrow::decimal128(30, 2)), decimal), stored(0x0102'0000),
       stored(0x0102'0400), stored(0x0102'0000 + 3'999), stored(0x0102'0000 + 3'000)},
  };
}

class StatisticsCheckTest : public FileTest {
 protected:
  // By Arrow, in pages of 500 rows.
  static std::string ArrowFile(const Column& column, bool dictionary, bool page_index) {
    ::parquet::WriterProperties::Builder properties;
    properties.compression(arrow::Compression::UNCOMPRESSED)->max_rows_per_page(500)->write_batch_size(100);
    if (!dictionary) properties.disable_dictionary();
    if (page_index) properties.enable_write_page_index();
    const auto table =
        arrow::Table::Make(arrow::schema({arrow::field("v", column.values->type())}), {column.values});
    const auto out = Value(arrow::io::BufferOutputStream::Create());
    EXPECT_TRUE(
        ::parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, kRows, properties.build())
            .ok());
    return Value(out->Finish())->ToString();
  }

  FileVerdict Verify(const std::string& bytes, VerifyLevel level = VerifyLevel::kFull) const {
    PutBytes(Path("said.parquet"), bytes);
    return Value(VerifyFile(*fs_, Path("said.parquet"), level));
  }

  // Where the footer begins, and where the pages end.
  std::pair<size_t, size_t> Places(const std::string& bytes) const {
    PutBytes(Path("said.parquet"), bytes);
    const auto footer = Value(FileReader::Open(fs_, Path("said.parquet")))->footer();
    const auto chunk = footer->RowGroup(0)->ColumnChunk(0);
    const int64_t begin =
        chunk->has_dictionary_page() ? chunk->dictionary_page_offset() : chunk->data_page_offset();
    return {bytes.size() - 8 - footer->size(), static_cast<size_t>(begin + chunk->total_compressed_size())};
  }

  static int Replace(std::string* bytes, size_t begin, size_t end, const std::string& from,
                     const std::string& to) {
    int replaced = 0;
    for (size_t at = bytes->find(from, begin); at < end; at = bytes->find(from, at + to.size())) {
      bytes->replace(at, to.size(), to);
      ++replaced;
    }
    return replaced;
  }

  void ExpectDamage(const std::string& bytes, int64_t page, const std::string& what) const {
    const FileVerdict verdict = Verify(bytes);
    ASSERT_EQ(verdict.damage.size(), 1u);
    EXPECT_EQ(verdict.damage[0].region, "statistics");
    EXPECT_EQ(verdict.damage[0].row_group, 0);
    EXPECT_EQ(verdict.damage[0].column, "v");
    EXPECT_EQ(verdict.damage[0].page, page);
    EXPECT_NE(verdict.damage[0].message.find(what), std::string::npos) << verdict.damage[0].message;
    EXPECT_EQ(verdict.rows_intact, 0);
    EXPECT_TRUE(Verify(bytes, VerifyLevel::kCrc).ok);  // which decodes nothing
    // All rows are there, and come back with statistics of their own.
    const RescueReport report =
        Value(Rescue(fs_, Path("said.parquet"), Path("out.parquet"),
                     []() -> arrow::Result<std::optional<RescueSchema>> { return std::nullopt; }));
    EXPECT_EQ(report.rows, kRows);
    EXPECT_EQ(report.rows_lost, 0);
    EXPECT_FALSE(report.more_rows_lost);
    EXPECT_TRUE(Value(VerifyFile(*fs_, Path("out.parquet"), VerifyLevel::kFull)).ok);
    std::filesystem::remove(Path("out.parquet"));
  }
};

TEST_F(StatisticsCheckTest, ValuesBeyondTheFootersBoundsAreDamage) {
  for (const Column& column : Columns()) {
    for (const bool dictionary : {false, true}) {
      for (const bool page_index : {false, true}) {
        SCOPED_TRACE(fmt::format("{}, dictionary {}, page index {}", column.values->type()->ToString(),
                                 dictionary, page_index));
        const std::string file = ArrowFile(column, dictionary, page_index);
        ASSERT_TRUE(Verify(file).ok);
        const size_t footer = Places(file).first;
        std::string bytes = file;
        ASSERT_GT(Replace(&bytes, footer, bytes.size(), column.min, column.narrower_min), 0);
        ExpectDamage(bytes, -1, "the footer says that none is below");
        bytes = file;
        ASSERT_GT(Replace(&bytes, footer, bytes.size(), column.max, column.narrower_max), 0);
        ExpectDamage(bytes, -1, "the footer says that none is above");
      }
    }
  }
}

TEST_F(StatisticsCheckTest, ValuesBeyondAPagesBoundsAreDamage) {
  for (const Column& column : Columns()) {
    for (const bool dictionary : {false, true}) {
      SCOPED_TRACE(fmt::format("{}, dictionary {}", column.values->type()->ToString(), dictionary));
      const std::string file = ArrowFile(column, dictionary, /*page_index=*/true);
      const auto [footer, pages_end] = Places(file);
      std::string bytes = file;
      ASSERT_EQ(Replace(&bytes, pages_end, footer, column.min, column.narrower_min), 1);
      ExpectDamage(bytes, dictionary ? 1 : 0, "the page index says that none is below");
      bytes = file;
      ASSERT_EQ(Replace(&bytes, pages_end, footer, column.max, column.narrower_max), 1);
      ExpectDamage(bytes, dictionary ? 8 : 7, "the page index says that none is above");
    }
  }
}

// Of Marquet's own files null counts decide, too.
TEST_F(StatisticsCheckTest, NullsThatAreNotCountedAreDamage) {
  const auto table =
      arrow::Table::Make(arrow::schema({arrow::field("v", arrow::int64())}), {Columns().front().values});
  Value(WriteTable(Path("own.parquet"), *table));
  const std::string file = Bytes(Path("own.parquet"));
  ASSERT_TRUE(Verify(file).ok);
  const auto [footer, pages_end] = Places(file);
  // Statistics of parquet.thrift: a field of 64 bits with the number of nulls, 571, in zigzag.
  const std::string nulls("\x16\xF6\x08", 3), none("\x16\x80\x00", 3);
  std::string bytes = file;
  ASSERT_GT(Replace(&bytes, footer, bytes.size(), nulls, none), 0);
  const FileVerdict verdict = Verify(bytes);
  ASSERT_EQ(verdict.damage.size(), 1u);
  EXPECT_EQ(verdict.damage[0].region, "statistics");
  EXPECT_EQ(verdict.damage[0].message, "571 rows are null; the footer says 0");
}

}  // namespace
}  // namespace marquet::pq
