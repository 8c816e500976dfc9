// What literals mean beside columns of prices, times and numbers, to the last digit.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/predicate/predicate.h"
#include "marquet/predicate/predicate_node.h"
#include "marquet/schema/column_statistics.h"
#include "marquet/schema/units.h"

namespace marquet::predicate {
namespace {

using schema::PriceForm;

using testing::HasSubstr;
using Rows = std::vector<int>;

std::shared_ptr<arrow::Field> InUnit(std::string name, std::string unit) {
  return arrow::field(std::move(name), arrow::int64(), true,
                      arrow::key_value_metadata({"unit"}, {std::move(unit)}));
}

std::shared_ptr<arrow::RecordBatch> One(const std::shared_ptr<arrow::Field>& field,
                                        const std::vector<std::shared_ptr<arrow::Scalar>>& values) {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  EXPECT_TRUE(arrow::MakeBuilder(arrow::default_memory_pool(), field->type(), &builder).ok());
  for (const auto& value : values) EXPECT_TRUE(builder->AppendScalar(*value).ok());
  return arrow::RecordBatch::Make(arrow::schema({field}), static_cast<int64_t>(values.size()),
                                  {builder->Finish().ValueOrDie()});
}

std::shared_ptr<arrow::RecordBatch> Integers(const std::shared_ptr<arrow::Field>& field,
                                             const std::vector<int64_t>& values) {
  std::vector<std::shared_ptr<arrow::Scalar>> scalars;
  for (const int64_t value : values) {
    scalars.push_back(arrow::MakeScalar(field->type(), value).ValueOrDie());
  }
  return One(field, scalars);
}

Rows Selected(const Predicate& predicate, const arrow::RecordBatch& batch,
              PriceForm price = PriceForm::kStored) {
  const auto bound = predicate.Bind(*batch.schema(), price);
  EXPECT_TRUE(bound.ok()) << predicate.ToString() << ": " << bound.status();
  std::vector<uint8_t> selected;
  EXPECT_TRUE(bound.ok() && bound->Evaluate(batch, &selected).ok());
  Rows rows;
  for (size_t i = 0; i < selected.size(); ++i) {
    if (selected[i] != 0) rows.push_back(static_cast<int>(i));
  }
  return rows;
}

Rows Selected(std::string_view filter, const arrow::RecordBatch& batch,
              PriceForm price = PriceForm::kStored) {
  const auto predicate = Predicate::Parse(filter);
  EXPECT_TRUE(predicate.ok()) << predicate.status();
  return Selected(*predicate, batch, price);
}

Rows Selected(std::string op, std::vector<Literal> values, const arrow::RecordBatch& batch,
              PriceForm price = PriceForm::kStored) {
  const std::string name = batch.schema()->field(0)->name();
  const auto predicate = Predicate::FromTerms(std::vector<Term>{{name, std::move(op), std::move(values)}});
  EXPECT_TRUE(predicate.ok()) << predicate.status();
  return Selected(*predicate, batch, price);
}

const PriceForm kGiven[] = {PriceForm::kFloat, PriceForm::kDecimal};
const PriceForm kForms[] = {PriceForm::kStored, PriceForm::kFloat, PriceForm::kDecimal};

TEST(PriceLiteralTest, ANumberMeansAPriceInTheFormThatPricesAreGivenIn) {
  const auto prices =
      Integers(InUnit("price", "1e-9"), {4'750'000'000'000, 4'750'250'000'000, 4'750, -250'000'000});
  for (const PriceForm form : kGiven) {
    EXPECT_EQ(Selected("price > 4750", *prices, form), (Rows{1}));
    EXPECT_EQ(Selected("price >= 4750", *prices, form), (Rows{0, 1}));
    EXPECT_EQ(Selected("price = 4750.25", *prices, form), (Rows{1}));
    EXPECT_EQ(Selected("4750.25 != price", *prices, form), (Rows{0, 2, 3}));
    EXPECT_EQ(Selected("price in (4750, -0.25, 1)", *prices, form), (Rows{0, 3}));
    EXPECT_EQ(Selected("price between -1 and 1", *prices, form), (Rows{2, 3}));
    EXPECT_EQ(Selected("price < 1e300", *prices, form), (Rows{0, 1, 2, 3}));
    EXPECT_EQ(Selected("=", {4750.25}, *prices, form), (Rows{1}));
    EXPECT_EQ(Selected(">", {int64_t{4750}}, *prices, form), (Rows{1}));
    EXPECT_EQ(Selected("<", {HUGE_VAL}, *prices, form), (Rows{0, 1, 2, 3}));
    EXPECT_EQ(Selected("!=", {std::nan("")}, *prices, form), (Rows{0, 1, 2, 3}));
  }
  EXPECT_EQ(Selected("price > 1000000", *prices), (Rows{0, 1}));
  EXPECT_EQ(Selected("price = '0.00000475'", *prices), (Rows{2}));
  EXPECT_EQ(Selected("<", {HUGE_VAL}, *prices), (Rows{0, 1, 2, 3}));
  EXPECT_EQ(Selected(">", {Integer{"-99999999999999999999"}}, *prices), (Rows{0, 1, 2, 3}));
}

TEST(PriceLiteralTest, TextAndDecimalsArePricesInEveryForm) {
  const auto prices = Integers(InUnit("price", "1e-9"), {4'750'000'000'000, 4'750'250'000'001, 4'750});
  for (const PriceForm form : kForms) {
    EXPECT_EQ(Selected("price = '4750'", *prices, form), (Rows{0}));
    EXPECT_EQ(Selected("=", {Decimal{"4750"}}, *prices, form), (Rows{0}));
    EXPECT_EQ(Selected("=", {Decimal{"4.75E+3"}}, *prices, form), (Rows{0}));
    EXPECT_EQ(Selected("in", {Decimal{"4750.250000001"}, Decimal{"0.00000475"}}, *prices, form),
              (Rows{1, 2}));
    EXPECT_EQ(Selected("=", {Decimal{"4750.2500000011"}}, *prices, form), (Rows{}));
    EXPECT_EQ(Selected(">", {Decimal{"4750.25000000100000000000000000000000000001"}}, *prices, form),
              (Rows{}));
  }
}

TEST(PriceLiteralTest, AFractionBesideStoredPricesIsRefused) {
  const auto schema = arrow::schema({InUnit("price", "1e-9")});
  for (const char* filter :
       {"price > 4750.25", "price > 4750.0", "price > 1e3", "price in (5529000000000, 2.5)"}) {
    const auto bound = Predicate::Parse(filter)->Bind(*schema);
    ASSERT_TRUE(IsKind(bound.status(), ErrorKind::kInvalidInput)) << filter << ": " << bound.status();
    EXPECT_THAT(HintOf(bound.status()), HasSubstr("'4750.25'")) << filter;
    EXPECT_TRUE(Predicate::Parse(filter)->Bind(*schema, PriceForm::kDecimal).ok()) << filter;
  }
}

// They would select all rows, or none.
TEST(PriceLiteralTest, AWholePriceBesideStoredPricesIsRefused) {
  const auto schema = arrow::schema({InUnit("price", "1e-9")});
  for (const char* filter :
       {"price > 5529", "5529 < price", "price in (1000000, 5529)", "price between 5528 and 5529",
        "not price != 5529", "price = 1", "price = 999999", "price < -2"}) {
    const auto refused = Predicate::Parse(filter)->Bind(*schema);
    EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kInvalidInput)) << filter;
    EXPECT_THAT(refused.status().message(), HasSubstr("stores prices in units of 1e-9")) << filter;
    EXPECT_TRUE(Predicate::Parse(filter)->Bind(*schema, PriceForm::kFloat).ok()) << filter;
    EXPECT_TRUE(Predicate::Parse(filter)->Bind(*schema, PriceForm::kStored, Doubt::kTaken).ok()) << filter;
  }
  const auto refused = Predicate::Parse("price > 5529")->Bind(*schema).status();
  EXPECT_THAT(refused.message(), HasSubstr("would be the price 0.000005529"));
  for (const char* spelling : {"'5529'", "5529000000000", "5529.0", "price=\"float\"", "'0.000005529'"}) {
    EXPECT_THAT(HintOf(refused), HasSubstr(spelling));
  }
  for (const char* filter :
       {"price > 0", "price > 1000000", "price < -1000000", "price = 9223372036854775807",
        "price > -9223372036854775808", "price > 5529000000000", "price > 99999999999999999999"}) {
    EXPECT_TRUE(Predicate::Parse(filter)->Bind(*schema).ok()) << filter;
  }
  const std::vector<Term> terms = {{"price", "in", {int64_t{5529}, int64_t{5530}}}};
  EXPECT_FALSE(Predicate::FromTerms(terms)->Bind(*schema).ok());
}

TEST(TimeLiteralTest, SecondsBesideNanosecondsAreRefused) {
  const auto schema = arrow::schema({InUnit("ts_event", "ns"), InUnit("us", "us"), InUnit("s", "s")});
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"ts_event > 1709584637", "'2024-03-04T20:37:17Z', or as 1709584637000000000"},
      {"ts_event > 1709584637000", "'2024-03-04T20:37:17Z', or as 1709584637000000000"},
      {"ts_event > 1709584637000000", "'2024-03-04T20:37:17Z', or as 1709584637000000000"},
      {"1709584637.5 < ts_event", "ISO-8601 text"},
      {"ts_event in (0, 1709584637)", "1709584637000000000"},
      {"us >= 1709584637", "'2024-03-04T20:37:17Z', or as 1709584637000000"},
      {"ts_event > 1", "ISO-8601 text"},
      {"s > 1", "ISO-8601 text"}};
  for (const auto& [filter, hint] : refused) {
    const auto status = Predicate::Parse(filter)->Bind(*schema).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << filter;
    EXPECT_THAT(HintOf(status), HasSubstr(hint)) << filter;
    EXPECT_TRUE(Predicate::Parse(filter)->Bind(*schema, PriceForm::kStored, Doubt::kTaken).ok()) << filter;
  }
  for (const char* filter : {"ts_event > 0", "ts_event > -1", "ts_event > 1709584637000000000",
                             "s > 1709584637", "us > 1709584637000000", "ts_event < 9223372036854775807",
                             "ts_event > '1970-01-01T00:00:01Z'", "ts_event < 1e300"}) {
    EXPECT_TRUE(Predicate::Parse(filter)->Bind(*schema).ok()) << filter;
  }
}

TEST(NumberLiteralTest, NumbersInQuotesAreToldWithoutThem) {
  const auto schema = arrow::schema({arrow::field("size", arrow::int64()),
                                     arrow::field("f", arrow::float64()), arrow::field("n", arrow::int32())});
  for (const char* column : {"size", "f", "n"}) {
    const auto status = Predicate::Parse(std::string(column) + " > '5'")->Bind(*schema).status();
    EXPECT_EQ(HintOf(status), "Write 5 without quotes.") << column;
  }
  EXPECT_THAT(HintOf(Predicate::Parse("size > '2024-01-02'")->Bind(*schema).status()), HasSubstr("unit=ns"));
  EXPECT_THAT(HintOf(Predicate::Parse("f = NaN")->Bind(*schema).status()), HasSubstr("is nan"));
  EXPECT_THAT(HintOf(Predicate::Parse(" ").status()), HasSubstr("Leave the filter out"));
}

// The largest prices share a double with their neighbours: what the scan shows as equal is equal.
TEST(PriceLiteralTest, FloatPricesCompareAsTheDoublesThatAreGiven) {
  std::vector<int64_t> stored = {INT64_MAX, INT64_MAX - 1, INT64_MIN, -1, 0, 1, 9'007'199'254'740'993};
  for (int64_t i = 0; i < 2'000; ++i) stored.push_back(9'100'000'000'000'000'000 + i * 97);
  const auto prices = Integers(InUnit("price", "1e-9"), stored);
  const auto expect = [&](const std::string& op, double literal, auto compare) {
    Rows expected;
    for (size_t i = 0; i < stored.size(); ++i) {
      if (compare(static_cast<double>(stored[i]) / 1e9, literal)) expected.push_back(static_cast<int>(i));
    }
    EXPECT_EQ(Selected(op, {literal}, *prices, PriceForm::kFloat), expected) << op << " " << literal;
  };
  for (const double literal : {static_cast<double>(INT64_MAX) / 1e9, static_cast<double>(INT64_MIN) / 1e9,
                               static_cast<double>(stored[1'000]) / 1e9, 0.0, 1e-9, -1e-9, 5e-10, 1e300}) {
    expect("=", literal, std::equal_to<>());
    expect("!=", literal, std::not_equal_to<>());
    expect("<", literal, std::less<>());
    expect("<=", literal, std::less_equal<>());
    expect(">", literal, std::greater<>());
    expect(">=", literal, std::greater_equal<>());
    expect("in", literal, std::equal_to<>());
    expect("not in", literal, std::not_equal_to<>());
  }
}

TEST(PriceLiteralTest, AListOfFloatPricesHoldsAllThatShareItsDoubles) {
  std::vector<int64_t> stored = {INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1, -1, 0, 1};
  for (int64_t i = 0; i < 2'000; ++i) stored.push_back(9'100'000'000'000'000'000 + i * 997);
  const auto prices = Integers(InUnit("price", "1e-9"), stored);
  const auto given = [&](size_t i) { return static_cast<double>(stored[i]) / 1e9; };
  std::vector<Literal> list = {1e300, -1e300, 5e-10, std::nan("")};
  std::set<double> listed;
  for (size_t i = 0; i < stored.size(); i += i < 100 ? 1 : 7) {  // neighbours, and some apart
    list.emplace_back(given(i));
    listed.insert(given(i));
  }
  std::shuffle(list.begin(), list.end(), std::mt19937_64(1));
  Rows held, others;
  for (size_t i = 0; i < stored.size(); ++i) {
    (listed.contains(given(i)) ? held : others).push_back(static_cast<int>(i));
  }
  EXPECT_GT(others.size(), 100U);
  EXPECT_EQ(Selected("in", list, *prices, PriceForm::kFloat), held);
  EXPECT_EQ(Selected("not in", list, *prices, PriceForm::kFloat), others);
  list.emplace_back(Null());
  EXPECT_EQ(Selected("in", list, *prices, PriceForm::kFloat), held);
  EXPECT_EQ(Selected("not in", list, *prices, PriceForm::kFloat), Rows());
}

TEST(PriceLiteralTest, AListOfFloatPricesPrunes) {
  const auto schema = arrow::schema({InUnit("price", "1e-9")});
  // The stored prices from 9.1e18 on share a double by the thousand: the first of three in a row, and of one
  // behind a gap.
  const double first = 9.1e9, second = std::nextafter(first, HUGE_VAL),
               third = std::nextafter(second, HUGE_VAL);
  const auto stored = [](double price) { return static_cast<int64_t>(price * 1e9); };
  const auto prune = [&](std::vector<Literal> list, int64_t min, int64_t max) {
    schema::ColumnStatistics statistics;
    statistics.null_count = 0;
    statistics.min = std::make_shared<arrow::Int64Scalar>(min);
    statistics.max = std::make_shared<arrow::Int64Scalar>(max);
    return Predicate::FromTerms(std::vector<Term>{{"price", "in", std::move(list)}})
        ->Bind(*schema, PriceForm::kFloat)
        ->Prune([&](const std::string&) { return &statistics; }, 10);
  };
  // Nor are they the few values of a column by which files of that partition are found.
  const auto few = Predicate::FromTerms(std::vector<Term>{{"price", "in", {1.5, 2.5}}});
  const auto ranges = Predicate::FromTerms(std::vector<Term>{{"price", "in", {1.5, first}}});
  const auto keys = [&](const Predicate& list) {
    return KeysRequired(list.Bind(*schema, PriceForm::kFloat)->root(), "price");
  };
  EXPECT_EQ(keys(*few)->size(), 2U);
  EXPECT_FALSE(keys(*ranges).has_value());
  EXPECT_EQ(prune({second, first, third}, stored(first), stored(third)), Truth::kAlways);
  EXPECT_EQ(prune({first, third}, stored(first), stored(third)), Truth::kMaybe);
  EXPECT_EQ(prune({first, third}, stored(second), stored(second)), Truth::kNever);
  EXPECT_EQ(prune({first, third, Null()}, stored(second), stored(second)), Truth::kNever);
  EXPECT_EQ(prune({first, third, 1.5}, 0, 1'500'000'000), Truth::kMaybe);
  EXPECT_EQ(prune({first, third, 1.5}, 1'500'000'000, 1'500'000'000), Truth::kAlways);
  EXPECT_EQ(prune({first, third, 1.5}, 0, 1), Truth::kNever);
  EXPECT_EQ(prune({first, third}, INT64_MAX - 1, INT64_MAX), Truth::kNever);
  EXPECT_EQ(prune({first, static_cast<double>(INT64_MAX) / 1e9}, INT64_MAX - 1, INT64_MAX), Truth::kAlways);
}

TEST(PriceLiteralTest, PriceColumnsStandBesideOthersInTheirForm) {
  const auto schema = arrow::schema({InUnit("price", "1e-9"), arrow::field("size", arrow::int64()),
                                     arrow::field("vwap", arrow::float64())});
  const auto batch = arrow::RecordBatch::Make(
      schema, 2,
      {Integers(schema->field(0), {2'000'000'000, 2'500'000'000})->column(0),
       Integers(schema->field(1), {2, 2})->column(0),
       One(schema->field(2), {arrow::MakeScalar(2.25), arrow::MakeScalar(2.5)})->column(0)});
  EXPECT_EQ(Selected("price > size", *batch), (Rows{0, 1}));
  for (const PriceForm form : kGiven) {
    EXPECT_EQ(Selected("price > size", *batch, form), (Rows{1}));
    EXPECT_EQ(Selected("size = price", *batch, form), (Rows{0}));
  }
  EXPECT_EQ(Selected("price < vwap", *batch, PriceForm::kFloat), (Rows{0}));
  EXPECT_EQ(Selected("vwap = price", *batch, PriceForm::kFloat), (Rows{1}));
  const auto refused = Predicate::Parse("price < vwap")->Bind(*schema, PriceForm::kDecimal);
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kUnsupported)) << refused.status();
}

TEST(TimeLiteralTest, ReachesAsFarAsTheColumn) {
  const auto micros = Integers(arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
                               {0, 95'617'584'000'000'000, -93'692'592'000'000'000, INT64_MAX, INT64_MIN});
  EXPECT_EQ(Selected("ts = '5000-01-01'", *micros), (Rows{1}));
  EXPECT_EQ(Selected("ts > '4999-12-31T23:59:59.999999'", *micros), (Rows{1, 3}));
  EXPECT_EQ(Selected("ts < '-0999-01-01'", *micros), (Rows{4}));
  EXPECT_EQ(Selected("ts in ('-0999-01-01', '294247-01-10T04:00:54.775807')", *micros), (Rows{2, 3}));
  EXPECT_EQ(Selected("ts < '400000-01-01'", *micros), (Rows{0, 1, 2, 3, 4}));
  EXPECT_EQ(Selected("ts < '1970-01-01T00:00:00.000000000000000001'", *micros), (Rows{0, 2, 4}));

  const auto nanos = Integers(InUnit("ts_event", "ns"), {INT64_MIN, 0, INT64_MAX});
  EXPECT_EQ(Selected("ts_event < '2300-01-01'", *nanos), (Rows{0, 1, 2}));
  EXPECT_EQ(Selected("ts_event >= '2262-04-11T23:47:16.854775808'", *nanos), (Rows{}));
  EXPECT_EQ(Selected("ts_event != '9999-12-31T23:59:59'", *nanos), (Rows{0, 1, 2}));
  EXPECT_EQ(Selected("ts_event between '0001-01-01' and '1970-01-01'", *nanos), (Rows{0, 1}));
  EXPECT_EQ(Selected("ts_event in ('3000-01-01', '1970-01-01')", *nanos), (Rows{1}));

  const auto days = Integers(arrow::field("date", arrow::date32()), {INT32_MIN, -719'528, 0, INT32_MAX});
  EXPECT_EQ(Selected("date = '0000-01-01'", *days), (Rows{1}));
  EXPECT_EQ(Selected("date >= '5881580-07-11'", *days), (Rows{3}));
  EXPECT_EQ(Selected("date < '-5877641-06-23T00:00:00.000001'", *days), (Rows{0}));
  EXPECT_EQ(Selected("date < '2262-04-12T12:00:00+14:00'", *days), (Rows{0, 1, 2}));
}

TEST(NumberLiteralTest, AnyNumberOfDigitsIsExact) {
  const auto field = arrow::field("d", arrow::decimal128(38, 9));
  const auto decimal = [&](const char* text) {
    return std::make_shared<arrow::Decimal128Scalar>(arrow::Decimal128(text), field->type());
  };
  const auto decimals = One(
      field, {decimal("12345678901234567890123456789"), decimal("12345678901234567890123456788"),
              decimal("-12345678901234567890123456789"), decimal("99999999999999999999999999999999999999")});
  EXPECT_EQ(Selected("d = 12345678901234567890.123456789", *decimals), (Rows{0}));
  EXPECT_EQ(Selected("=", {Decimal{"12345678901234567890.123456788"}}, *decimals), (Rows{1}));
  // More digits than a decimal of 128 bits has.
  const std::string between = "12345678901234567890.12345678800000000000000000000000000000001";
  EXPECT_EQ(Selected("d > " + between, *decimals), (Rows{0, 3}));
  EXPECT_EQ(Selected("d = " + between, *decimals), (Rows{}));
  EXPECT_EQ(Selected("d >= -" + between, *decimals), (Rows{0, 1, 3}));
  EXPECT_EQ(Selected("d <= -" + between, *decimals), (Rows{2}));
  EXPECT_EQ(Selected("d < 123456789012345678901234567890123456789012345678901", *decimals),
            (Rows{0, 1, 2, 3}));
  EXPECT_EQ(
      Selected("d = 0000000000000000000000000000000000000000012345678901234567890.123456789000000000000",
               *decimals),
      (Rows{0}));
}

TEST(NumberLiteralTest, AnIntegerOfAnyLengthComparesExactlyWithDoubles) {
  const double big = std::ldexp(1.0, 100);  // 1267650600228229401496703205376
  const auto doubles =
      One(arrow::field("f", arrow::float64()), {arrow::MakeScalar(big), arrow::MakeScalar(HUGE_VAL),
                                                arrow::MakeScalar(-big), arrow::MakeScalar(1e308)});
  EXPECT_EQ(Selected("f = 1267650600228229401496703205376", *doubles), (Rows{0}));
  EXPECT_EQ(Selected("f = 1267650600228229401496703205377", *doubles), (Rows{}));
  EXPECT_EQ(Selected("f != 1267650600228229401496703205377", *doubles), (Rows{0, 1, 2, 3}));
  EXPECT_EQ(Selected("f > 1267650600228229401496703205375", *doubles), (Rows{0, 1, 3}));
  EXPECT_EQ(Selected("f >= 1267650600228229401496703205377", *doubles), (Rows{1, 3}));
  EXPECT_EQ(Selected("f < -1267650600228229401496703205375", *doubles), (Rows{2}));
  EXPECT_EQ(
      Selected("in",
               {Integer{"1267650600228229401496703205377"}, Integer{"-1267650600228229401496703205376"}},
               *doubles),
      (Rows{2}));
  EXPECT_EQ(Selected("<", {Integer{"1" + std::string(400, '0')}}, *doubles), (Rows{0, 2, 3}));
  EXPECT_EQ(Selected("f < 1e400", *doubles),
            (Rows{0, 2, 3}));  // an infinity, as a number with an exponent is a double
  EXPECT_EQ(Selected("f = 12676506002282294.01496703205376e14", *doubles), (Rows{0}));
}

// The digits that a double is written with are its own only behind the point.
TEST(NumberLiteralTest, AWholeDoubleIsExactBesideDecimals) {
  const auto field = arrow::field("d", arrow::decimal128(38, 9));
  const auto decimals =
      One(field, {std::make_shared<arrow::Decimal128Scalar>(
                      arrow::Decimal128("18446744073709551616000000000"), field->type()),
                  std::make_shared<arrow::Decimal128Scalar>(arrow::Decimal128("100000000"), field->type())});
  EXPECT_EQ(Selected("=", {std::ldexp(1.0, 64)}, *decimals), (Rows{0}));
  EXPECT_EQ(Selected("=", {0.1}, *decimals), (Rows{1}));
  EXPECT_EQ(Selected("<", {1e38}, *decimals), (Rows{0, 1}));
}

TEST(NumberLiteralTest, WhatIsTooSmallForAFloatIsNotZero) {
  const auto floats =
      One(arrow::field("f", arrow::float32()), {arrow::MakeScalar(0.0f), arrow::MakeScalar(0.1f)});
  EXPECT_EQ(Selected("f = 1e-60", *floats), (Rows{}));
  EXPECT_EQ(Selected("f < 1e-60", *floats), (Rows{0}));
  EXPECT_EQ(Selected("f = 0.1", *floats), (Rows{1}));
}

TEST(BytesLiteralTest, StandBesideTextAndBinaryAlone) {
  const auto binary =
      One(arrow::field("s", arrow::binary()),
          {std::make_shared<arrow::BinaryScalar>(arrow::Buffer::FromString(std::string("\xff\0z", 3)))});
  EXPECT_EQ(Selected("=", {Bytes{std::string("\xff")}}, *binary), (Rows{}));
  EXPECT_EQ(Selected(">", {Bytes{std::string("\xfe")}}, *binary), (Rows{0}));
  const auto refused = Predicate::FromTerms(std::vector<Term>{{"i", "=", {Bytes{"1"}}}})
                           ->Bind(*arrow::schema({arrow::field("i", arrow::int64())}));
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kInvalidInput)) << refused.status();
}

}  // namespace
}  // namespace marquet::predicate
