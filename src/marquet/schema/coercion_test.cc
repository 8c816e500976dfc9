#include "marquet/schema/coercion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "arrow/api.h"
#include "arrow/json/from_string.h"
#include "marquet/base/error.h"

namespace marquet::schema {
namespace {

using testing::HasSubstr;

template <typename Builder, typename... Values>
std::shared_ptr<arrow::Array> ArrayOf(const std::shared_ptr<arrow::DataType>& type, Values... values) {
  Builder builder(type, arrow::default_memory_pool());
  (static_cast<void>(builder.Append(values).ok()), ...);
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::Field> Nanos(const char* name) {
  return arrow::field(name, arrow::int64(), true, arrow::key_value_metadata({"unit"}, {"ns"}));
}

TEST(CoercionTest, MatchesByNameAndFillsWithNull) {
  const auto from = arrow::schema({arrow::field("b", arrow::int64()), arrow::field("a", arrow::int32())});
  const auto to = arrow::schema({arrow::field("a", arrow::int64()), arrow::field("b", arrow::int64()),
                                 arrow::field("c", arrow::utf8())});
  const auto coercion = Coercion::Make(from, to);
  ASSERT_TRUE(coercion.ok()) << coercion.status();
  const auto batch = arrow::RecordBatch::Make(from, 2,
                                              {ArrayOf<arrow::Int64Builder>(arrow::int64(), 1, 2),
                                               ArrayOf<arrow::Int32Builder>(arrow::int32(), 3, 4)});
  const auto fitted = *coercion->Apply(*batch);
  ASSERT_TRUE(fitted->ValidateFull().ok());
  EXPECT_EQ(fitted->schema()->ToString(), to->ToString());
  EXPECT_TRUE(fitted->column(0)->Equals(*ArrayOf<arrow::Int64Builder>(arrow::int64(), 3, 4)));
  EXPECT_EQ(fitted->column(1).get(), batch->column(0).get());  // shared
  EXPECT_EQ(fitted->column(2)->null_count(), 2);
}

TEST(CoercionTest, NamesWhatDoesNotFit) {
  const auto to = arrow::schema({arrow::field("a", arrow::int64(), false), arrow::field("s", arrow::utf8())});
  auto error = [&](const std::shared_ptr<arrow::Field>& field) {
    const auto status = Coercion::Make(arrow::schema({field}), to).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kSchema)) << status;
    return status.message();
  };
  EXPECT_THAT(error(arrow::field("b", arrow::int64())), HasSubstr("there is no column 'b'"));
  EXPECT_THAT(error(arrow::field("a", arrow::utf8())), HasSubstr("column 'a' is string; expected int64"));
  EXPECT_THAT(error(arrow::field("s", arrow::utf8())), HasSubstr("column 'a' is missing"));
  EXPECT_THAT(error(arrow::field("a", arrow::float64())), HasSubstr("is double"));
}

// Days since 1970, under a name that says so.
class DayType : public arrow::ExtensionType {
 public:
  explicit DayType(std::string name) : ExtensionType(arrow::int64()), name_(std::move(name)) {}

  std::string extension_name() const override { return name_; }
  bool ExtensionEquals(const ExtensionType& other) const override { return other.extension_name() == name_; }
  std::shared_ptr<arrow::Array> MakeArray(std::shared_ptr<arrow::ArrayData> data) const override {
    return std::make_shared<arrow::ExtensionArray>(std::move(data));
  }
  arrow::Result<std::shared_ptr<arrow::DataType>> Deserialize(std::shared_ptr<arrow::DataType>,
                                                              const std::string&) const override {
    return std::make_shared<DayType>(name_);
  }
  std::string Serialize() const override { return ""; }

 private:
  const std::string name_;
};

TEST(CoercionTest, ExtensionsAreTakenForTheirStorageOnlyWhereItIsTheirValue) {
  const auto make = [](const std::shared_ptr<arrow::DataType>& from,
                       const std::shared_ptr<arrow::DataType>& to) {
    return Coercion::Make(arrow::schema({arrow::field("a", from)}), arrow::schema({arrow::field("a", to)}))
        .status();
  };
  using Wrap = std::function<std::shared_ptr<arrow::DataType>(std::shared_ptr<arrow::DataType>)>;
  const std::vector<Wrap> places = {
      [](auto type) { return type; },
      [](auto type) { return arrow::list(type); },
      [](auto type) {
        return arrow::struct_({arrow::field("b", arrow::int8()), arrow::field("k", type)});
      },
      [](auto type) { return arrow::map(arrow::utf8(), type); },
  };
  const auto day = std::make_shared<DayType>("example.day");
  for (const Wrap& in : places) {
    for (const auto& number : {arrow::int64(), arrow::float64()}) {
      const auto status = make(in(day), in(number));
      EXPECT_TRUE(IsKind(status, ErrorKind::kSchema)) << status;
      EXPECT_THAT(status.message(), HasSubstr("what example.day stores is not the value itself"));
      EXPECT_FALSE(make(in(arrow::int32()), in(day)).ok());
    }
    EXPECT_FALSE(make(in(day), in(std::make_shared<DayType>("example.other"))).ok());
    EXPECT_TRUE(make(in(day), in(std::make_shared<DayType>("example.day"))).ok());
    EXPECT_TRUE(make(in(arrow::null()), in(day)).ok());
    EXPECT_TRUE(make(in(std::make_shared<DayType>("arrow.bool8")), in(arrow::int64())).ok());
    EXPECT_TRUE(make(in(arrow::int64()), in(std::make_shared<DayType>("arrow.bool8"))).ok());
  }
  EXPECT_FALSE(make(arrow::dictionary(arrow::int32(), day), arrow::int64()).ok());
  EXPECT_TRUE(make(arrow::dictionary(arrow::int32(), day), day).ok());
}

TEST(CoercionTest, DictionariesOfViewsAreDecoded) {
  const auto values =
      ArrayOf<arrow::StringViewBuilder>(arrow::utf8_view(), "a value longer than a view", "b");
  const auto indices = ArrayOf<arrow::UInt32Builder>(arrow::uint32(), 1, 0, 1);
  const auto encoded = *arrow::DictionaryArray::FromArrays(indices, values);
  const auto decoded = CoerceArray(encoded, *arrow::field("a", arrow::utf8()));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_TRUE((*decoded)->Equals(
      *ArrayOf<arrow::StringBuilder>(arrow::utf8(), "b", "a value longer than a view", "b")));
}

TEST(CoercionTest, ListViewsBecomeListsAlsoWhereOneIsNull) {
  const auto items = std::make_shared<arrow::Int64Builder>();
  arrow::ListViewBuilder views(arrow::default_memory_pool(), items);
  ASSERT_TRUE(views.Append(true, 2).ok() && items->AppendValues({1, 2}).ok());
  ASSERT_TRUE(views.AppendNull().ok());
  ASSERT_TRUE(views.Append(true, 1).ok() && items->Append(3).ok());
  const auto lists = CoerceArray(*views.Finish(), *arrow::field("a", arrow::list(arrow::int64())));
  ASSERT_TRUE(lists.ok()) << lists.status();
  ASSERT_TRUE((*lists)->ValidateFull().ok());
  EXPECT_EQ((*lists)->null_count(), 1);
  EXPECT_EQ(static_cast<const arrow::ListArray&>(**lists).value_length(0), 2);
  EXPECT_EQ(static_cast<const arrow::ListArray&>(**lists).value_length(2), 1);
}

TEST(CoercionTest, ValuesAreNeverRounded) {
  const auto narrow = arrow::field("a", arrow::int8());
  auto status = CoerceArray(ArrayOf<arrow::Int64Builder>(arrow::int64(), 300), *narrow).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
  const auto nanos = arrow::timestamp(arrow::TimeUnit::NANO, "UTC");
  const auto micros = arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"));
  status = CoerceArray(ArrayOf<arrow::TimestampBuilder>(nanos, 1500), *micros).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
  EXPECT_TRUE(CoerceArray(ArrayOf<arrow::TimestampBuilder>(nanos, 2000), *micros).ok());
  status = CoerceArray(ArrayOf<arrow::Int64Builder>(arrow::int64(), (int64_t{1} << 53) + 1),
                       *arrow::field("d", arrow::float64()))
               .status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
}

TEST(CoercionTest, TimesBecomeNanosecondIntegers) {
  for (const char* zone : {"", "UTC", "America/Chicago"}) {
    const auto micros = arrow::timestamp(arrow::TimeUnit::MICRO, zone);
    const auto fitted = CoerceArray(ArrayOf<arrow::TimestampBuilder>(micros, 7), *Nanos("ts_event"));
    ASSERT_TRUE(fitted.ok()) << fitted.status();
    EXPECT_TRUE((*fitted)->Equals(*ArrayOf<arrow::Int64Builder>(arrow::int64(), 7000)));
  }
}

TEST(CoercionTest, ZonesDoNotMoveTimes) {
  const auto to = arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"));
  for (const char* zone : {"", "America/Chicago"}) {
    const auto fitted =
        CoerceArray(ArrayOf<arrow::TimestampBuilder>(arrow::timestamp(arrow::TimeUnit::MILLI, zone), 5), *to);
    ASSERT_TRUE(fitted.ok()) << fitted.status();
    EXPECT_EQ(static_cast<const arrow::TimestampArray&>(**fitted).Value(0), 5000);
  }
}

TEST(CoercionTest, DictionariesBecomeTheirValues) {
  arrow::StringDictionaryBuilder builder;
  ASSERT_TRUE(builder.Append("ESH4").ok());
  ASSERT_TRUE(builder.AppendNull().ok());
  const auto fitted = CoerceArray(builder.Finish().ValueOrDie(), *arrow::field("s", arrow::utf8()));
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_EQ((*fitted)->ToString().find("ESH4") != std::string::npos, true);
  EXPECT_EQ((*fitted)->null_count(), 1);
}

TEST(CoercionTest, NoFieldOfAStructIsLeftOut) {
  const auto a = arrow::field("a", arrow::int64()), b = arrow::field("b", arrow::int64());
  const auto narrow = arrow::struct_({a}), wide = arrow::struct_({b, a});
  const auto text = arrow::struct_({arrow::field("a", arrow::utf8())});
  const std::vector<std::shared_ptr<arrow::DataType> (*)(std::shared_ptr<arrow::DataType>)> nestings = {
      [](std::shared_ptr<arrow::DataType> type) { return type; },
      [](std::shared_ptr<arrow::DataType> type) { return arrow::list(std::move(type)); },
      [](std::shared_ptr<arrow::DataType> type) { return arrow::map(arrow::utf8(), std::move(type)); },
      [](std::shared_ptr<arrow::DataType> type) { return arrow::struct_({arrow::field("s", type)}); }};
  for (const auto& nested : nestings) {
    EXPECT_TRUE(Convertible(*nested(narrow), *arrow::field("x", nested(wide))));
    EXPECT_FALSE(Convertible(*nested(wide), *arrow::field("x", nested(narrow))));
    EXPECT_FALSE(Convertible(*nested(text), *arrow::field("x", nested(narrow))));  // "5" is no number
    EXPECT_FALSE(Convertible(*nested(narrow), *arrow::field("x", nested(text))));
    const auto micros = arrow::struct_({arrow::field("a", arrow::timestamp(arrow::TimeUnit::MICRO))});
    EXPECT_TRUE(Convertible(*nested(micros), *arrow::field("x", nested(arrow::struct_({Nanos("a")})))));
  }
  const auto column =
      arrow::StructArray::Make({ArrayOf<arrow::Int64Builder>(arrow::int64(), 7)}, {a}).ValueOrDie();
  const auto fitted = CoerceArray(column, *arrow::field("x", wide));
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  const auto& fields = static_cast<const arrow::StructArray&>(**fitted);
  EXPECT_TRUE(fields.field(0)->IsNull(0));
  EXPECT_TRUE(fields.field(1)->Equals(*ArrayOf<arrow::Int64Builder>(arrow::int64(), 7)));
}

std::shared_ptr<arrow::Array> FromJson(const std::shared_ptr<arrow::DataType>& type, const char* json) {
  return *arrow::json::ArrayFromJSONString(type, json);
}

TEST(CoercionTest, ListsOfEveryKindBecomeAnyOther) {
  const auto narrow = arrow::field("item", arrow::int32()), wide = arrow::field("item", arrow::int64());
  const std::vector<std::function<std::shared_ptr<arrow::DataType>(const std::shared_ptr<arrow::Field>&)>>
      kinds = {[](const auto& item) { return arrow::list(item); },
               [](const auto& item) { return arrow::large_list(item); },
               [](const auto& item) { return arrow::list_view(item); },
               [](const auto& item) { return arrow::large_list_view(item); },
               [](const auto& item) { return arrow::fixed_size_list(item, 2); }};
  const char* const json = "[[1, null], null, [3, 4]]";
  for (const auto& from : kinds) {
    for (const auto& to : kinds) {
      const auto fitted = CoerceArray(FromJson(from(narrow), json), *arrow::field("a", to(wide)));
      ASSERT_TRUE(fitted.ok()) << fitted.status();
      ASSERT_TRUE((*fitted)->ValidateFull().ok()) << (*fitted)->ValidateFull();
      EXPECT_TRUE((*fitted)->Equals(*FromJson(to(wide), json))) << (*fitted)->ToString();
    }
  }
}

TEST(CoercionTest, AListOfAnotherLengthIsNoListOfAFixedSize) {
  const auto status = CoerceArray(FromJson(arrow::list(arrow::int8()), "[[1, 2], [3]]"),
                                  *arrow::field("a", arrow::fixed_size_list(arrow::int8(), 2)))
                          .status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
  EXPECT_THAT(status.message(), HasSubstr("row 1 has 1 items; expected 2"));
}

TEST(CoercionTest, ListsOfKeysAndValuesBecomeMaps) {  // as Polars has maps
  const auto entry =
      arrow::struct_({arrow::field("key", arrow::utf8_view()), arrow::field("value", arrow::int32())});
  const auto map = arrow::map(arrow::utf8(), arrow::int64());
  const auto fitted =
      CoerceArray(FromJson(arrow::large_list(entry),
                           R"([[{"key": "a", "value": 1}], null, [{"key": "b", "value": null}]])"),
                  *arrow::field("m", map));
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  ASSERT_TRUE((*fitted)->ValidateFull().ok());
  EXPECT_TRUE((*fitted)->Equals(*FromJson(map, R"([[["a", 1]], null, [["b", null]]])")));
}

TEST(CoercionTest, AMapHasNoNullAmongItsKeys) {
  const auto entry =
      arrow::struct_({arrow::field("key", arrow::utf8()), arrow::field("value", arrow::int64())});
  const auto from = arrow::schema({arrow::field("m", arrow::list(entry))});
  const auto to = arrow::schema({arrow::field("m", arrow::map(arrow::utf8(), arrow::int64()))});
  const auto batch = arrow::RecordBatch::Make(
      from, 2, {FromJson(from->field(0)->type(), R"([[], [{"key": "a"}, {"key": null, "value": 1}]])")});
  const auto status = (*Coercion::Make(from, to)).Apply(*batch).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
  EXPECT_THAT(status.message(), HasSubstr("row 1 has a null among the keys of its map"));
}

TEST(CoercionTest, WholeFloatingNumbersInsideOfListsAndStructsBecomeIntegers) {  // as pandas has them
  const auto pair = [](const std::shared_ptr<arrow::DataType>& type) {
    return arrow::list(arrow::struct_({arrow::field("k", type)}));
  };
  const auto to = arrow::field("a", pair(arrow::int64()));
  const auto fitted = CoerceArray(FromJson(pair(arrow::float64()), R"([[{"k": 1.0}, {"k": null}]])"), *to);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_TRUE((*fitted)->Equals(*FromJson(to->type(), R"([[{"k": 1}, {"k": null}]])")));
  const auto status = CoerceArray(FromJson(pair(arrow::float64()), R"([[{"k": 1.5}]])"), *to).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
}

TEST(CoercionTest, TextBecomesADictionaryOfIt) {
  const auto to = arrow::dictionary(arrow::int16(), arrow::utf8());
  const auto fitted =
      CoerceArray(FromJson(arrow::large_utf8(), R"(["a", null, "b", "a"])"), *arrow::field("s", to));
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_TRUE((*fitted)->type()->Equals(*to));
  const auto back = CoerceArray(*fitted, *arrow::field("s", arrow::utf8()));
  EXPECT_TRUE((*back)->Equals(*FromJson(arrow::utf8(), R"(["a", null, "b", "a"])")));
}

TEST(CoercionTest, IntegersBecomeDecimalsThatHoldThem) {
  const auto price = arrow::field("p", arrow::decimal128(6, 2));
  const auto fitted = CoerceArray(FromJson(arrow::int64(), "[9999, null, -7]"), *price);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_TRUE((*fitted)->Equals(*FromJson(price->type(), R"(["9999.00", null, "-7.00"])")));
  const auto status = CoerceArray(FromJson(arrow::int64(), "[10000]"), *price).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
}

TEST(CoercionTest, NullsOfPartsThatMayNotBeNullAreNamed) {
  const auto required = arrow::list(arrow::field("element", arrow::int64(), false));
  const auto from = arrow::schema({arrow::field("a", arrow::list(arrow::int64()))});
  const auto coercion = *Coercion::Make(from, arrow::schema({arrow::field("a", required)}));
  const auto apply = [&](const char* json) {
    const auto column = FromJson(from->field(0)->type(), json);
    return coercion.Apply(*arrow::RecordBatch::Make(from, column->length(), {column}));
  };
  EXPECT_TRUE(apply("[[1], null, []]").ok());
  const auto status = apply("[[1], null, [2, null]]").status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
  EXPECT_THAT(status.message(), HasSubstr("column 'a': row 2 has a null in 'a.element'"));
}

}  // namespace
}  // namespace marquet::schema
