// The bytes that rows refer to, against Arrow's own count of them.
#include <random>

#include "arrow/compute/api.h"
#include "arrow/util/byte_size.h"
#include "marquet/table/batch_bytes_internal.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

constexpr int64_t kRows = 1'000;

// Numbers from 0 to 99 with some nulls, in another type.
std::shared_ptr<arrow::Array> Numbers(const std::shared_ptr<arrow::DataType>& type) {
  std::mt19937 random(11);
  arrow::Int64Builder builder;
  for (int64_t i = 0; i < kRows; ++i) {
    const bool null = random() % 7 == 0;
    EXPECT_TRUE((null ? builder.AppendNull() : builder.Append(random() % 100)).ok());
  }
  const bool binary = type->id() == arrow::Type::BINARY;
  const auto numbers = Value(arrow::compute::Cast(*Value(builder.Finish()), binary ? arrow::utf8() : type));
  return binary ? Value(numbers->View(type)) : numbers;
}

std::shared_ptr<arrow::Array> Lists() {
  arrow::ListBuilder lists(arrow::default_memory_pool(), std::make_shared<arrow::Int32Builder>());
  for (int32_t i = 0; i < kRows; ++i) {
    EXPECT_TRUE(lists.Append().ok());
    EXPECT_TRUE(static_cast<arrow::Int32Builder*>(lists.value_builder())->Append(i).ok());
  }
  return Value(lists.Finish());
}

TEST(BatchBytesTest, CountsWhatArrowCounts) {
  arrow::ArrayVector columns;
  for (const auto& type : {arrow::int8(), arrow::int64(), arrow::float64(), arrow::boolean(), arrow::utf8(),
                           arrow::large_utf8(), arrow::binary(), arrow::utf8_view(),
                           arrow::timestamp(arrow::TimeUnit::MICRO), arrow::decimal128(30, 2)}) {
    columns.push_back(Numbers(type));
  }
  columns.push_back(Value(arrow::compute::DictionaryEncode(Numbers(arrow::utf8()))).make_array());
  columns.push_back(Lists());
  columns.push_back(Value(arrow::MakeArrayOfNull(arrow::null(), kRows)));
  for (const auto& whole : columns) {
    for (const auto& [begin, rows] : {std::pair<int64_t, int64_t>{0, kRows}, {3, 500}, {999, 1}, {17, 0}}) {
      const auto column = whole->Slice(begin, rows);
      const auto batch =
          arrow::RecordBatch::Make(arrow::schema({arrow::field("c", column->type())}), rows, {column});
      EXPECT_EQ(Value(BytesOf(*batch)), Value(arrow::util::ReferencedBufferSize(*batch)))
          << column->type()->ToString() << ", " << rows << " rows from " << begin;
    }
  }
}

TEST(BatchBytesTest, CountsColumnsTogether) {
  const auto numbers = Numbers(arrow::int32());
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("a", arrow::int32()), arrow::field("b", arrow::int32())}), kRows,
      {numbers, numbers});
  EXPECT_EQ(Value(BytesOf(*batch)), 2 * (4 * kRows + kRows / 8));
}

}  // namespace
}  // namespace marquet::table
