#include "marquet/schema/decoded.h"

#include <gtest/gtest.h>

#include "arrow/api.h"
#include "arrow/json/from_string.h"
#include "arrow/util/bitmap_builders.h"
#include "marquet/schema/conversion_check.h"

namespace marquet::schema {
namespace {

std::shared_ptr<arrow::Array> ArrayFromText(const std::shared_ptr<arrow::DataType>& type, const char* json) {
  return *arrow::json::ArrayFromJSONString(type, json);
}

// Decodes, and expects the values `json` in `type`.
void ExpectDecoded(const std::shared_ptr<arrow::Array>& given, const std::shared_ptr<arrow::DataType>& type,
                   const char* json) {
  const auto decoded = Decode(given);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ASSERT_TRUE((*decoded)->ValidateFull().ok()) << (*decoded)->ValidateFull();
  EXPECT_TRUE(DecodedType(given->type())->Equals(*type)) << DecodedType(given->type())->ToString();
  const auto expected = ArrayFromText(type, json);
  EXPECT_TRUE((*decoded)->Equals(*expected)) << (*decoded)->ToString() << expected->ToString();
  EXPECT_EQ(FirstChanged(*given, **decoded, /*all=*/true), std::nullopt);
}

std::shared_ptr<arrow::Array> Encoded(const char* indices, const std::shared_ptr<arrow::Array>& values) {
  return *arrow::DictionaryArray::FromArrays(ArrayFromText(arrow::int8(), indices), values);
}

TEST(DecodeTest, DictionariesWithNullsOnBothSides) {
  ExpectDecoded(Encoded("[0, 1, null, 2, 0]", ArrayFromText(arrow::int64(), "[7, null, 7]")), arrow::int64(),
                "[7, null, null, 7, 7]");
  ExpectDecoded(
      Encoded("[1, 0]", ArrayFromText(arrow::utf8_view(), R"(["a value longer than a view", null])")),
      arrow::utf8(), R"([null, "a value longer than a view"])");
  ExpectDecoded(Encoded("[0, 1, null]", ArrayFromText(arrow::null(), "[null, null]")), arrow::null(),
                "[null, null, null]");
}

// Of which the rows' own text alone is made plain, however many others the dictionary has.
TEST(DecodeTest, DictionariesOfMoreViewsThanThereAreRows) {
  const char* const json =
      R"(["unused", "a value longer than a view", null, "b", "another long enough value"])";
  for (const auto& [view, plain] :
       {std::pair{arrow::utf8_view(), arrow::utf8()}, std::pair{arrow::binary_view(), arrow::binary()}}) {
    const auto values = ArrayFromText(view, json);
    ExpectDecoded(Encoded("[4, 2, null, 1]", values), plain,
                  R"(["another long enough value", null, null, "a value longer than a view"])");
    ExpectDecoded(Encoded("[0, 3, 1, null]", values)->Slice(1), plain,
                  R"(["b", "a value longer than a view", null])");
    ExpectDecoded(Encoded("[0, 2, null]", values->Slice(1)), plain,
                  R"(["a value longer than a view", "b", null])");
    ExpectDecoded(Encoded("[]", values), plain, "[]");
    auto data = Encoded("[0, 4]", values)->data()->Copy();
    data->dictionary = values->Slice(0, 4)->data();
    EXPECT_FALSE(Decode(arrow::MakeArray(data)).ok());
  }
}

TEST(DecodeTest, DictionariesOfNestedValues) {
  const auto pair = arrow::struct_({arrow::field("k", arrow::utf8()), arrow::field("v", arrow::float64())});
  ExpectDecoded(
      Encoded("[1, null, 0, 2]", ArrayFromText(pair, R"([{"k": "x", "v": null}, null, {"k": null}])")), pair,
      R"([null, null, {"k": "x", "v": null}, {"k": null, "v": null}])");
  const auto map = arrow::map(arrow::utf8(), arrow::int8());
  ExpectDecoded(Encoded("[1, 0, 1]", ArrayFromText(map, R"([[["a", 1]], null])")), map,
                R"([null, [["a", 1]], null])");
  ExpectDecoded(Encoded("[1, 1, 0]", Encoded("[2, null]", ArrayFromText(arrow::int8(), "[0, 0, 5]"))),
                arrow::int8(), "[null, null, 5]");
}

TEST(DecodeTest, AMapWithANullAmongItsKeysIsAnError) {
  const auto keys = Encoded("[0, 1]", ArrayFromText(arrow::utf8(), R"(["a", null])"));
  const auto items = ArrayFromText(arrow::int8(), "[1, 2]");
  const auto maps = *arrow::MapArray::FromArrays(ArrayFromText(arrow::int32(), "[0, 1, 2]"), keys, items);
  EXPECT_FALSE(Decode(maps).ok());
  ExpectDecoded(maps->Slice(0, 1), arrow::map(arrow::utf8(), arrow::int8()), R"([[["a", 1]]])");
}

TEST(DecodeTest, AnIndexBeyondTheDictionaryIsAnError) {
  auto data = Encoded("[0, 1]", ArrayFromText(arrow::int64(), "[5, 6]"))->data()->Copy();
  data->dictionary = ArrayFromText(arrow::int64(), "[5]")->data();
  EXPECT_FALSE(Decode(arrow::MakeArray(data)).ok());
}

TEST(DecodeTest, RunsAlsoOfASlice) {
  const auto runs = *arrow::RunEndEncodedArray::Make(9, ArrayFromText(arrow::int16(), "[2, 5, 9]"),
                                                     ArrayFromText(arrow::utf8(), R"(["a", null, "b"])"));
  ExpectDecoded(runs, arrow::utf8(), R"(["a", "a", null, null, null, "b", "b", "b", "b"])");
  ExpectDecoded(runs->Slice(1, 5), arrow::utf8(), R"(["a", null, null, null, "b"])");
  ExpectDecoded(runs->Slice(3, 0), arrow::utf8(), "[]");
}

TEST(DecodeTest, ItemsBehindNullRowsGo) {
  constexpr uint8_t kFirstAndLast[] = {1, 0, 1};
  const auto items = ArrayFromText(arrow::int64(), "[1, 2, 3, 4]");
  const auto offsets = ArrayFromText(arrow::int32(), "[0, 1, 3, 4]");
  const auto lists = *arrow::ListArray::FromArrays(*offsets, *items, arrow::default_memory_pool(),
                                                   *arrow::internal::BytesToBits(kFirstAndLast));
  ExpectDecoded(lists, arrow::list(arrow::int64()), "[[1], null, [4]]");
  ExpectDecoded(lists->Slice(1), arrow::list(arrow::int64()), "[null, [4]]");
  EXPECT_EQ(static_cast<const arrow::ListArray&>(**Decode(lists)).values()->length(), 2);
}

TEST(DecodeTest, ListsOfEveryKind) {
  const auto fixed = arrow::fixed_size_list(arrow::int8(), 2);
  ExpectDecoded(ArrayFromText(fixed, "[[1, null], null, [3, 4]]"), arrow::list(arrow::int8()),
                "[[1, null], null, [3, 4]]");
  ExpectDecoded(ArrayFromText(fixed, "[[1, null], null, [3, 4]]")->Slice(1), arrow::list(arrow::int8()),
                "[null, [3, 4]]");
  ExpectDecoded(ArrayFromText(arrow::fixed_size_list(arrow::int8(), 0), "[[], null]"),
                arrow::list(arrow::int8()), "[[], null]");
  // Views in any order that share items.
  const auto views = *arrow::ListViewArray::FromArrays(*ArrayFromText(arrow::int32(), "[2, 0, 1]"),
                                                       *ArrayFromText(arrow::int32(), "[1, 2, 2]"),
                                                       *ArrayFromText(arrow::int8(), "[7, 8, 9]"));
  ExpectDecoded(views, arrow::list(arrow::int8()), "[[9], [7, 8], [8, 9]]");
  ExpectDecoded(views->Slice(2), arrow::list(arrow::int8()), "[[8, 9]]");
}

TEST(DecodeTest, ViewsDeepInside) {
  const auto view = arrow::list(arrow::struct_({arrow::field("k", arrow::utf8_view())}));
  const auto plain = arrow::list(arrow::struct_({arrow::field("k", arrow::utf8())}));
  const char* const json = R"([[{"k": "a value longer than a view"}, null], null, [], [{"k": null}]])";
  ExpectDecoded(ArrayFromText(view, json), plain, json);
}

TEST(DecodeTest, WhatIsDecodedIsShared) {
  for (const auto& array :
       {ArrayFromText(arrow::int64(), "[1, null]"),
        ArrayFromText(arrow::list(arrow::utf8()), R"([["a"], []])"),
        ArrayFromText(arrow::struct_({arrow::field("k", arrow::utf8())}), R"([{"k": "a"}, null])")}) {
    EXPECT_EQ(*Decode(array), array);
    EXPECT_EQ(DecodedType(array->type()), array->type());
  }
}

}  // namespace
}  // namespace marquet::schema
