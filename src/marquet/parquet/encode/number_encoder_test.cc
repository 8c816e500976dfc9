// Columns of numbers, in batches of any length, against the plain values: what Arrow reads of them, and the
// bounds of every page.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <random>

#include "arrow/io/file.h"
#include "marquet/parquet/write/testing_internal.h"
#include "parquet/arrow/reader.h"
#include "parquet/column_page.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"

namespace marquet::pq {
namespace {

constexpr uint64_t kNumbersSeed = 20241130;

using Numbers = std::vector<std::optional<int64_t>>;

// Runs of `mean_run` numbers on average, of `different` ones at random, some of them null. From row
// `change_from` on every number is another one.
struct Shape {
  int64_t rows;
  uint64_t mean_run;
  uint64_t different;
  double null_share;
  int64_t change_from;
};

Numbers Make(const Shape& shape, std::mt19937_64* random) {
  Numbers numbers;
  int64_t number = 0;
  while (static_cast<int64_t>(numbers.size()) < shape.rows) {
    if (static_cast<int64_t>(numbers.size()) >= shape.change_from) {
      number += 1'000'003;
    } else if (numbers.empty() || (*random)() % shape.mean_run == 0) {
      number =
          static_cast<int64_t>((*random)() % shape.different) - static_cast<int64_t>(shape.different / 2);
    }
    const bool null = static_cast<double>((*random)() % 10'000) < shape.null_share * 10'000;
    numbers.push_back(null ? std::nullopt : std::optional(number));
  }
  return numbers;
}

// The number as a column's value. Floating ones have zeros of both signs and NaN among them.
template <typename C>
C ValueOf(int64_t number) {
  if constexpr (std::is_floating_point_v<C>) {
    if (number % 16 == 5) return std::numeric_limits<C>::quiet_NaN();
    if (number % 16 == 6) return -C{0};
    return static_cast<C>(number) / 4;
  } else {
    return static_cast<C>(number);
  }
}

template <typename ArrowType>
std::shared_ptr<arrow::Array> ArrayOf(const Numbers& numbers) {
  typename arrow::TypeTraits<ArrowType>::BuilderType builder;
  for (const auto& number : numbers) {
    const auto status =
        number ? builder.Append(ValueOf<typename ArrowType::c_type>(*number)) : builder.AppendNull();
    if (!status.ok()) throw std::bad_alloc();
  }
  return Value(builder.Finish());
}

// What Parquet stores of the least and the greatest of some rows; nothing where none of them has an order.
template <typename C, typename Stored>
std::optional<std::pair<std::string, std::string>> BoundsOf(std::span<const std::optional<int64_t>> rows) {
  std::optional<std::pair<C, C>> bounds;
  for (const auto& number : rows) {
    if (!number) continue;
    const C value = ValueOf<C>(*number);
    if (value != value) continue;
    if (!bounds) bounds.emplace(value, value);
    bounds->first = std::min(bounds->first, value);
    bounds->second = std::max(bounds->second, value);
  }
  if (!bounds) return std::nullopt;
  if constexpr (std::is_floating_point_v<C>) {
    if (bounds->first == 0) bounds->first = -C{0};
    if (bounds->second == 0) bounds->second = C{0};
  }
  const auto bytes = [](C value) {
    const auto stored = static_cast<Stored>(value);
    return std::string(reinterpret_cast<const char*>(&stored), sizeof stored);
  };
  return std::pair(bytes(bounds->first), bytes(bounds->second));
}

class NumberEncoderTest : public FileTest {
 protected:
  template <typename ArrowType, typename Stored>
  void ExpectPagesOf(const Numbers& numbers, const std::string& path, int column) {
    using C = typename ArrowType::c_type;
    const auto file = ::parquet::ParquetFileReader::OpenFile(path);
    const auto pages = file->GetPageIndexReader();
    int64_t first = 0;
    for (int g = 0; g < file->metadata()->num_row_groups(); ++g) {
      const int64_t rows = file->metadata()->RowGroup(g)->num_rows();
      const auto bounds = pages->RowGroup(g)->GetColumnIndex(column);
      const auto places = pages->RowGroup(g)->GetOffsetIndex(column);
      ASSERT_NE(places, nullptr);
      const auto& locations = places->page_locations();
      for (size_t p = 0; p < locations.size(); ++p) {
        const int64_t begin = first + locations[p].first_row_index;
        const int64_t end = first + (p + 1 < locations.size() ? locations[p + 1].first_row_index : rows);
        ASSERT_LE(end - begin, 1 << 16);
        const auto of_page =
            std::span(numbers).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
        const auto nulls = std::count(of_page.begin(), of_page.end(), std::nullopt);
        const auto expected = BoundsOf<C, Stored>(of_page);
        if (bounds == nullptr) continue;  // a page of NaN alone has no bounds, and then no page has
        EXPECT_EQ(bounds->null_counts()[p], nulls);
        EXPECT_EQ(bounds->null_pages()[p], nulls == end - begin);
        if (!expected) continue;
        EXPECT_EQ(bounds->encoded_min_values()[p], expected->first)
            << "page " << p << ", seed " << kNumbersSeed;
        EXPECT_EQ(bounds->encoded_max_values()[p], expected->second)
            << "page " << p << ", seed " << kNumbersSeed;
      }
      first += rows;
    }
    EXPECT_EQ(first, static_cast<int64_t>(numbers.size()));
  }
};

TEST_F(NumberEncoderTest, EveryShapeInBatchesOfAnyLength) {
  constexpr int64_t kNever = INT64_MAX;
  std::mt19937_64 random(kNumbersSeed);
  for (const Shape& shape : {
           Shape{150'000, 1'000'000, 1, 0, kNever},        // one value
           Shape{200'000, 12, 300, 0, kNever},             // a level of a book
           Shape{200'000, 12, 300, 0.001, kNever},         // with gaps
           Shape{100'000, 1, 60, 0.3, kNever},             // few values, not in runs
           Shape{100'000, 40, 2, 0, kNever},               // one bit each
           Shape{90'000, 20, 2'000, 0.02, 50'000},         // outgrows its dictionary within a page
           Shape{140'000, 5, 40, 1, kNever},               // nothing
           Shape{70'000, 1, uint64_t{1} << 40, 0, kNever}  // no dictionary
       }) {
    const Numbers numbers = Make(shape, &random);
    const auto table = arrow::Table::Make(
        arrow::schema({arrow::field("int64", arrow::int64()), arrow::field("int16", arrow::int16()),
                       arrow::field("uint32", arrow::uint32()), arrow::field("uint64", arrow::uint64()),
                       arrow::field("double", arrow::float64()), arrow::field("float", arrow::float32())}),
        {ArrayOf<arrow::Int64Type>(numbers), ArrayOf<arrow::Int16Type>(numbers),
         ArrayOf<arrow::UInt32Type>(numbers), ArrayOf<arrow::UInt64Type>(numbers),
         ArrayOf<arrow::DoubleType>(numbers), ArrayOf<arrow::FloatType>(numbers)});
    for (const int64_t batch_rows : {1'000, 5'003, 16'000, 200'000}) {
      const std::string path = Path("numbers.parquet");
      std::filesystem::remove(path);
      WriteOptions options;
      options.row_group_rows = 130'000;
      Value(WriteTable(path, *table, options, batch_rows));
      const auto reader = Value(::parquet::arrow::OpenFile(Value(arrow::io::ReadableFile::Open(path)),
                                                           arrow::default_memory_pool()));
      const auto back = Value(reader->ReadTable());
      EXPECT_TRUE(back->Equals(*table, arrow::EqualOptions::Defaults().nans_equal(true)))
          << "runs of " << shape.mean_run << ", batches of " << batch_rows << ", seed " << kNumbersSeed;
      ExpectPagesOf<arrow::Int64Type, int64_t>(numbers, path, 0);
      ExpectPagesOf<arrow::Int16Type, int32_t>(numbers, path, 1);
      ExpectPagesOf<arrow::UInt32Type, uint32_t>(numbers, path, 2);
      ExpectPagesOf<arrow::UInt64Type, uint64_t>(numbers, path, 3);
      ExpectPagesOf<arrow::DoubleType, double>(numbers, path, 4);
      ExpectPagesOf<arrow::FloatType, float>(numbers, path, 5);
    }
  }
}

TEST_F(NumberEncoderTest, ShortBatchesGiveTheSamePagesOnceThereIsADictionary) {
  // Runs wait for a whole page whatever the batches are, so that there are few pages to compress.
  std::mt19937_64 random(kNumbersSeed);
  const Numbers numbers = Make({(1 << 14) + 3 * (1 << 16), 10, 200, 0.01, INT64_MAX}, &random);
  const auto table = arrow::Table::Make(arrow::schema({arrow::field("n", arrow::int64())}),
                                        {ArrayOf<arrow::Int64Type>(numbers)});
  for (const int64_t batch_rows : {512, 1 << 14}) {
    const std::string path = Path("pages.parquet");
    std::filesystem::remove(path);
    Value(WriteTable(path, *table, {}, batch_rows));
    const auto file = ::parquet::ParquetFileReader::OpenFile(path);
    const auto pages = file->GetPageIndexReader();
    const auto places = pages->RowGroup(0)->GetOffsetIndex(0);
    std::vector<int64_t> begins;
    for (const auto& page : places->page_locations()) begins.push_back(page.first_row_index);
    EXPECT_EQ(begins, (std::vector<int64_t>{0, 1 << 14, (1 << 14) + (1 << 16), (1 << 14) + 2 * (1 << 16)}));
  }
}

TEST_F(NumberEncoderTest, ValuesThatRepeatTakeTwoBytesARunOrLess) {
  std::mt19937_64 random(kNumbersSeed);
  const Numbers numbers = Make({1 << 16, 12, 200, 0, INT64_MAX}, &random);
  int64_t runs = 1;
  for (size_t i = 1; i < numbers.size(); ++i) runs += numbers[i] != numbers[i - 1] ? 1 : 0;
  const auto table = arrow::Table::Make(arrow::schema({arrow::field("n", arrow::int64())}),
                                        {ArrayOf<arrow::Int64Type>(numbers)});
  const std::string path = Path("runs.parquet");
  Value(WriteTable(path, *table, {}, 1 << 16));
  const auto file = ::parquet::ParquetFileReader::OpenFile(path);
  const auto chunk = file->metadata()->RowGroup(0)->ColumnChunk(0);
  const int64_t dictionary = 200 * 8 + 100;  // with headers
  EXPECT_LE(chunk->total_uncompressed_size(), dictionary + 2 * runs + runs / 50);
  EXPECT_LE(chunk->total_compressed_size(), dictionary + 2 * runs * 95 / 100);
}

// The dictionary's table takes many times what the numbers take: it counts, until its row group is written.
TEST_F(NumberEncoderTest, TheMemoryOfADictionaryIsCounted) {
  const auto schema = arrow::schema({arrow::field("n", arrow::int64())});
  const auto writer = Value(FileWriter::Open(fs_, Path("counted.parquet"), schema, {}));
  std::mt19937_64 random(kNumbersSeed);
  for (const int64_t different : {4'000, 20'000}) {
    // In no order: sequences of deltas that come again would take less than a dictionary.
    std::vector<int64_t> values(static_cast<size_t>(16 * different));
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<int64_t>(i) % different * 1'000'003;
    }
    std::shuffle(values.begin(), values.end(), random);
    arrow::Int64Builder numbers;
    MQ_ASSERT_OK(numbers.AppendValues(values));
    const auto array = Value(numbers.Finish());
    MQ_ASSERT_OK(writer->Write(*arrow::RecordBatch::Make(schema, array->length(), {array})));
  }
  // Each number, and the table, which is at most a quarter full.
  EXPECT_GE(writer->buffered_bytes(), 20'000 * (8 + 4 * 16)) << "seed " << kNumbersSeed;
  const int64_t before = writer->buffered_bytes();
  MQ_ASSERT_OK(writer->Flush());
  EXPECT_LT(writer->buffered_bytes(), before / 2);  // what is left is room for runs, which is used again
  MQ_ASSERT_OK(writer->Close().status());
  EXPECT_EQ(Value(FileReader::Open(fs_, Path("counted.parquet")))->rows(), 16 * 24'000);
}

}  // namespace
}  // namespace marquet::pq
