#include "marquet/table/partition_column.h"

#include <random>

#include <gtest/gtest.h>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/delta/schema.h"
#include "marquet/predicate/predicate_node.h"

namespace marquet::table {
namespace {

constexpr uint64_t kPartitionSeed = 20240108;

template <typename T>
T Got(arrow::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return std::move(result).ValueUnsafe();
}

arrow::Result<std::unique_ptr<const PartitionColumn>> Make(const std::shared_ptr<arrow::DataType>& type,
                                                           const std::vector<std::string>& texts) {
  size_t file = 0;
  return PartitionColumn::Make(type, {texts.begin(), texts.end()}, &file);
}

std::string Key(const std::string& text, const std::shared_ptr<arrow::DataType>& type) {
  return predicate::KeyOf(*Got(delta::PartitionValueFromText(text, type)));
}

// Against a walk over all files that compares parsed values.
TEST(PartitionColumnTest, FindsTheFilesOfEachValue) {
  const std::vector<std::pair<std::shared_ptr<arrow::DataType>, std::vector<std::string>>> columns = {
      {arrow::utf8(), {"ESH4", "NQH4", "007", "7", "", "ü"}},
      {arrow::int32(), {"0", "7", "-7", "2147483647", "-2147483648", ""}},
      {arrow::int64(), {"1", "01", "001", "-5", "9223372036854775807", ""}},
      {arrow::date32(), {"2024-03-04", "1969-12-31", "", "2024-03-05"}},
      {arrow::boolean(), {"true", "false", ""}},
      {arrow::float64(), {"1", "1.0", "1e0", "-0.0", "0", ""}},
      {arrow::decimal128(9, 2), {"1.00", "1", "2.5", "2.50"}},
      {arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), {"2024-03-04 00:00:00", "2024-03-04T00:00:00Z", ""}}};
  std::mt19937_64 random(kPartitionSeed);
  for (const auto& [type, known] : columns) {
    std::vector<std::string> texts;
    for (int i = 0; i < 500; ++i) texts.push_back(known[random() % known.size()]);
    const auto column = Got(Make(type, texts));
    for (const std::string& wanted : known) {
      if (wanted.empty()) continue;
      const auto value = Got(delta::PartitionValueFromText(wanted, type));
      std::vector<uint32_t> expected;
      for (uint32_t file = 0; file < texts.size(); ++file) {
        const auto its = Got(delta::PartitionValueFromText(texts[file], type));
        EXPECT_TRUE(column->ValueOf(file)->Equals(*its)) << type->ToString() << " " << texts[file];
        if (its->is_valid && predicate::KeyOf(*its) == predicate::KeyOf(*value)) expected.push_back(file);
      }
      EXPECT_EQ(column->FilesOf({Key(wanted, type), Key(wanted, type)}), expected)
          << "seed " << kPartitionSeed << ", " << type->ToString() << " " << wanted;
    }
  }
}

TEST(PartitionColumnTest, FindsNothingForWhatNoFileHas) {
  const auto numbers = Got(Make(arrow::int32(), {"1", "2", ""}));
  EXPECT_TRUE(numbers->FilesOf({Key("3", arrow::int32())}).empty());
  EXPECT_TRUE(numbers->FilesOf({Key("4294967297", arrow::int64())}).empty());
  EXPECT_TRUE(numbers->FilesOf({}).empty());
  EXPECT_TRUE(Got(Make(arrow::utf8(), {"a", ""}))->FilesOf({""}).empty());
  EXPECT_TRUE(Got(Make(arrow::utf8(), {}))->FilesOf({"a"}).empty());
}

TEST(PartitionColumnTest, HoldsManyValues) {
  std::vector<std::string> texts;
  for (int i = 0; i < 20'000; ++i) texts.push_back(std::to_string(i * 7 % 9'999));
  const auto column = Got(Make(arrow::int32(), texts));
  EXPECT_EQ(column->FilesOf({Key("7", arrow::int32())}), (std::vector<uint32_t>{1, 10'000, 19'999}));
}

TEST(PartitionColumnTest, RefusesTextsThatAreNoValues) {
  for (const char* text : {"x", "1.5", "2147483648", "-", "1 "}) {
    EXPECT_TRUE(IsKind(Make(arrow::int32(), {"1", text}).status(), ErrorKind::kCorruptData)) << text;
  }
  EXPECT_TRUE(IsKind(Make(arrow::date32(), {"2024-13-01"}).status(), ErrorKind::kCorruptData));
}

}  // namespace
}  // namespace marquet::table
