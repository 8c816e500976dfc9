#include "marquet/predicate/predicate.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/schema/column_statistics.h"

namespace marquet::predicate {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::shared_ptr<arrow::Field> WithUnit(std::string name, std::string unit) {
  return arrow::field(std::move(name), arrow::int64(), true,
                      arrow::key_value_metadata({"unit"}, {std::move(unit)}));
}

std::shared_ptr<arrow::Schema> Columns() {
  return arrow::schema({arrow::field("i", arrow::int64()), arrow::field("d", arrow::float64()),
                        arrow::field("s", arrow::utf8()), arrow::field("b", arrow::boolean()),
                        WithUnit("ts_event", "ns"),
                        arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
                        arrow::field("date", arrow::date32()), arrow::field("dec", arrow::decimal128(20, 3)),
                        arrow::field("small", arrow::int8()), arrow::field("big", arrow::uint64()),
                        WithUnit("price", "1e-9"), arrow::field("f", arrow::float32())});
}

// One column from values written as Arrow's JSON would be; null rows as nullopt.
template <typename Builder, typename T>
std::shared_ptr<arrow::Array> ArrayOf(const std::shared_ptr<arrow::DataType>& type,
                                      const std::vector<std::optional<T>>& values) {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  EXPECT_TRUE(arrow::MakeBuilder(arrow::default_memory_pool(), type, &builder).ok());
  for (const auto& value : values) {
    auto& typed = static_cast<Builder&>(*builder);
    EXPECT_TRUE((value ? typed.Append(*value) : typed.AppendNull()).ok());
  }
  return builder->Finish().ValueOrDie();
}

// The rows that a filter over one column selects.
template <typename Builder, typename T>
std::vector<int> Selected(std::string_view filter, const std::shared_ptr<arrow::Field>& field,
                          const std::vector<std::optional<T>>& values) {
  const auto schema = arrow::schema({field});
  const auto batch = arrow::RecordBatch::Make(schema, static_cast<int64_t>(values.size()),
                                              {ArrayOf<Builder, T>(field->type(), values)});
  const auto predicate = Predicate::Parse(filter);
  EXPECT_TRUE(predicate.ok()) << predicate.status();
  const auto bound = predicate->Bind(*schema);
  EXPECT_TRUE(bound.ok()) << bound.status();
  std::vector<uint8_t> selected;
  EXPECT_TRUE(bound->Evaluate(*batch, &selected).ok());
  std::vector<int> rows;
  for (size_t i = 0; i < selected.size(); ++i) {
    if (selected[i] != 0) rows.push_back(static_cast<int>(i));
  }
  return rows;
}

using Rows = std::vector<int>;
constexpr auto kNull = std::nullopt;

Rows Ints(std::string_view filter, const std::vector<std::optional<int64_t>>& values) {
  return Selected<arrow::Int64Builder, int64_t>(filter, arrow::field("i", arrow::int64()), values);
}
Rows Doubles(std::string_view filter, const std::vector<std::optional<double>>& values) {
  return Selected<arrow::DoubleBuilder, double>(filter, arrow::field("d", arrow::float64()), values);
}
Rows Strings(std::string_view filter, const std::vector<std::optional<std::string>>& values) {
  return Selected<arrow::StringBuilder, std::string>(filter, arrow::field("s", arrow::utf8()), values);
}

TEST(PredicateTest, IntegersAgainstFractionsAreExact) {
  const std::vector<std::optional<int64_t>> values = {2, 3, -2, -3, kNull};
  EXPECT_EQ(Ints("i < 2.5", values), (Rows{0, 2, 3}));
  EXPECT_EQ(Ints("i <= 2.5", values), (Rows{0, 2, 3}));
  EXPECT_EQ(Ints("i > 2.5", values), (Rows{1}));
  EXPECT_EQ(Ints("i >= -2.5", values), (Rows{0, 1, 2}));
  EXPECT_EQ(Ints("i = 2.5", values), (Rows{}));
  EXPECT_EQ(Ints("i != 2.5", values), (Rows{0, 1, 2, 3}));
  EXPECT_EQ(Ints("i = 2.0", values), (Rows{0}));
  EXPECT_EQ(Ints("2.5 > i", values), (Rows{0, 2, 3}));
  EXPECT_EQ(Ints("i in (2.5, 3.0, -2)", values), (Rows{1, 2}));
}

TEST(PredicateTest, IntegersAtTheEndsOfTheirRange) {
  const std::vector<std::optional<int64_t>> values = {INT64_MIN, INT64_MAX, 0, 9007199254740993};
  EXPECT_EQ(Ints("i = -9223372036854775808", values), (Rows{0}));
  EXPECT_EQ(Ints("i = 9223372036854775807", values), (Rows{1}));
  EXPECT_EQ(Ints("i < 9223372036854775808", values), (Rows{0, 1, 2, 3}));
  EXPECT_EQ(Ints("i >= 9223372036854775808", values), (Rows{}));
  EXPECT_EQ(Ints("i < 1e300 and i > -1e300", values), (Rows{0, 1, 2, 3}));
  EXPECT_EQ(Ints("i = 9007199254740993", values), (Rows{3}));
  EXPECT_EQ(Ints("i = 9007199254740992.0", values), (Rows{}));
  EXPECT_EQ(Ints("i < 1e-300", values), (Rows{0, 2}));
}

TEST(PredicateTest, DoublesAgainstIntegersThatNoDoubleEquals) {
  const std::vector<std::optional<double>> values = {9007199254740992.0, 9007199254740994.0, NAN};
  EXPECT_EQ(Doubles("d = 9007199254740993", values), (Rows{}));
  EXPECT_EQ(Doubles("d != 9007199254740993", values), (Rows{0, 1, 2}));
  EXPECT_EQ(Doubles("d < 9007199254740993", values), (Rows{0}));
  EXPECT_EQ(Doubles("d > 9007199254740993", values), (Rows{1}));
  EXPECT_EQ(Doubles("d in (9007199254740993, 9007199254740994)", values), (Rows{1}));
}

TEST(PredicateTest, NaNFollowsIeeeAndZeroHasNoSign) {
  const std::vector<std::optional<double>> values = {NAN, -0.0, 0.0, 1.0, kNull, INFINITY, -INFINITY};
  EXPECT_EQ(Doubles("d = 0", values), (Rows{1, 2}));
  EXPECT_EQ(Doubles("d in (-0.0)", values), (Rows{1, 2}));
  EXPECT_EQ(Doubles("d != 1", values), (Rows{0, 1, 2, 5, 6}));
  EXPECT_EQ(Doubles("not (d > 0.5)", values), (Rows{0, 1, 2, 6}));
  EXPECT_EQ(Doubles("d <= 0.5", values), (Rows{1, 2, 6}));
  EXPECT_EQ(Doubles("d is nan", values), (Rows{0}));
  EXPECT_EQ(Doubles("d is not nan", values), (Rows{1, 2, 3, 5, 6}));
  EXPECT_EQ(Doubles("d is null", values), (Rows{4}));
  EXPECT_EQ(Doubles("d is not null", values), (Rows{0, 1, 2, 3, 5, 6}));
  EXPECT_EQ(Doubles("d not between -1 and 1", values), (Rows{0, 5, 6}));
  EXPECT_EQ(Doubles("d not in (0, 1)", values), (Rows{0, 5, 6}));
}

TEST(PredicateTest, NullIsUnknown) {
  const std::vector<std::optional<int64_t>> values = {1, kNull, 3};
  EXPECT_EQ(Ints("i = null", values), (Rows{}));
  EXPECT_EQ(Ints("not (i = null)", values), (Rows{}));
  EXPECT_EQ(Ints("i in (1, null)", values), (Rows{0}));
  EXPECT_EQ(Ints("i not in (1, null)", values), (Rows{}));
  EXPECT_EQ(Ints("i not in (1)", values), (Rows{2}));
  EXPECT_EQ(Ints("i = 1 or i is null", values), (Rows{0, 1}));
  EXPECT_EQ(Ints("not (i = 1 and i = 7)", values), (Rows{0, 2}));
}

TEST(PredicateTest, StringsCompareByBytes) {
  const std::vector<std::optional<std::string>> values = {"", "A", "a", "\xC3\xA9", "a'b", kNull};
  EXPECT_EQ(Strings("s = ''", values), (Rows{0}));
  EXPECT_EQ(Strings("s < 'a'", values), (Rows{0, 1}));
  EXPECT_EQ(Strings("s > 'z'", values), (Rows{3}));
  EXPECT_EQ(Strings("s = 'a''b'", values), (Rows{4}));
  EXPECT_EQ(Strings("s between 'A' and 'a'", values), (Rows{1, 2}));
  EXPECT_EQ(Strings("s in ('a', 'A', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i')", values), (Rows{1, 2}));
}

TEST(PredicateTest, Like) {
  const std::vector<std::optional<std::string>> values = {"ESH4",      "ES",  "NQH4", "E%H",
                                                          "\xC3\xA9s", kNull, ""};
  EXPECT_EQ(Strings("s like 'ES%'", values), (Rows{0, 1}));
  EXPECT_EQ(Strings("s not like 'ES%'", values), (Rows{2, 3, 4, 6}));
  EXPECT_EQ(Strings("s like '%H4'", values), (Rows{0, 2}));
  EXPECT_EQ(Strings("s like '_s'", values), (Rows{4}));
  EXPECT_EQ(Strings("s like '__'", values), (Rows{1, 4}));
  EXPECT_EQ(Strings("s like 'E!%%' escape '!'", values), (Rows{3}));
  EXPECT_EQ(Strings("s like 'ES'", values), (Rows{1}));
  EXPECT_EQ(Strings("s like '%'", values), (Rows{0, 1, 2, 3, 4, 6}));
  EXPECT_EQ(Strings("s like '%S%4'", values), (Rows{0}));
}

TEST(PredicateTest, LikeThatBacktracksIsNotExponential) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "%a";
  EXPECT_EQ(Strings("s like '" + pattern + "b'", {std::string(5000, 'a')}), (Rows{}));
}

TEST(PredicateTest, TimesAsText) {
  const int64_t second = 1'000'000'000;
  const int64_t day = 1704153600 * second;  // 2024-01-02
  const std::vector<std::optional<int64_t>> nanos = {day, day + 1, day - 1, kNull};
  auto select = [&](std::string_view filter) {
    return Selected<arrow::Int64Builder, int64_t>(filter, WithUnit("ts_event", "ns"), nanos);
  };
  EXPECT_EQ(select("ts_event >= '2024-01-02'"), (Rows{0, 1}));
  EXPECT_EQ(select("ts_event = '2024-01-02T00:00:00.000000001Z'"), (Rows{1}));
  EXPECT_EQ(select("ts_event < timestamp '2024-01-02T01:00:00+01:00'"), (Rows{2}));
  EXPECT_EQ(select("ts_event = 1704153600000000001"), (Rows{1}));

  const auto ts = arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"));
  const std::vector<std::optional<int64_t>> micros = {day / 1000, day / 1000 + 1};
  auto select_micros = [&](std::string_view filter) {
    return Selected<arrow::TimestampBuilder, int64_t>(filter, ts, micros);
  };
  // Between two microseconds.
  EXPECT_EQ(select_micros("ts < '2024-01-02T00:00:00.000000500'"), (Rows{0}));
  EXPECT_EQ(select_micros("ts = '2024-01-02T00:00:00.000000500'"), (Rows{}));
  EXPECT_EQ(select_micros("ts > '2024-01-02T00:00:00.000000500'"), (Rows{1}));

  const std::vector<std::optional<int32_t>> days = {19724, 19725, -400000};
  auto select_days = [&](std::string_view filter) {
    return Selected<arrow::Date32Builder, int32_t>(filter, arrow::field("date", arrow::date32()), days);
  };
  EXPECT_EQ(select_days("date = '2024-01-02'"), (Rows{0}));
  EXPECT_EQ(select_days("date < '2024-01-02T12:00:00'"), (Rows{0, 2}));
  EXPECT_EQ(select_days("date < date '1000-01-01'"), (Rows{2}));
}

TEST(PredicateTest, DecimalsAreExact) {
  const auto field = arrow::field("dec", arrow::decimal128(38, 3));
  const std::vector<std::optional<arrow::Decimal128>> values = {
      arrow::Decimal128(100), arrow::Decimal128(101), arrow::Decimal128(-2500), kNull};
  auto select = [&](std::string_view filter) {
    return Selected<arrow::Decimal128Builder, arrow::Decimal128>(filter, field, values);
  };
  EXPECT_EQ(select("dec = 0.1"), (Rows{0}));
  EXPECT_EQ(select("dec > 0.1"), (Rows{1}));
  EXPECT_EQ(select("dec > 0.1005"), (Rows{1}));
  EXPECT_EQ(select("dec = 0.1005"), (Rows{}));
  EXPECT_EQ(select("dec = -2.5"), (Rows{2}));
  EXPECT_EQ(select("dec = '0.101'"), (Rows{1}));
  EXPECT_EQ(select("dec < 1e60 and dec > -1e60"), (Rows{0, 1, 2}));
  EXPECT_EQ(select("dec in (0.1, 0.1001)"), (Rows{0}));
}

TEST(PredicateTest, PricesCompareAsStoredAndTextAsPrices) {
  const auto selected = [](std::string_view filter) {
    return Selected<arrow::Int64Builder, int64_t>(
        filter, WithUnit("price", "1e-9"),
        {4'750'250'000'000, 4'750'250'000'001, -250'000'000, INT64_MAX, kNull});
  };
  EXPECT_EQ(selected("price > 4750250000000"), (Rows{1, 3}));
  EXPECT_EQ(selected("price > '4750.25'"), (Rows{1, 3}));
  EXPECT_EQ(selected("price = '4750.250000001'"), (Rows{1}));
  EXPECT_EQ(selected("price = '4750.2500000001'"), Rows());
  EXPECT_EQ(selected("price between '-1' and '4750.25'"), (Rows{0, 2}));
  EXPECT_EQ(selected("price in ('-0.25', '4750.25')"), (Rows{0, 2}));
  EXPECT_EQ(selected("price < '1e300'"), (Rows{0, 1, 2, 3}));
}

TEST(PredicateErrorTest, TextAgainstAPriceSaysHowToWriteIt) {
  const auto bound = Predicate::Parse("price > 'dear'")->Bind(*Columns());
  ASSERT_TRUE(IsKind(bound.status(), ErrorKind::kInvalidInput)) << bound.status();
  EXPECT_THAT(HintOf(bound.status()), HasSubstr("'4750.25'"));
}

TEST(PredicateTest, SinglePrecisionColumnsFindTheirOwnDecimals) {
  EXPECT_EQ(
      (Selected<arrow::FloatBuilder, float>("f = 0.1", arrow::field("f", arrow::float32()), {0.1f, 0.2f})),
      (Rows{0}));
}

TEST(PredicateTest, ColumnAgainstColumn) {
  const auto schema = arrow::schema({arrow::field("i", arrow::int64()), arrow::field("d", arrow::float64()),
                                     WithUnit("ts_event", "ns"),
                                     arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
                                     arrow::field("m", arrow::decimal128(10, 2))});
  const auto batch = arrow::RecordBatch::Make(
      schema, 4,
      {ArrayOf<arrow::Int64Builder, int64_t>(arrow::int64(), {9007199254740993, 1, 2, kNull}),
       ArrayOf<arrow::DoubleBuilder, double>(arrow::float64(), {9007199254740992.0, 1.0, NAN, 1.0}),
       ArrayOf<arrow::Int64Builder, int64_t>(arrow::int64(), {1500, 2000, 0, 0}),
       ArrayOf<arrow::TimestampBuilder, int64_t>(schema->field(3)->type(), {1, 2, INT64_MAX, kNull}),
       ArrayOf<arrow::Decimal128Builder, arrow::Decimal128>(
           schema->field(4)->type(),
           {arrow::Decimal128(1), arrow::Decimal128(100), arrow::Decimal128(201), arrow::Decimal128(0)})});
  auto select = [&](std::string_view filter) {
    const auto bound = Predicate::Parse(filter)->Bind(*schema);
    EXPECT_TRUE(bound.ok()) << bound.status();
    std::vector<uint8_t> selected;
    EXPECT_TRUE(bound->Evaluate(*batch, &selected).ok());
    Rows rows;
    for (size_t i = 0; i < selected.size(); ++i) {
      if (selected[i] != 0) rows.push_back(static_cast<int>(i));
    }
    return rows;
  };
  EXPECT_EQ(select("i > d"), (Rows{0}));
  EXPECT_EQ(select("d < i"), (Rows{0}));
  EXPECT_EQ(select("i = d"), (Rows{1}));
  EXPECT_EQ(select("i != d"), (Rows{0, 2}));
  EXPECT_EQ(select("ts_event = ts"), (Rows{1}));
  EXPECT_EQ(select("ts_event > ts"), (Rows{0}));
  EXPECT_EQ(select("ts > ts_event"), (Rows{2}));
  EXPECT_EQ(select("i = m"), (Rows{1}));
  EXPECT_EQ(select("m > i"), (Rows{2}));
}

TEST(PredicateTest, BooleanColumnsStandAlone) {
  const auto field = arrow::field("b", arrow::boolean());
  const std::vector<std::optional<bool>> values = {true, false, kNull};
  auto select = [&](std::string_view filter) {
    return Selected<arrow::BooleanBuilder, bool>(filter, field, values);
  };
  EXPECT_EQ(select("b"), (Rows{0}));
  EXPECT_EQ(select("not b"), (Rows{1}));
  EXPECT_EQ(select("b = false"), (Rows{1}));
  EXPECT_EQ(select("true"), (Rows{0, 1, 2}));
  EXPECT_EQ(select("b and false"), (Rows{}));
  EXPECT_TRUE(
      IsKind(Predicate::Parse("").status(), ErrorKind::kInvalidInput));  // an unset variable, most often
}

TEST(PredicateTest, QuotedNames) {
  EXPECT_EQ((Selected<arrow::Int64Builder, int64_t>("\"a \"\"b\"\"\" = 1",
                                                    arrow::field("a \"b\"", arrow::int64()), {1, 2})),
            (Rows{0}));
}

std::string ErrorOf(std::string_view filter) {
  auto parsed = Predicate::Parse(filter);
  const arrow::Status status = parsed.ok() ? parsed->Bind(*Columns()).status() : parsed.status();
  EXPECT_FALSE(status.ok()) << filter;
  return status.ok() ? "" : status.message();
}

TEST(PredicateErrorTest, ShowsWhere) {
  EXPECT_EQ(ErrorOf("i = 3 and size < 5"),
            "filter: there is no column 'size' at byte 10\n  i = 3 and size < 5\n            ^");
  EXPECT_EQ(ErrorOf("i = 'x'"),
            "filter: 'x' does not fit column 'i' of type int64 at byte 4\n  i = 'x'\n      ^");
  EXPECT_THAT(ErrorOf("i >"), HasSubstr("expected a column or a value, found the end at byte 3"));
  EXPECT_THAT(ErrorOf("i = 1 i"), HasSubstr("expected 'and', 'or' or the end, found 'i' at byte 6"));
  EXPECT_THAT(ErrorOf("(i = 1"), HasSubstr("expected ')', found the end"));
  EXPECT_THAT(ErrorOf("s = 'abc"), HasSubstr("the string that begins here does not end at byte 4"));
  EXPECT_THAT(ErrorOf("i = 1 ; drop"), HasSubstr("';' has no meaning here at byte 6"));
  EXPECT_THAT(ErrorOf("i"), HasSubstr("column 'i' alone is no condition: it is int64, not bool"));
  EXPECT_THAT(ErrorOf("1 = 1"), HasSubstr("a comparison needs a column on one side"));
  EXPECT_THAT(ErrorOf("i in ()"), HasSubstr("expected a value, found ')'"));
  EXPECT_THAT(ErrorOf("i = 12abc"), HasSubstr("'12abc' is not a number"));
  EXPECT_THAT(ErrorOf("ts = 5"), HasSubstr("5 does not fit column 'ts'"));
  EXPECT_THAT(ErrorOf("ts = 'yesterday'"), HasSubstr("'yesterday' does not fit column 'ts'"));
  EXPECT_THAT(ErrorOf("i is nan"), HasSubstr("'is nan' asks for a floating column"));
  EXPECT_THAT(ErrorOf("i like 'a%'"), HasSubstr("'like' asks for a string column"));
  EXPECT_THAT(ErrorOf("s < i"), HasSubstr("cannot be compared"));
  EXPECT_THAT(ErrorOf("\xC3\xA9\xC3\xA9 = 1 and = 2"),
              HasSubstr("\n  \xC3\xA9\xC3\xA9 = 1 and = 2\n             ^"));
}

TEST(PredicateErrorTest, HintsSayHowItIsWritten) {
  const auto hint_of = [](std::string_view filter) {
    auto parsed = Predicate::Parse(filter);
    return HintOf(parsed.ok() ? parsed->Bind(*Columns()).status() : parsed.status());
  };
  for (const char* filter : {"s = \"ES'H4\"", "\"ES'H4\" = s", "s in (\"ES'H4\")", "s like \"ES'H4\"",
                             "s between \"ES'H4\" and 'b'", "s in ('a', \"ES'H4\")"}) {
    EXPECT_EQ(hint_of(filter),
              "text goes into single quotes: 'ES''H4'; double quotes are for names of columns")
        << filter;
  }
  for (const char* filter : {"s = ESH4", "ESH4 = s", "i = 3 and s != ESH4"}) {
    EXPECT_THAT(hint_of(filter), StartsWith("text goes into single quotes: 'ESH4'; the columns are "))
        << filter;
  }
  for (const char* filter : {"s in (ESH4)", "s in ('a', ESH4)", "s between ESH4 and 'b'", "s like ESH4"}) {
    EXPECT_EQ(hint_of(filter), "text goes into single quotes: 'ESH4'") << filter;
  }
  // A name that is near may be meant as well, and beside a number no text is.
  EXPECT_THAT(hint_of("s = \"S1\""), EndsWith("double quotes are for names of columns; did you mean 's'?"));
  EXPECT_THAT(hint_of("i = ESH4"), StartsWith("the columns are "));
  for (const char* filter :
       {"ts > 2024-01-02", "ts > 2024-01-02T14:30", "ts between 2024-01-02 and '2025'"}) {
    EXPECT_THAT(hint_of(filter), HasSubstr("a time goes into single quotes")) << filter;
  }
  EXPECT_THAT(ErrorOf("ts > 2024-01-02"), HasSubstr("a time without quotes at byte 5"));
  for (const char* filter :
       {"i + 1 > 5", "i = 1 && i = 2", "i * 2 = 4", "i = 1, i = 2", "i = 14:30", "i ="}) {
    EXPECT_THAT(hint_of(filter), HasSubstr("docs/cli.md")) << filter;
  }
}

TEST(PredicateErrorTest, UnknownColumnsAreNotFoundAndNameNearOnes) {
  const auto status = Predicate::Parse("ts_evnt > 5")->Bind(*Columns()).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kNotFound)) << status;
  EXPECT_EQ(HintOf(status), "did you mean 'ts_event'?");
}

TEST(PredicateErrorTest, HostileNestingEndsInAnError) {
  EXPECT_THAT(ErrorOf(std::string(100'000, '(')), HasSubstr("nested more than 200 levels deep"));
  std::string nots;
  for (int i = 0; i < 10'000; ++i) nots += "not ";
  EXPECT_THAT(ErrorOf(nots + "b"), HasSubstr("nested more than 200 levels deep"));
  EXPECT_THAT(ErrorOf(std::string((1 << 20) + 1, ' ')), HasSubstr("at most 1048576"));
  // A long chain is wide, not deep.
  std::string chain = "i = 0";
  for (int i = 1; i < 20'000; ++i) chain += " or i = " + std::to_string(i);
  EXPECT_TRUE(Predicate::Parse(chain)->Bind(*Columns()).ok());
}

TEST(PredicateTermsTest, MeanWhatTheTextMeans) {
  auto text = [](const std::vector<Term>& terms) {
    return Predicate::FromTerms(terms).ValueOrDie().ToString();
  };
  EXPECT_EQ(text({{"symbol", "==", {std::string("ESH4")}}}), "\"symbol\" = 'ESH4'");
  EXPECT_EQ(text({{"a", "between", {int64_t{1}, 2.5}}}), "(\"a\" >= 1 and \"a\" <= 2.5)");
  EXPECT_EQ(text({{"a", "NOT IN", {int64_t{1}, Null{}}}}), "not (\"a\" in (1, null))");
  EXPECT_EQ(text({{"a", "is not null", {}}, {"b", "<>", {true}}}), "(not (\"a\" is null) and \"b\" != true)");
  const auto any = Predicate::FromTerms(std::vector<std::vector<Term>>{
      {{"a", "=", {int64_t{1}}}}, {{"b", "=", {int64_t{2}}}, {"c", "is nan", {}}}});
  EXPECT_EQ(any->ToString(), "(\"a\" = 1 or (\"b\" = 2 and \"c\" is nan))");
  EXPECT_TRUE(Predicate::FromTerms(std::vector<Term>{})->trivial());

  EXPECT_THAT(Predicate::FromTerms(std::vector<Term>{{"a", "~", {}}}).status().message(),
              HasSubstr("unknown operator '~' on column 'a'"));
  EXPECT_THAT(Predicate::FromTerms(std::vector<Term>{{"a", "between", {int64_t{1}}}}).status().message(),
              HasSubstr("takes a pair of values, not 1"));
  // An empty list holds nothing.
  const auto none = Predicate::FromTerms(std::vector<Term>{{"i", "in", {}}})->Bind(*Columns());
  EXPECT_EQ(none->Prune([](const std::string&) { return nullptr; }, 5), Truth::kNever);
}

TEST(PredicateTermsTest, NaNLiteralEqualsNothing) {
  const auto field = arrow::schema({arrow::field("i", arrow::int64())});
  const auto batch =
      arrow::RecordBatch::Make(field, 1, {ArrayOf<arrow::Int64Builder, int64_t>(arrow::int64(), {1})});
  for (const char* op : {"=", "<", ">=", "!="}) {
    const auto bound = Predicate::FromTerms(std::vector<Term>{{"i", op, {std::nan("")}}})->Bind(*field);
    std::vector<uint8_t> selected;
    ASSERT_TRUE(bound->Evaluate(*batch, &selected).ok());
    EXPECT_EQ(selected[0], std::string(op) == "!=" ? 1 : 0) << op;
  }
}

TEST(PredicateTest, TextOfAPredicateReadsBackAsItself) {
  for (const char* text : {"i = 1 and (d < 2.5 or not (s like 'a!%%' escape '!'))",
                           "i in (1, 2.5, null) or b", "d is nan and i is null", "i < d",
                           "ts >= '2024-01-02T03:04:05Z'", "dec = 12345678901234567890.5", "d = 1e300"}) {
    const std::string once = Predicate::Parse(text)->ToString();
    const auto again = Predicate::Parse(once);
    ASSERT_TRUE(again.ok()) << once << again.status();
    EXPECT_EQ(again->ToString(), once);
  }
}

schema::ColumnStatistics Doubles(double min, double max, int64_t nulls, bool nan) {
  schema::ColumnStatistics statistics;
  statistics.null_count = nulls;
  statistics.min = std::make_shared<arrow::DoubleScalar>(min);
  statistics.max = std::make_shared<arrow::DoubleScalar>(max);
  statistics.has_nan = nan;
  return statistics;
}

TEST(PredicatePruneTest, NeverForgetsANaN) {
  const auto schema = arrow::schema({arrow::field("d", arrow::float64())});
  auto prune = [&](std::string_view filter, const schema::ColumnStatistics& statistics) {
    return Predicate::Parse(filter)->Bind(*schema)->Prune([&](const std::string&) { return &statistics; },
                                                          10);
  };
  const auto clean = Doubles(6, 9, 0, false);
  const auto with_nan = Doubles(6, 9, 0, true);
  EXPECT_EQ(prune("not (d > 5)", clean), Truth::kNever);
  EXPECT_EQ(prune("not (d > 5)", with_nan), Truth::kMaybe);
  EXPECT_EQ(prune("d <= 5", with_nan), Truth::kNever);
  EXPECT_EQ(prune("d > 5", clean), Truth::kAlways);
  EXPECT_EQ(prune("d > 5", with_nan), Truth::kMaybe);
  EXPECT_EQ(prune("d != 20", with_nan), Truth::kAlways);
  EXPECT_EQ(prune("d is nan", clean), Truth::kNever);
  EXPECT_EQ(prune("d is nan", with_nan), Truth::kMaybe);
  EXPECT_EQ(prune("d > 5", Doubles(6, 9, 1, false)), Truth::kMaybe);
  EXPECT_EQ(prune("d is null", clean), Truth::kNever);
  EXPECT_EQ(prune("d is null", Doubles(6, 9, 10, false)), Truth::kAlways);
  EXPECT_EQ(prune("d > 5", Doubles(6, 9, 10, false)), Truth::kNever);
  EXPECT_EQ(prune("d not in (1, 2)", Doubles(6, 9, 10, false)), Truth::kNever);
  EXPECT_EQ(prune("d in (1, 10)", clean), Truth::kNever);
  EXPECT_EQ(prune("d in (1, 7)", clean), Truth::kMaybe);
  EXPECT_EQ(prune("d in (7)", Doubles(7, 7, 0, false)), Truth::kAlways);
}

TEST(PredicatePruneTest, StringBoundsAndLike) {
  const auto schema = arrow::schema({arrow::field("s", arrow::utf8())});
  schema::ColumnStatistics statistics;
  statistics.null_count = 0;
  statistics.min = std::make_shared<arrow::StringScalar>("ESH4");
  statistics.max = std::make_shared<arrow::StringScalar>("ESZ9");
  auto prune = [&](std::string_view filter) {
    return Predicate::Parse(filter)->Bind(*schema)->Prune([&](const std::string&) { return &statistics; },
                                                          10);
  };
  EXPECT_EQ(prune("s like 'NQ%'"), Truth::kNever);
  EXPECT_EQ(prune("s like 'ES%'"), Truth::kAlways);
  EXPECT_EQ(prune("s like 'E%'"), Truth::kAlways);
  EXPECT_EQ(prune("s like 'ESH%'"), Truth::kMaybe);
  EXPECT_EQ(prune("s like 'ESA%'"), Truth::kNever);
  EXPECT_EQ(prune("s like '%H4'"), Truth::kMaybe);
  EXPECT_EQ(prune("s not like 'ES%'"), Truth::kNever);
  EXPECT_EQ(prune("s = 'AAPL'"), Truth::kNever);
  EXPECT_EQ(prune("s != 'AAPL'"), Truth::kAlways);
}

// Without a bound of the column's own type nothing is concluded.
TEST(PredicatePruneTest, BoundsOfAnotherTypeAreNotUsed) {
  const auto schema = arrow::schema({arrow::field("i", arrow::int64())});
  schema::ColumnStatistics statistics;
  statistics.null_count = 0;
  statistics.min = statistics.max = std::make_shared<arrow::Int32Scalar>(5);
  EXPECT_EQ(
      Predicate::Parse("i = 6")->Bind(*schema)->Prune([&](const std::string&) { return &statistics; }, 10),
      Truth::kMaybe);
}

}  // namespace
}  // namespace marquet::predicate
