#include "marquet/schema/coercion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arrow/api.h"
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
  EXPECT_THAT(error(arrow::field("a", arrow::utf8())),
              HasSubstr("column 'a' is string; the table's is int64"));
  EXPECT_THAT(error(arrow::field("s", arrow::utf8())), HasSubstr("column 'a' is missing"));
  EXPECT_THAT(error(arrow::field("a", arrow::float64())), HasSubstr("is double"));
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
    EXPECT_FALSE(Convertible(*nested(micros), *arrow::field("x", nested(arrow::struct_({Nanos("a")})))));
  }
  const auto column =
      arrow::StructArray::Make({ArrayOf<arrow::Int64Builder>(arrow::int64(), 7)}, {a}).ValueOrDie();
  const auto fitted = CoerceArray(column, *arrow::field("x", wide));
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  const auto& fields = static_cast<const arrow::StructArray&>(**fitted);
  EXPECT_TRUE(fields.field(0)->IsNull(0));
  EXPECT_TRUE(fields.field(1)->Equals(*ArrayOf<arrow::Int64Builder>(arrow::int64(), 7)));
}

}  // namespace
}  // namespace marquet::schema
