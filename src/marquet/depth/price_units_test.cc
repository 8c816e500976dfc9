#include "marquet/depth/price_units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "arrow/api.h"
#include "marquet/base/error.h"

namespace marquet::depth {
namespace {

using testing::HasSubstr;

constexpr int64_t kQuarter = 250'000'000;  // the micro-pip of ES

struct PriceColumn {
  std::string name;
  std::shared_ptr<arrow::Array> values;
};

PriceColumn AsFloats(const std::string& name, const std::vector<std::optional<double>>& values) {
  arrow::DoubleBuilder builder;
  for (const auto& value : values) {
    EXPECT_TRUE((value ? builder.Append(*value) : builder.AppendNull()).ok());
  }
  return {name, builder.Finish().ValueOrDie()};
}

PriceColumn AsUnits(const std::string& name, const std::vector<int64_t>& values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return {name, builder.Finish().ValueOrDie()};
}

std::shared_ptr<arrow::RecordBatch> BatchOf(const std::vector<PriceColumn>& columns) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const PriceColumn& column : columns) {
    fields.push_back(arrow::field(column.name, column.values->type()));
    arrays.push_back(column.values);
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), arrays[0]->length(), arrays);
}

std::string RefusalOf(int64_t micro_pip, const std::vector<PriceColumn>& columns) {
  PriceUnits units(micro_pip);
  const auto status = units.Look(*BatchOf(columns));
  if (status.ok()) return {};
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
  EXPECT_THAT(HintOf(status), HasSubstr("divide it by 1e9"));
  EXPECT_THAT(status.message(), HasSubstr("can only be units of 1e-9"));
  return status.message();
}

TEST(PriceUnitsTest, FloatsThatArePricesAreTaken) {
  EXPECT_EQ(RefusalOf(kQuarter, {AsFloats("bid_px_00", {5529.25, 5529.5, std::nullopt})}), "");
  EXPECT_EQ(RefusalOf(kQuarter, {AsFloats("bid_px_00", {5529, 5530, NAN})}), "");  // whole ones, too
  EXPECT_EQ(RefusalOf(0, {AsFloats("ask_px_09", {1e6, 2e6})}), "");
  EXPECT_EQ(
      RefusalOf(kQuarter, {AsFloats("bid_px_00", {5529.25}), AsUnits("ask_px_00", {5'529'500'000'000})}), "");
  EXPECT_EQ(RefusalOf(kQuarter, {AsUnits("bid_px_00", {5'529'250'000'000, 5'529'500'000'000})}), "");
  EXPECT_EQ(RefusalOf(kQuarter, {AsFloats("price", {5.52925e12, 5.5295e12})}), "");  // none of a level
}

TEST(PriceUnitsTest, FloatsThatAreUnitsAreRefused) {
  EXPECT_EQ(
      RefusalOf(10'000, {AsFloats("bid_px_00", {1.1e9, NAN, 1.1001e9})}),  // EURUSD
      "bid_px_00 holds whole numbers as floats, such as 1,100,000,000, no two of them less than "
      "10,000,000,000 micro-pips apart; these floats can only be units of 1e-9, which integers beside a null "
      "become in pandas and NumPy");
  EXPECT_THAT(RefusalOf(kQuarter, {AsFloats("ask_px_03", {5.52925e12, 5.5295e12})}),
              HasSubstr("such as 5,529,250,000,000, beyond all prices"));
  EXPECT_THAT(
      RefusalOf(0, {AsFloats("ask_px_03", {1.1e9, 1.2e9}), AsUnits("bid_px_00", {INT64_MAX, 1'100'000'000})}),
      HasSubstr("of the size of the integers beside it"));
  // Undefined prices beside them are no integers to compare with.
  EXPECT_EQ(RefusalOf(0, {AsFloats("ask_px_03", {1.1, 1.2}), AsUnits("bid_px_00", {INT64_MAX, INT64_MAX})}),
            "");
}

TEST(PriceUnitsTest, WhatTellsNothingIsLookedAtFurther) {
  PriceUnits units(kQuarter);
  EXPECT_TRUE(units.Look(*BatchOf({AsFloats("bid_px_00", {5.52925e12, 5.52925e12})})).ok());
  EXPECT_FALSE(units.known());
  EXPECT_TRUE(units.Look(*BatchOf({AsFloats("bid_px_00", {std::nullopt, NAN})})).ok());
  EXPECT_FALSE(units.known());
  EXPECT_FALSE(units.Look(*BatchOf({AsFloats("bid_px_00", {5.52925e12, 5.5295e12})})).ok());
  PriceUnits prices(kQuarter);
  EXPECT_TRUE(prices.Look(*BatchOf({AsFloats("bid_px_00", {5529.25, 5529.5})})).ok());
  EXPECT_TRUE(prices.known());
}

}  // namespace
}  // namespace marquet::depth
