// Sample stores and batches over small tables, against tensors computed from the rows themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/depth/book_buffer.h"
#include "marquet/sampling/book_sequence.h"
#include "marquet/sampling/depth_batches.h"
#include "marquet/sampling/permutation.h"

namespace marquet::sampling {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kBins = 66, kTicks = 3, kRows = kBins * kTicks;
constexpr int64_t kMicroPip = 250'000'000;

TEST(Permutation, IsTheSameEverywhereAndUniform) {
  EXPECT_THAT(EpochOrder(5, false, 1, 2), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(EpochOrder(1000, true, 1, 2), EpochOrder(1000, true, 1, 2));
  EXPECT_NE(EpochOrder(1000, true, 1, 2), EpochOrder(1000, true, 1, 3));
  EXPECT_NE(EpochOrder(1000, true, 1, 2), EpochOrder(1000, true, 2, 2));
  EXPECT_EQ(SplitMix(1234567).Next(), 6457827717110365317u);  // the reference implementation's first value
  // Each of four values stands in each place about equally often: 24 permutations, 6 in each place.
  std::vector<int> places(16);
  for (uint64_t epoch = 0; epoch < 8'000; ++epoch) {
    const auto order = EpochOrder(4, true, 9, epoch);
    for (int place = 0; place < 4; ++place) ++places[place * 4 + order[place]];
  }
  for (const int count : places) EXPECT_NEAR(count, 2'000, 200);  // five standard deviations
}

class SamplingTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "marquet-sampling-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string Path(const std::string& name) const { return (directory_ / name).string(); }

  static std::shared_ptr<arrow::Array> Numbers(const std::vector<int64_t>& values) {
    arrow::Int64Builder builder;
    EXPECT_TRUE(builder.AppendValues(values).ok());
    return *builder.Finish();
  }
  static std::shared_ptr<arrow::Array> Small(const std::vector<int32_t>& values) {
    arrow::Int32Builder builder;
    EXPECT_TRUE(builder.AppendValues(values).ok());
    return *builder.Finish();
  }
  static std::shared_ptr<arrow::Array> Texts(const std::vector<std::string>& values) {
    arrow::StringBuilder builder;
    EXPECT_TRUE(builder.AppendValues(values).ok());
    return *builder.Finish();
  }

  // A book whose mid price walks; source rows are odd, so that position and source row differ.
  static std::shared_ptr<arrow::RecordBatch> Book(int64_t rows, uint64_t seed, const std::string& symbol) {
    std::mt19937_64 random(seed);
    std::vector<std::vector<int64_t>> columns(60, std::vector<int64_t>(rows));
    int64_t mid = 16'000;
    for (int64_t row = 0; row < rows; ++row) {
      mid += static_cast<int64_t>(random() % 3) - 1;
      for (int k = 0; k < 10; ++k) {
        columns[k][row] = (mid - 1 - k) * kMicroPip;
        columns[10 + k][row] = (mid + 1 + k) * kMicroPip;
        for (int c = 20; c < 60; c += 10) columns[c + k][row] = static_cast<int64_t>(random() % 50);
      }
    }
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    const auto names = depth::BookColumnNames(depth::kAllFeatures);
    for (size_t c = 0; c < names.size(); ++c) {
      fields.push_back(arrow::field(names[c], arrow::int64()));
      arrays.push_back(Numbers(columns[c]));
    }
    std::vector<int64_t> time(rows), source_row(rows);
    for (int64_t row = 0; row < rows; ++row) {
      time[row] = row * 1'000'000;
      source_row[row] = row * 2 + 1;
    }
    for (const auto& [name, values] : {std::pair("ts_event", &time), std::pair("source_row", &source_row)}) {
      fields.push_back(arrow::field(name, arrow::int64()));
      arrays.push_back(Numbers(*values));
    }
    fields.push_back(arrow::field("symbol", arrow::utf8()));
    arrays.push_back(Texts(std::vector<std::string>(rows, symbol)));
    return arrow::RecordBatch::Make(arrow::schema(fields), rows, arrays);
  }

  void Write(const std::string& name, const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
             std::vector<std::string> partition_by) {
    auto table = table::Table::Create(file::LocalFileSystem(), Path(name), *batches[0]->schema(),
                                      {.partition_by = std::move(partition_by)});
    ASSERT_TRUE(table.ok()) << table.status();
    for (const auto& batch : batches) {
      auto reader = *arrow::RecordBatchReader::Make({batch});
      ASSERT_TRUE((*table)->Append(*reader).ok());
    }
  }

  // Samples of the windows that begin at `begins`, the n-th with label n % 3.
  void WriteSamples(const std::string& symbol, const std::vector<int64_t>& begins, int64_t book_rows) {
    auto book = *table::Table::Open(file::LocalFileSystem(), Path("book"));
    auto sequence = *BookSequence::Open(*book, symbol, {}, nullptr);
    const std::string source = (*sequence.Next())->source;
    const size_t n = begins.size();
    std::vector<std::string> ids;
    std::vector<int64_t> first, last, ends;
    std::vector<int32_t> labels;
    for (size_t i = 0; i < n; ++i) {
      ids.push_back(symbol + "-" + std::to_string(begins[i]));
      first.push_back(begins[i] * 2 + 1);
      last.push_back((begins[i] + kRows - 1) * 2 + 1);
      ends.push_back((begins[i] + kRows - 1) * 1'000'000);
      labels.push_back(static_cast<int32_t>(i % 3));
    }
    const auto schema = arrow::schema(
        {arrow::field("symbol", arrow::utf8()), arrow::field("sample_id", arrow::utf8()),
         arrow::field("first_source", arrow::utf8()), arrow::field("first_source_row", arrow::int64()),
         arrow::field("last_source", arrow::utf8()), arrow::field("last_source_row", arrow::int64()),
         arrow::field("label", arrow::int32()), arrow::field("features", arrow::utf8()),
         arrow::field("time_bins", arrow::int32()), arrow::field("ticks_per_bin", arrow::int32()),
         arrow::field("micro_pip", arrow::int64()), arrow::field("row_filter", arrow::utf8()),
         arrow::field("end_ts_event", arrow::int64()), arrow::field("book_version", arrow::int64())});
    const auto text = [&](const std::string& value) { return Texts(std::vector<std::string>(n, value)); };
    Write("samples",
          {arrow::RecordBatch::Make(
              schema, static_cast<int64_t>(n),
              {text(symbol), Texts(ids), text(source), Numbers(first), text(source), Numbers(last),
               Small(labels), text("volume,variance,trade_counts"), Small(std::vector<int32_t>(n, kBins)),
               Small(std::vector<int32_t>(n, kTicks)), Numbers(std::vector<int64_t>(n, kMicroPip)), text(""),
               Numbers(ends), Numbers(std::vector<int64_t>(n, book->version()))})},
          {"symbol"});
  }

  arrow::Result<std::shared_ptr<const SampleStore>> Load(int64_t memory = 1 << 30) {
    StoreOptions options;
    options.samples = Path("samples");
    options.book = Path("book");
    options.memory = memory;
    return SampleStore::Load(file::LocalFileSystem(), options);
  }

  std::filesystem::path directory_;
};

TEST_F(SamplingTest, BatchesEqualTensorsOfTheirRows) {
  const auto book = Book(900, 1, "ESH4");
  Write("book", {book, Book(500, 2, "NQH4")}, {"symbol"});
  std::vector<int64_t> begins;
  for (int64_t begin = 0; begin + kRows <= 900; begin += 7) begins.push_back(begin);
  std::vector<int64_t> shuffled = begins;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937_64(3));
  WriteSamples("ESH4", shuffled, 900);
  const auto store = Load().ValueOrDie();
  ASSERT_EQ(store->size(), static_cast<int64_t>(begins.size()));

  depth::BookBuffer buffer(depth::kAllFeatures);
  ASSERT_TRUE(buffer.Append(*book).ok());
  const depth::TensorSpec spec{depth::kAllFeatures, kMicroPip, kBins, kTicks};
  auto stream = depth::TensorStream::Make(buffer, spec).ValueOrDie();
  std::vector<float> expected(spec.cells());
  for (const BatchOptions& options :
       {BatchOptions{.batch_size = 8}, BatchOptions{.batch_size = 5, .threads = 4, .prefetch = 6},
        BatchOptions{.batch_size = 1000, .shuffle = false}}) {
    auto batches = DepthBatches::Make(store, options).ValueOrDie();
    ASSERT_TRUE(batches->Begin(0).ok());
    std::set<int64_t> seen;
    while (const auto batch = *batches->Next()) {
      for (int64_t i = 0; i < batch->size; ++i) {
        const int64_t sample = batch->samples[i];
        EXPECT_TRUE(seen.insert(sample).second);
        const int64_t begin = begins[sample];  // the store orders samples by time
        EXPECT_EQ(store->id(sample), "ESH4-" + std::to_string(begin));
        const auto place = std::find(shuffled.begin(), shuffled.end(), begin) - shuffled.begin();
        EXPECT_EQ(batch->labels[i], place % 3);
        ASSERT_TRUE(stream->Compute(begin, expected.data()).ok());
        ASSERT_TRUE(std::equal(expected.begin(), expected.end(), batch->tensors.begin() + i * spec.cells()));
      }
    }
    EXPECT_EQ(seen.size(), begins.size());
  }
}

TEST_F(SamplingTest, BuffersAreUsedAgainOnceTheyAreBack) {
  Write("book", {Book(900, 1, "ESH4")}, {"symbol"});
  std::vector<int64_t> begins;
  for (int64_t begin = 0; begin < 600; begin += 3) begins.push_back(begin);
  WriteSamples("ESH4", begins, 900);
  auto batches =
      DepthBatches::Make(Load().ValueOrDie(), {.batch_size = 2, .threads = 2, .prefetch = 3}).ValueOrDie();
  std::set<const float*> addresses;
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    ASSERT_TRUE(batches->Begin(epoch).ok());
    while (const auto batch = *batches->Next()) addresses.insert(batch->tensors.data());
  }
  EXPECT_LE(addresses.size(), 12u);  // of 300 batches
  // A consumer may keep all of an epoch, and outlive the reader.
  std::vector<std::shared_ptr<const Batch>> kept;
  ASSERT_TRUE(batches->Begin(9).ok());
  while (auto batch = *batches->Next()) kept.push_back(std::move(batch));
  batches.reset();
  EXPECT_EQ(kept.size(), 100u);
  addresses.clear();
  for (const auto& batch : kept) addresses.insert(batch->tensors.data());
  EXPECT_EQ(addresses.size(), 100u);
}

TEST_F(SamplingTest, AnEpochMayBeLeftAndBegunAnywhere) {
  Write("book", {Book(600, 1, "ESH4")}, {"symbol"});
  std::vector<int64_t> begins;
  for (int64_t begin = 0; begin < 400; begin += 4) begins.push_back(begin);
  WriteSamples("ESH4", begins, 600);
  const auto store = Load().ValueOrDie();
  auto batches =
      DepthBatches::Make(store, {.batch_size = 3, .seed = 4, .threads = 3, .prefetch = 4}).ValueOrDie();
  std::vector<std::vector<int64_t>> whole;
  ASSERT_TRUE(batches->Begin(2).ok());
  while (const auto batch = *batches->Next()) whole.push_back(batch->samples);
  ASSERT_EQ(static_cast<int64_t>(whole.size()), batches->batches());
  for (const int64_t from : {0, 1, 17, 33, 34}) {
    ASSERT_TRUE(batches->Begin(2, from).ok());
    for (int64_t i = from; i < std::min<int64_t>(from + 5, 34); ++i)
      EXPECT_EQ((*batches->Next())->samples, whole[i]);
  }
  EXPECT_FALSE(batches->Begin(2, 35).ok());
  EXPECT_FALSE(batches->Begin(2, -1).ok());
  std::multiset<int64_t> joined;
  for (int64_t shard = 0; shard < 3; ++shard) {
    auto part = DepthBatches::Make(store, {.seed = 4, .shard = shard, .shards = 3}).ValueOrDie();
    ASSERT_TRUE(part->Begin(2).ok());
    while (const auto batch = *part->Next()) joined.insert(batch->samples.begin(), batch->samples.end());
  }
  EXPECT_EQ(joined.size(), begins.size());
  EXPECT_EQ(std::set<int64_t>(joined.begin(), joined.end()).size(), begins.size());
}

TEST_F(SamplingTest, TheBudgetIsCountedBeforeItIsTaken) {
  Write("book", {Book(600, 1, "ESH4")}, {"symbol"});
  WriteSamples("ESH4", {0, 3, 6}, 600);
  const auto store = Load().ValueOrDie();
  EXPECT_EQ(store->bins(), kBins + 2);
  EXPECT_TRUE(Load(store->bytes()).ok());
  const auto status = Load(store->bytes() - 1).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput));
  EXPECT_THAT(status.message(), HasSubstr("the budget is"));
}

TEST_F(SamplingTest, RowsThatAreNotAsTheyWereAreFound) {
  Write("book", {Book(600, 1, "ESH4")}, {"symbol"});
  WriteSamples("ESH4", {0, 403}, 600);  // the second window ends a row past the book
  const auto status = Load().status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status;
  EXPECT_THAT(status.message(), HasSubstr("ESH4-403"));
}

TEST_F(SamplingTest, RowsOutOfTheirSourcesOrderAreRefused) {
  const auto book = Book(10, 1, "ESH4");
  auto columns = book->columns();
  columns[61] = Numbers({1, 2, 3, 4, 4, 6, 7, 8, 9, 10});
  Write("book", {arrow::RecordBatch::Make(book->schema(), 10, columns)}, {"symbol"});
  const auto table = *table::Table::Open(file::LocalFileSystem(), Path("book"));
  auto sequence = *BookSequence::Open(*table, "ESH4", {}, nullptr);
  EXPECT_THAT(sequence.Next().status().message(), HasSubstr("source_row 4 of 'ESH4' follows 4"));
}

TEST_F(SamplingTest, OneSymbolOutOfAFileOfSeveral) {
  const auto es = Book(40, 1, "ESH4"), nq = Book(30, 2, "NQH4");
  Write("book", {es, nq}, {});
  const auto table = *table::Table::Open(file::LocalFileSystem(), Path("book"));
  EXPECT_THAT(*BookSymbols(*table, {}), ElementsAre("ESH4", "NQH4"));
  EXPECT_TRUE(IsKind(BookSymbols(*table, {"ZZ"}).status(), ErrorKind::kNotFound));
  auto sequence = *BookSequence::Open(*table, "NQH4", {"bid_px_00"}, nullptr);
  int64_t rows = 0;
  while (const auto batch = *sequence.Next()) {
    EXPECT_TRUE(batch->rows->column(0)->Equals(nq->column(0)));
    rows += batch->rows->num_rows();
  }
  EXPECT_EQ(rows, 30);
}

}  // namespace
}  // namespace marquet::sampling
