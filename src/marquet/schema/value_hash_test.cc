#include "marquet/schema/value_hash.h"

#include <gtest/gtest.h>

#include "arrow/api.h"
#include "arrow/json/from_string.h"

namespace marquet::schema {
namespace {

using TypePointer = std::shared_ptr<arrow::DataType>;

std::shared_ptr<arrow::Array> ArrayFrom(const TypePointer& type, const char* json) {
  return *arrow::json::ArrayFromJSONString(type, json);
}

std::vector<uint64_t> Hashes(const arrow::Array& array, const LeafRoute& route = {}) {
  std::vector<uint64_t> hashes(static_cast<size_t>(array.length()));
  HashLeaf(array, route, 0, hashes);
  return hashes;
}

TEST(ValueHashTest, LayoutsOfOneValueHashAlike) {
  struct Case {
    std::vector<TypePointer> types;
    const char* json;
  };
  const std::vector<Case> cases = {
      {{arrow::int8(), arrow::int64(), arrow::uint16()}, "[1, null, 100]"},
      {{arrow::float32(), arrow::float64()}, "[1.5, null, -0.0]"},
      {{arrow::utf8(), arrow::large_utf8(), arrow::utf8_view(),
        arrow::dictionary(arrow::int8(), arrow::utf8())},
       R"(["", null, "a value longer than a view"])"},
      {{arrow::list(arrow::int8()), arrow::large_list(arrow::int64()), arrow::list_view(arrow::int8()),
        arrow::fixed_size_list(arrow::int8(), 2)},
       "[[1, null], null, [3, 4]]"},
      {{arrow::timestamp(arrow::TimeUnit::SECOND), arrow::timestamp(arrow::TimeUnit::NANO)},
       R"(["2024-01-01", null, "1969-12-31"])"},
      {{arrow::decimal128(5, 2), arrow::decimal256(40, 2)}, R"(["1.25", null, "-1.25"])"},
  };
  for (const Case& one : cases) {
    const auto expected = Hashes(*ArrayFrom(one.types[0], one.json));
    for (const TypePointer& type : one.types) {
      const auto array = ArrayFrom(type, one.json);
      EXPECT_EQ(Hashes(*array), expected) << type->ToString();
      const auto sliced = Hashes(*array->Slice(1));
      EXPECT_EQ(sliced, std::vector<uint64_t>(expected.begin() + 1, expected.end())) << type->ToString();
    }
  }
}

TEST(ValueHashTest, OtherValuesHashOtherwise) {
  struct Case {
    TypePointer type;
    const char* json;
  };
  const std::vector<Case> cases = {
      {arrow::float64(), "[0.0, -0.0, null, NaN, 1]"},
      {arrow::utf8(), R"(["", null, "null", " "])"},
      {arrow::list(arrow::int8()), "[[], null, [null], [null, null], [0], [1, 2], [2, 1]]"},
      {arrow::list(arrow::list(arrow::int8())), "[[[1], [2]], [[1, 2]], [[], [1, 2]], [null, [1, 2]]]"},
  };
  for (const Case& one : cases) {
    auto hashes = Hashes(*ArrayFrom(one.type, one.json));
    std::sort(hashes.begin(), hashes.end());
    EXPECT_EQ(std::unique(hashes.begin(), hashes.end()), hashes.end()) << one.json;
  }
}

TEST(ValueHashTest, NullIsNullOnWhicheverSideOfADictionary) {
  const auto values = ArrayFrom(arrow::int64(), "[7, null]");
  const auto encoded = *arrow::DictionaryArray::FromArrays(ArrayFrom(arrow::int8(), "[1, 0, null]"), values);
  EXPECT_EQ(Hashes(*encoded), Hashes(*ArrayFrom(arrow::int64(), "[null, 7, null]")));
}

TEST(ValueHashTest, LeavesInTheOrderOfParquet) {
  const auto type = arrow::struct_(
      {arrow::field("a", arrow::int8()),
       arrow::field("m", arrow::map(arrow::utf8(), arrow::struct_({arrow::field("x", arrow::int8()),
                                                                   arrow::field("y", arrow::utf8())})))});
  EXPECT_EQ(LeafRoutes(*type), (std::vector<LeafRoute>{{0}, {1, 0}, {1, 1, 0}, {1, 1, 1}}));
  const auto array =
      ArrayFrom(type, R"([{"a": 1, "m": [["k", {"x": 2, "y": "z"}]]}, {"a": 1, "m": [["l", null]]}])");
  const auto keys = Hashes(*array, {1, 0}), a = Hashes(*array, {0}), y = Hashes(*array, {1, 1, 1});
  EXPECT_NE(keys[0], keys[1]);
  EXPECT_EQ(a[0], a[1]);
  EXPECT_NE(y[0], y[1]);
}

}  // namespace
}  // namespace marquet::schema
