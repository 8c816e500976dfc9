// What a writer says that it holds in memory, against what its allocators have given out.
#include <ostream>

#include <fmt/format.h>

#include "arrow/memory_pool.h"
#include "marquet/base/counted_memory_internal.h"
#include "marquet/parquet/write/testing_internal.h"

namespace marquet::pq {
namespace {

constexpr int64_t kHeldBatchRows = 8'000;
constexpr int kHeldColumns = 60;
constexpr int kHeldBatches = 8;
constexpr int kHeldRowGroups = 30;
constexpr int64_t kShortRowGroup = 500;

// What malloc holds back for a thread's next requests counts as given out.
constexpr double kHeldBack = 400'000;

int64_t AllocatedBytes() { return MallocBytes() + arrow::default_memory_pool()->bytes_allocated(); }

struct Content {
  std::string name;
  std::shared_ptr<arrow::DataType> type;
  int64_t different;  // numbers of which the values are made
  int64_t run;        // rows with the same one
};

std::ostream& operator<<(std::ostream& out, const Content& content) { return out << content.name; }

std::shared_ptr<arrow::Array> ColumnOf(const Content& content, int64_t first_row) {
  const auto made = Value(arrow::MakeBuilder(content.type));
  for (int64_t row = first_row; row < first_row + kHeldBatchRows; ++row) {
    const uint64_t mixed = static_cast<uint64_t>(row / content.run % content.different) * 0x9E3779B97F4A7C15;
    const auto number = static_cast<int64_t>(mixed >> 8);
    arrow::Status status;
    switch (content.type->id()) {
      case arrow::Type::INT64:
        status = static_cast<arrow::Int64Builder&>(*made).Append(number);
        break;
      case arrow::Type::DOUBLE:
        status = static_cast<arrow::DoubleBuilder&>(*made).Append(static_cast<double>(number) / 3);
        break;
      case arrow::Type::STRING:
        status = static_cast<arrow::StringBuilder&>(*made).Append(fmt::format("{:020}", number));
        break;
      default:
        status = static_cast<arrow::Decimal128Builder&>(*made).Append(arrow::Decimal128(number));
    }
    EXPECT_TRUE(status.ok()) << status;
  }
  return Value(made->Finish());
}

class HeldBytesTest : public FileTest, public ::testing::WithParamInterface<Content> {
 protected:
  void SetUp() override {
    FileTest::SetUp();
    if (!MallocCounts()) GTEST_SKIP() << "malloc does not count what it gives out";
    arrow::FieldVector fields;
    for (int c = 0; c < kHeldColumns; ++c) {
      fields.push_back(arrow::field(fmt::format("c{}", c), GetParam().type));
    }
    schema_ = arrow::schema(fields);
    for (int b = 0; b < kHeldBatches; ++b) {
      const arrow::ArrayVector columns(kHeldColumns, ColumnOf(GetParam(), b * kHeldBatchRows));
      batches_.push_back(arrow::RecordBatch::Make(schema_, kHeldBatchRows, columns));
    }
    Write(Open("first.parquet").get(), kHeldBatches);  // makes what a thread keeps
  }

  std::unique_ptr<FileWriter> Open(const std::string& name) {
    auto format = Value(FileFormat::Make(schema_, {}));
    return Value(FileWriter::Open(fs_, Path(name), std::move(format), /*parallel=*/false));
  }

  void Write(FileWriter* writer, int batches) {
    for (int b = 0; b < batches; ++b) MQ_ASSERT_OK(writer->Write(*batches_[static_cast<size_t>(b)]));
  }

  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
};

TEST_P(HeldBytesTest, AreWhatAllocatorsHaveGivenOut) {
  for (const int batches : {1, 3, kHeldBatches}) {
    SCOPED_TRACE(fmt::format("{} batches", batches));
    const int64_t before = AllocatedBytes();
    const auto writer = Open(fmt::format("{}.parquet", batches));
    Write(writer.get(), batches);
    const auto allocated = static_cast<double>(AllocatedBytes() - before);
    EXPECT_NEAR(static_cast<double>(writer->held_bytes()), allocated, 0.1 * allocated + kHeldBack);
  }
}

// Row groups that have ended are told of in the footer, and take nothing else.
TEST_P(HeldBytesTest, AreFewOnceARowGroupHasEnded) {
  const int64_t before = AllocatedBytes();
  const auto writer = Open("ended.parquet");
  Write(writer.get(), kHeldBatches);
  MQ_ASSERT_OK(writer->Flush());
  EXPECT_LT(writer->buffered_bytes(), kHeldColumns * 12'288);
  EXPECT_LT(static_cast<double>(AllocatedBytes() - before), kHeldColumns * 20'000 + kHeldBack);
  for (int row_group = 0; row_group < kHeldRowGroups; ++row_group) {
    MQ_ASSERT_OK(writer->Write(*batches_[0]->Slice(0, kShortRowGroup)));
    MQ_ASSERT_OK(writer->Flush());
  }
  const auto kept = static_cast<double>(AllocatedBytes() - before);
  EXPECT_NEAR(static_cast<double>(writer->held_bytes()), kept, 0.2 * kept + kHeldBack);
  EXPECT_EQ(Value(writer->Close()).rows, kHeldBatches * kHeldBatchRows + kHeldRowGroups * kShortRowGroup);
}

INSTANTIATE_TEST_SUITE_P(
    Contents, HeldBytesTest,
    ::testing::Values(Content{"IntegersOfADictionary", arrow::int64(), 32'000, 8},
                      Content{"IntegersWithoutOne", arrow::int64(), 1 << 30, 1},
                      Content{"FewIntegers", arrow::int64(), 40, 3},
                      Content{"FloatsWithoutADictionary", arrow::float64(), 1 << 30, 1},
                      Content{"TextsOfADictionary", arrow::utf8(), 10'000, 4},
                      Content{"TextsWithoutOne", arrow::utf8(), 1 << 30, 1},
                      Content{"DecimalsOfADictionary", arrow::decimal128(20, 2), 20'000, 4},
                      Content{"DecimalsWithoutOne", arrow::decimal128(20, 2), 1 << 30, 1}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace marquet::pq
