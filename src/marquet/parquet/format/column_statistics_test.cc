#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "arrow/api.h"
#include "marquet/parquet/format/column_statistics_internal.h"
#include "marquet/schema/column_statistics.h"
#include "parquet/schema.h"
#include "parquet/statistics.h"

namespace marquet::pq {
namespace {

using ::parquet::ColumnOrder;
using ::parquet::LogicalType;
using ::parquet::Type;

// A required leaf, whose order the footer tells or not.
class Leaf {
 public:
  Leaf(std::shared_ptr<const LogicalType> logical, Type::type physical, int length, const ColumnOrder& order)
      : node_(::parquet::schema::PrimitiveNode::Make("c", ::parquet::Repetition::REQUIRED, std::move(logical),
                                                     physical, length)) {
    static_cast<::parquet::schema::PrimitiveNode&>(*node_).SetColumnOrder(order);
    descriptor_ = std::make_unique<::parquet::ColumnDescriptor>(node_, 0, 0);
  }

  const ::parquet::ColumnDescriptor& descriptor() const { return *descriptor_; }

  // As the reader types them, of a file by another writer.
  schema::ColumnStatistics Read(const std::string& min, const std::string& max,
                                const std::shared_ptr<arrow::DataType>& type) const {
    ::parquet::EncodedStatistics encoded;
    encoded.set_min(min);
    encoded.set_max(max);
    encoded.set_null_count(0);
    const auto statistics = ::parquet::Statistics::Make(descriptor_.get(), &encoded, 10);
    return Doubted(TypedStatistics(statistics.get(), *arrow::field("c", type)), *descriptor_);
  }

 private:
  ::parquet::schema::NodePtr node_;
  std::unique_ptr<::parquet::ColumnDescriptor> descriptor_;
};

template <typename T>
std::string Bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string_view Text(const std::shared_ptr<arrow::Scalar>& scalar) {
  return static_cast<const arrow::BaseBinaryScalar&>(*scalar).view();
}

TEST(ColumnStatisticsTest, NullCountsOfOtherWritersAreNotBelieved) {
  const Leaf leaf(LogicalType::None(), Type::INT64, -1, ColumnOrder::type_defined_);
  const auto read = leaf.Read(Bytes(int64_t{-1}), Bytes(int64_t{7}), arrow::int64());
  EXPECT_EQ(read.null_count, -1);
  EXPECT_TRUE(read.min->Equals(*arrow::MakeScalar(int64_t{-1})));
  EXPECT_TRUE(read.max->Equals(*arrow::MakeScalar(int64_t{7})));
}

TEST(ColumnStatisticsTest, AMaximumOfTextMayHaveBeenCut) {
  const Leaf leaf(LogicalType::String(), Type::BYTE_ARRAY, -1, ColumnOrder::type_defined_);
  const auto read = leaf.Read("ES", "NQ", arrow::utf8());
  EXPECT_EQ(Text(read.min), "ES");
  EXPECT_EQ(Text(read.max), "NQ\xFF") << "above \"NQH4\", and below \"NR\"";
  EXPECT_EQ(Text(leaf.Read("a", "b\xFF", arrow::binary()).max), "c");
  EXPECT_EQ(leaf.Read("", "\xFF\xFF", arrow::binary()).max, nullptr) << "nothing is above it";
}

// The fields that Parquet deprecated: filled in the order of signed bytes, whatever the type.
TEST(ColumnStatisticsTest, BoundsWithoutAnOrderHoldForSignedNumbersOnly) {
  const auto bounded = [](const schema::ColumnStatistics& read) {
    return read.min != nullptr || read.max != nullptr;
  };
  const auto& untold = ColumnOrder::undefined_;
  EXPECT_FALSE(
      bounded(Leaf(LogicalType::String(), Type::BYTE_ARRAY, -1, untold).Read("a", "z", arrow::utf8())));
  EXPECT_FALSE(
      bounded(Leaf(LogicalType::Decimal(30, 2), Type::FIXED_LEN_BYTE_ARRAY, 13, untold)
                  .Read(std::string(13, '\0'), std::string(12, '\0') + "\x01", arrow::decimal128(30, 2))));
  EXPECT_FALSE(bounded(Leaf(LogicalType::Int(32, false), Type::INT32, -1, untold)
                           .Read(Bytes(int32_t{-1}), Bytes(int32_t{1}), arrow::uint32())));
  EXPECT_TRUE(bounded(Leaf(LogicalType::None(), Type::INT64, -1, untold)
                          .Read(Bytes(int64_t{-1}), Bytes(int64_t{1}), arrow::int64())));
  EXPECT_TRUE(bounded(
      Leaf(LogicalType::None(), Type::DOUBLE, -1, untold).Read(Bytes(-1.0), Bytes(1.0), arrow::float64())));
}

TEST(ColumnStatisticsTest, OneNanTakesBothBounds) {
  const Leaf leaf(LogicalType::None(), Type::DOUBLE, -1, ColumnOrder::type_defined_);
  for (const auto& [min, max] : std::vector<std::pair<double, double>>{{NAN, 1.0}, {1.0, NAN}}) {
    const auto read = leaf.Read(Bytes(min), Bytes(max), arrow::float64());
    EXPECT_EQ(read.min, nullptr);
    EXPECT_EQ(read.max, nullptr);
    EXPECT_TRUE(read.has_nan);
  }
}

}  // namespace
}  // namespace marquet::pq
