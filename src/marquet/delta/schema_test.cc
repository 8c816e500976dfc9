#include "marquet/delta/schema.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "marquet/base/error.h"

namespace marquet::delta {
namespace {

using arrow::field;

TEST(SchemaTest, EveryTypeGoesThereAndBack) {
  const auto metadata = arrow::key_value_metadata({"unit", "a \"b\""}, {"ns", "c\\d\n"});
  const auto schema = arrow::schema({
      field("byte", arrow::int8()),
      field("short", arrow::int16()),
      field("integer", arrow::int32(), false),
      field("ns time", arrow::int64(), true, metadata),
      field("float", arrow::float32()),
      field("double", arrow::float64()),
      field("decimal", arrow::decimal128(38, 9)),
      field("string ü", arrow::utf8()),
      field("binary", arrow::binary()),
      field("boolean", arrow::boolean()),
      field("date", arrow::date32()),
      field("timestamp", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
      field("struct", arrow::struct_({field("a", arrow::int8()), field("b", arrow::utf8(), false)})),
      field("array", arrow::list(field("element", arrow::int64(), false))),
      field("map",
            arrow::map(arrow::utf8(), field("value", arrow::list(field("element", arrow::float32()))))),
  });
  const auto json = SchemaToJson(*schema);
  ASSERT_TRUE(json.ok()) << json.status();
  const auto back = SchemaFromJson(*json);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE((*back)->Equals(*schema, /*check_metadata=*/true)) << (*back)->ToString(true);
  EXPECT_EQ(*SchemaToJson(**back), *json);
}

TEST(SchemaTest, TheTextIsDeltas) {
  const auto schema = arrow::schema(
      {field("id", arrow::int64(), false), field("tags", arrow::list(field("element", arrow::utf8())))});
  EXPECT_EQ(*SchemaToJson(*schema),
            R"({"type":"struct","fields":[{"name":"id","type":"long","nullable":false,"metadata":{}},)"
            R"({"name":"tags","type":{"type":"array","elementType":"string","containsNull":true},)"
            R"("nullable":true,"metadata":{}}]})");
}

TEST(SchemaTest, TypesThatDeltaLacksAreRefusedWithWhatToUse) {
  const std::vector<std::pair<std::shared_ptr<arrow::DataType>, std::string>> types = {
      {arrow::uint8(), "int16"},
      {arrow::uint64(), "decimal128(20, 0)"},
      {arrow::timestamp(arrow::TimeUnit::NANO, "UTC"), "unit=ns"},
      {arrow::timestamp(arrow::TimeUnit::MICRO), "timestamp[us, UTC]"},
      {arrow::dictionary(arrow::int32(), arrow::utf8()), "value type"},
      {arrow::time64(arrow::TimeUnit::MICRO), "int64 of nanoseconds since midnight"},
      {arrow::null(), "the type that its values will have"},
      {arrow::float16(), "float"},
      {arrow::decimal64(10, 2), "decimal128"},
      {arrow::decimal256(50, 2), "string"},
      {arrow::date64(), "date32"},
      {arrow::duration(arrow::TimeUnit::NANO), "int64"},
      {arrow::month_day_nano_interval(), "one integer column for each part"},
      {arrow::fixed_size_binary(4), "binary"},
      {arrow::list(arrow::fixed_size_list(arrow::int64(), 2)), "list"},
      {arrow::run_end_encoded(arrow::int32(), arrow::utf8()), "type of the values"},
      {arrow::dense_union(arrow::FieldVector{field("a", arrow::int64())}), "one nullable column"},
      {arrow::struct_({field("inner", arrow::uint16())}), "int32"},
      {arrow::decimal128(5, -2), "scale"},
  };
  for (const auto& [type, hint] : types) {
    const auto json = SchemaToJson(*arrow::schema({field("outer", type)}));
    ASSERT_TRUE(IsKind(json.status(), ErrorKind::kSchema)) << type->ToString();
    EXPECT_NE(json.status().message().find("outer"), std::string::npos) << json.status();
    EXPECT_NE(HintOf(json.status()).find(hint), std::string::npos) << json.status();
  }
}

TEST(SchemaTest, DamagedTextIsRefused) {
  const std::vector<std::pair<std::string, ErrorKind>> cases = {
      {"", ErrorKind::kCorruptData},
      {"[]", ErrorKind::kCorruptData},
      {R"({"type":"array"})", ErrorKind::kCorruptData},
      {R"({"type":"struct"})", ErrorKind::kCorruptData},
      {R"({"type":"struct","fields":[{"name":"a"}]})", ErrorKind::kCorruptData},
      {R"({"type":"struct","fields":[{"name":"a","type":7}]})", ErrorKind::kCorruptData},
      {R"({"type":"struct","fields":[{"name":"a","type":{"type":"map","keyType":"string"}}]})",
       ErrorKind::kCorruptData},
      {R"json({"type":"struct","fields":[{"name":"a","type":"decimal(99,1)"}]})json",
       ErrorKind::kCorruptData},
      {R"json({"type":"struct","fields":[{"name":"a","type":"decimal(x)"}]})json", ErrorKind::kUnsupported},
      {R"({"type":"struct","fields":[{"name":"a","type":"variant"}]})", ErrorKind::kUnsupported},
  };
  for (const auto& [text, kind] : cases) {
    const auto schema = SchemaFromJson(text);
    EXPECT_EQ(KindOf(schema.status()), kind) << text << ": " << schema.status();
  }
}

TEST(SchemaTest, DecimalsAreReadExactlyAndWhatIsOutOfRangeIsToldAsItIsSpelt) {
  const auto read = [](const std::string& type) -> arrow::Result<std::shared_ptr<arrow::DataType>> {
    ARROW_ASSIGN_OR_RAISE(const auto schema,
                          SchemaFromJson(R"({"type":"struct","fields":[{"name":"a","type":")" + type +
                                         R"(","nullable":true,"metadata":{}}]})"));
    return schema->field(0)->type();
  };
  EXPECT_TRUE(read("decimal").ValueOrDie()->Equals(arrow::decimal128(10, 0)));
  EXPECT_TRUE(read("decimal(38,38)").ValueOrDie()->Equals(arrow::decimal128(38, 38)));
  EXPECT_TRUE(read("decimal( 10 , 2 )").ValueOrDie()->Equals(arrow::decimal128(10, 2)));
  // The second one is 2^32 + 10: more than an int holds.
  for (const std::string type :
       {"decimal(999999999999,-3)", "decimal(4294967306,2)", "decimal(39,3)", "decimal(5,6)", "decimal(5,-1)",
        "decimal(0,0)", "decimal(-5,2)", "decimal(99999999999999999999999999,2)",
        "decimal(5,-99999999999999999999999999)"}) {
    const auto status = read(type).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << type;
    EXPECT_EQ(status.message(),
              "table schema: column 'a': '" + type +
                  "' is out of range; expected decimal(P,S) with P from 1 to 38 and S from 0 to P");
  }
  for (const char* type : {"decimal(10,2", "decimal(10,2)x", "decimal(10)", "decimal(,2)", "decimal(10,)",
                           "decimal(1 0,2)", "decimal[10,2]", "decimals", "decimal(1.5,0)"}) {
    const auto status = read(type).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kUnsupported)) << type;
    EXPECT_NE(status.message().find(type), std::string::npos) << status;
  }
}

TEST(PartitionValueTest, ValuesGoThereAndBack) {
  const auto us = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  const std::vector<std::pair<std::shared_ptr<arrow::Scalar>, std::string>> cases = {
      {arrow::MakeScalar(std::string("A/B ü")), "A/B ü"},
      {arrow::MakeScalar(int8_t{-128}), "-128"},
      {arrow::MakeScalar(INT64_MIN), "-9223372036854775808"},
      {arrow::MakeScalar(true), "true"},
      {arrow::MakeScalar(0.1), "0.1"},
      {arrow::MakeScalar(0.1f), "0.1"},
      {std::make_shared<arrow::Date32Scalar>(19'724), "2024-01-02"},
      {std::make_shared<arrow::Date32Scalar>(-1), "1969-12-31"},
      {std::make_shared<arrow::TimestampScalar>(1'704'164'645'000'006, us), "2024-01-02T03:04:05.000006Z"},
      {std::make_shared<arrow::TimestampScalar>(-1, us), "1969-12-31T23:59:59.999999Z"},
      {std::make_shared<arrow::TimestampScalar>(253'402'300'799'999'999, us), "9999-12-31T23:59:59.999999Z"},
      {std::make_shared<arrow::Decimal128Scalar>(arrow::Decimal128(-12345), arrow::decimal128(10, 2)),
       "-123.45"},
  };
  for (const auto& [scalar, text] : cases) {
    const auto spelt = PartitionValueToText(*scalar);
    ASSERT_TRUE(spelt.ok()) << spelt.status();
    EXPECT_EQ(*spelt, text);
    const auto back = PartitionValueFromText(text, scalar->type);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_TRUE((*back)->Equals(*scalar)) << (*back)->ToString();
  }
}

TEST(PartitionValueTest, OthersSpellingsAreUnderstood) {
  const auto us = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  const auto value = [&](const char* text) {
    return std::static_pointer_cast<arrow::TimestampScalar>(*PartitionValueFromText(text, us))->value;
  };
  EXPECT_EQ(value("2024-01-02 03:04:05"), 1'704'164'645'000'000);
  EXPECT_EQ(value("2024-01-02 03:04:05.000006"), 1'704'164'645'000'006);
  EXPECT_EQ(value("2024-01-02T03:04:05.000006Z"), 1'704'164'645'000'006);
  EXPECT_FALSE((*PartitionValueFromText("", arrow::int64()))->is_valid);
}

// As IEEE, Java, Rust and Python name them; a subnormal number, and a zero with its sign.
TEST(PartitionValueTest, FloatingValuesGoThereAndBack) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const auto& [value, text] : std::vector<std::pair<double, std::string>>{{nan, "NaN"},
                                                                               {-nan, "NaN"},
                                                                               {inf, "Infinity"},
                                                                               {-inf, "-Infinity"},
                                                                               {-0.0, "-0"},
                                                                               {5e-324, "5e-324"}}) {
    EXPECT_EQ(PartitionValueToText(arrow::DoubleScalar(value)).ValueOrDie(), text);
    const auto back = PartitionValueFromText(text, arrow::float64()).ValueOrDie();
    const double read = static_cast<const arrow::DoubleScalar&>(*back).value;
    EXPECT_TRUE(std::isnan(value) ? std::isnan(read)
                                  : value == read && std::signbit(value) == std::signbit(read))
        << text << ": " << read;
  }
  EXPECT_EQ(PartitionValueToText(arrow::FloatScalar(-INFINITY)).ValueOrDie(), "-Infinity");
  for (const char* text : {"nan", "-nan", "inf", "-inf", "1e-320", "1.0E10"}) {
    EXPECT_TRUE(PartitionValueFromText(text, arrow::float64()).ok()) << text;
  }
  EXPECT_TRUE(PartitionValueFromText("1e-45", arrow::float32()).ok());
}

TEST(PartitionValueTest, YearsThatTheLogCannotSpellAreRefused) {
  const auto us = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  for (const int32_t days : {2'932'897, -719'163, INT32_MAX, INT32_MIN}) {
    EXPECT_TRUE(IsKind(PartitionValueToText(arrow::Date32Scalar(days)).status(), ErrorKind::kInvalidInput))
        << days;
  }
  for (const int64_t micros : {253'402'300'800'000'000, -62'135'596'800'000'001, INT64_MAX, INT64_MIN}) {
    EXPECT_TRUE(
        IsKind(PartitionValueToText(arrow::TimestampScalar(micros, us)).status(), ErrorKind::kInvalidInput))
        << micros;
  }
}

// They are read, and spelt: tables hold them.
TEST(PartitionValueTest, NegativeDecimalsWithAFractionAreNotForNewValues) {
  const auto spelt = [](const char* digits, int32_t scale) {
    return NewPartitionValueToText(
        arrow::Decimal128Scalar(arrow::Decimal128(digits), arrow::decimal128(38, scale)));
  };
  EXPECT_EQ(spelt("1", 2).ValueOrDie(), "0.01");
  EXPECT_EQ(spelt("0", 2).ValueOrDie(), "0.00");
  EXPECT_EQ(spelt("-100", 2).ValueOrDie(), "-1.00");
  EXPECT_EQ(spelt("-1", 0).ValueOrDie(), "-1");
  EXPECT_EQ(spelt("-99999999999999999999999999999999999999", 0).ValueOrDie(), "-" + std::string(38, '9'));
  EXPECT_EQ(spelt("99999999999999999999999999999999999999", 38).ValueOrDie(), "0." + std::string(38, '9'));
  for (const auto& [digits, scale] : std::vector<std::pair<const char*, int32_t>>{
           {"-1", 2}, {"-150", 2}, {"-1", 38}, {"-99999999999999999999999999999999999999", 9}}) {
    const auto refused = spelt(digits, scale).status();
    EXPECT_TRUE(IsKind(refused, ErrorKind::kInvalidInput)) << digits;
    const auto text = PartitionValueToText(
        arrow::Decimal128Scalar(arrow::Decimal128(digits), arrow::decimal128(38, scale)));
    EXPECT_THAT(refused.message(), testing::HasSubstr(text.ValueOrDie())) << digits;
  }
}

// Of tables that hold them already.
TEST(PartitionValueTest, YearsThatTheLogShouldNotSpellAreRead) {
  const auto days = [](const char* text) {
    return static_cast<const arrow::Date32Scalar&>(
               *PartitionValueFromText(text, arrow::date32()).ValueOrDie())
        .value;
  };
  EXPECT_EQ(days("10000-01-01"), 2'932'897);
  EXPECT_EQ(days("+12024-02-29"), 3'672'207);
  EXPECT_EQ(days("0000-12-31"), -719'163);
  EXPECT_EQ(days("-001-12-31"), -719'529);
  EXPECT_EQ(days("-0004-02-29"), -720'930);
  EXPECT_EQ(days("5881580-07-11"), INT32_MAX);
  EXPECT_EQ(days("-5877641-06-23"), INT32_MIN);
  const auto us = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  const auto micros = [&](const char* text) {
    return static_cast<const arrow::TimestampScalar&>(*PartitionValueFromText(text, us).ValueOrDie()).value;
  };
  EXPECT_EQ(micros("10000-01-01T00:00:00.000000Z"), 253'402'300'800'000'000);
  EXPECT_EQ(micros("-290308-12-21T19:59:05.224192Z"), INT64_MIN);
  for (const char* text :
       {"5881580-07-12", "12023-02-29", "99999999-01-01", "-1-01-01", "+-001-01-01", "-"}) {
    EXPECT_TRUE(IsKind(PartitionValueFromText(text, arrow::date32()).status(), ErrorKind::kCorruptData))
        << text;
  }
  EXPECT_TRUE(IsKind(PartitionValueFromText("300000-01-01T00:00:00Z", us).status(), ErrorKind::kCorruptData));
}

TEST(PartitionValueTest, NonsenseIsCorrupt) {
  const std::vector<std::pair<std::string, std::shared_ptr<arrow::DataType>>> cases = {
      {"300", arrow::int8()},
      {"1x", arrow::int64()},
      {"x", arrow::float64()},
      {"yes", arrow::boolean()},
      {"2024-13-01", arrow::date32()},
      {"20240101", arrow::date32()},
      {"1.23456", arrow::decimal128(5, 2)},
      {"12345", arrow::decimal128(5, 2)},
      {"now", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")}};
  for (const auto& [text, type] : cases) {
    const auto value = PartitionValueFromText(text, type);
    EXPECT_TRUE(IsKind(value.status(), ErrorKind::kCorruptData)) << text << ": " << value.status();
  }
  EXPECT_TRUE(
      IsKind(PartitionValueFromText("x", arrow::list(arrow::int8())).status(), ErrorKind::kUnsupported));
}

}  // namespace
}  // namespace marquet::delta
