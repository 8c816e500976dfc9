#include "marquet/depth/int64_columns.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "arrow/api.h"
#include "arrow/util/decimal.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/tensor.h"

namespace marquet::depth {
namespace {

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> Column(const std::vector<std::optional<Value>>& values,
                                     std::shared_ptr<arrow::DataType> type) {
  Builder builder(type, arrow::default_memory_pool());
  for (const auto& value : values) EXPECT_TRUE((value ? builder.Append(*value) : builder.AppendNull()).ok());
  return builder.Finish().ValueOrDie();
}

std::vector<int64_t> Prices(const arrow::Array& column) {
  std::vector<int64_t> out;
  const auto status = AppendPrices(column, "bid_px_00", &out);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return out;
}

std::string PriceError(const arrow::Array& column) {
  std::vector<int64_t> out(5);  // rows that were there before
  const auto status = AppendPrices(column, "bid_px_00", &out);
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status.ToString();
  return status.message();
}

TEST(Int64Columns, FloatPricesAreRoundedAsLlroundDoes) {
  std::mt19937_64 random(17);
  std::vector<std::optional<double>> values = {0.0,    -0.0,    5e-10,   -5e-10,         1.5e-9,
                                               2.5e-9, -2.5e-9, 4.9e-10, 4999.999999999, -37.63,
                                               2.2e6,  -2.25e6, NAN};
  for (int i = 0; i < 20'000; ++i) {
    const auto bits = random();
    // Ticks, halves of a unit, and any fraction.
    const double price = bits % 3 == 0   ? static_cast<double>(bits >> 40) * 0.25
                         : bits % 3 == 1 ? (static_cast<double>(bits >> 30) + 0.5) / 1e9
                                         : static_cast<double>(bits >> 12) / 4e9;
    values.emplace_back(bits % 2 ? price : -price);
    if (bits % 97 == 0) values.emplace_back();
  }
  const auto expect_rounded = [&] {
    const auto column = Column<arrow::DoubleBuilder>(values, arrow::float64());
    const auto got = Prices(*column);
    for (size_t i = 0; i < values.size(); ++i) {
      const bool none = !values[i] || std::isnan(*values[i]);
      ASSERT_EQ(got[i], none ? kUndefinedPrice : std::llround(*values[i] * 1e9))
          << i << ": " << values[i].value_or(NAN);
    }
  };
  expect_rounded();
  values.emplace_back(2.3e9);  // more than is rounded the fast way
  expect_rounded();
  values.emplace_back(1e10);
  EXPECT_EQ(PriceError(*Column<arrow::DoubleBuilder>(values, arrow::float64())),
            fmt::format("bid_px_00 is 10000000000 in row {}, beyond the prices that can be kept",
                        WithCommas(static_cast<int64_t>(values.size()) + 4)));
}

TEST(Int64Columns, WhatLiesBelowANullIsNotLookedAt) {
  const auto values =
      arrow::Buffer::FromVector(std::vector<int64_t>{0x7f07060504030201});  // 1e303 as a float
  const auto valid = arrow::Buffer::FromVector(std::vector<uint8_t>{0});
  for (const auto& type : {arrow::int64(), arrow::float64()}) {
    const auto column = arrow::MakeArray(arrow::ArrayData::Make(type, 1, {valid, values}));
    EXPECT_THAT(Prices(*column), testing::ElementsAre(kUndefinedPrice)) << type->ToString();
  }
}

TEST(Int64Columns, DecimalPricesOfAnyScaleUpToNine) {
  using arrow::Decimal128;
  std::vector<std::optional<Decimal128>> nines = {Decimal128(5), Decimal128(-5), std::nullopt,
                                                  Decimal128(INT64_MAX), Decimal128(INT64_MIN)};
  EXPECT_THAT(Prices(*Column<arrow::Decimal128Builder>(nines, arrow::decimal128(30, 9))),
              testing::ElementsAre(5, -5, kUndefinedPrice, INT64_MAX, INT64_MIN));
  EXPECT_THAT(Prices(*Column<arrow::Decimal128Builder, Decimal128>(
                  {Decimal128(-125), std::nullopt, Decimal128(7)}, arrow::decimal128(10, 2))),
              testing::ElementsAre(-1'250'000'000, kUndefinedPrice, 70'000'000));
  nines.emplace_back(Decimal128(INT64_MAX) + Decimal128(1));
  EXPECT_THAT(PriceError(*Column<arrow::Decimal128Builder>(nines, arrow::decimal128(30, 9))),
              testing::HasSubstr("bid_px_00 is 9223372036.854775808 in row 10, beyond"));
  EXPECT_THAT(
      PriceError(*Column<arrow::Decimal128Builder, Decimal128>({Decimal128(1)}, arrow::decimal128(20, 10))),
      testing::HasSubstr("in row 5"));
}

TEST(Int64Columns, OnlyInt64WithoutNullsIsReadInPlace) {
  const auto column = Column<arrow::Int64Builder, int64_t>({1, 2, std::nullopt, 4, 5, 6}, arrow::int64());
  const auto* values = static_cast<const arrow::Int64Array&>(*column).raw_values();
  EXPECT_EQ(InPlace(*column, 0, 2), values);
  EXPECT_EQ(InPlace(*column, 3, 3), values + 3);
  EXPECT_EQ(InPlace(*column, 1, 2), nullptr);
  EXPECT_EQ(InPlace(*column->Slice(3), 0, 3), values + 3);
  EXPECT_EQ(InPlace(*column->Slice(2), 0, 1), nullptr);
  EXPECT_EQ(InPlace(*Column<arrow::UInt32Builder, uint32_t>({1}, arrow::uint32()), 0, 1), nullptr);
}

TEST(Int64Columns, ATypeThatDoesNotFitIsRefusedBeforeAnyRowIsRead) {
  const auto text = Column<arrow::StringBuilder, std::string>({"1"}, arrow::utf8());
  EXPECT_TRUE(IsKind(ReadPrices(*text, "bid_px_00", 0, 0, 0, nullptr), ErrorKind::kSchema));
  EXPECT_TRUE(IsKind(ReadIntegers(*text, "bid_sz_00", 0, 0, 0, nullptr), ErrorKind::kSchema));
}

}  // namespace
}  // namespace marquet::depth
