#include "marquet/depth/runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "arrow/api.h"
#include "marquet/base/error.h"

namespace marquet::depth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using NamedColumn = std::pair<std::string, std::shared_ptr<arrow::Array>>;

std::shared_ptr<arrow::RecordBatch> Batch(int64_t rows, const std::vector<NamedColumn>& columns) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& [name, array] : columns) {
    fields.push_back(arrow::field(name, array->type()));
    arrays.push_back(array);
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), rows, arrays);
}

template <typename Builder>
std::shared_ptr<arrow::Array> Ids(const std::vector<std::optional<int>>& values) {
  Builder builder;
  for (const auto& value : values) {
    EXPECT_TRUE(
        (value ? builder.Append(static_cast<typename Builder::value_type>(*value)) : builder.AppendNull())
            .ok());
  }
  return *builder.Finish();
}

TEST(Runs, BreakAtStepsAboveTheLimitAndOverEmptyDates) {
  constexpr int64_t kHour = int64_t{3'600} * 1'000'000'000, kDay = 24 * kHour;
  const std::vector<int64_t> times = {0, kHour, 2 * kHour + 1, 3 * kHour, 3 * kHour};
  EXPECT_THAT(RunBegins(times, kHour), ElementsAre(0, 2));
  EXPECT_THAT(RunBegins({}, kHour), ElementsAre());
  EXPECT_TRUE(IsGap(kDay - 1, 2 * kDay, 3 * kDay));       // the whole of the second date is empty
  EXPECT_FALSE(IsGap(kDay - 1, 2 * kDay - 1, 3 * kDay));  // a change of date, with rows on both
  EXPECT_FALSE(IsGap(0, 100 * kDay, kNoGaps));
  EXPECT_TRUE(IsGap(8 * kHour, 7 * kHour - 1, kHour));  // back in time
  EXPECT_FALSE(IsGap(8 * kHour, 7 * kHour, kHour));
  EXPECT_FALSE(IsGap(100 * kDay, 0, kNoGaps));
}

TEST(Runs, BreakAtRollsWhateverTheTime) {
  const std::vector<int64_t> times = {0, 1, 2, 100, 101, 102}, rolls = {1, 3, 5};
  EXPECT_THAT(RunBegins(times, 10, rolls), ElementsAre(0, 1, 3, 5));  // row 3 begins one run, not two
  EXPECT_THAT(RunBegins(times, 10), ElementsAre(0, 3));
  EXPECT_THAT(RunBegins(times, kNoGaps, rolls), ElementsAre(0, 1, 3, 5));
}

TEST(Rolls, AreRowsThatDifferInEitherColumnFromTheOneBefore) {
  RollFinder finder;
  ASSERT_TRUE(finder
                  .Append(*Batch(5, {{"instrument_id", Ids<arrow::Int64Builder>({7, 7, 8, 8, 8})},
                                     {"publisher_id", Ids<arrow::Int32Builder>({1, 1, 1, 2, 2})}}))
                  .ok());
  EXPECT_THAT(finder.rolls(), ElementsAre(2, 3));
  // Further batches, in which the columns are of other widths.
  ASSERT_TRUE(finder
                  .Append(*Batch(2, {{"instrument_id", Ids<arrow::UInt32Builder>({8, 8})},
                                     {"publisher_id", Ids<arrow::UInt16Builder>({2, 3})}}))
                  .ok());
  ASSERT_TRUE(finder.Append(*Batch(0, {{"instrument_id", Ids<arrow::UInt32Builder>({})}})).ok());
  ASSERT_TRUE(finder
                  .Append(*Batch(2, {{"instrument_id", Ids<arrow::UInt32Builder>({9, 9})},
                                     {"publisher_id", Ids<arrow::UInt16Builder>({4, 4})}}))
                  .ok());
  EXPECT_THAT(finder.rolls(), ElementsAre(2, 3, 6, 7));
}

TEST(Rolls, NullIsAValueOfItsOwnAndAbsentColumnsAreNull) {
  RollFinder finder;
  ASSERT_TRUE(
      finder.Append(*Batch(5, {{"instrument_id", Ids<arrow::Int64Builder>({{}, {}, 0, 0, {}})}})).ok());
  EXPECT_THAT(finder.rolls(), ElementsAre(2, 4));
  ASSERT_TRUE(finder.Append(*Batch(2, {{"other", Ids<arrow::Int64Builder>({1, 2})}})).ok());
  EXPECT_THAT(finder.rolls(), ElementsAre(2, 4));
  RollFinder none;
  ASSERT_TRUE(none.Append(*Batch(2, {{"other", Ids<arrow::Int64Builder>({1, 2})}})).ok());
  EXPECT_THAT(none.rolls(), IsEmpty());
}

TEST(Rolls, ShowInTextAndNotInLists) {
  arrow::StringBuilder builder;
  ASSERT_TRUE(builder.AppendValues({"XNAS", "XNAS", "", "ARCX"}).ok());
  RollFinder finder;
  ASSERT_TRUE(finder.Append(*Batch(4, {{"publisher_id", *builder.Finish()}})).ok());
  EXPECT_THAT(finder.rolls(), ElementsAre(2, 3));
  const auto lists = *arrow::MakeArrayOfNull(arrow::list(arrow::int64()), 3);
  const auto status = finder.Append(*Batch(3, {{"publisher_id", lists}}));
  EXPECT_TRUE(IsKind(status, ErrorKind::kSchema));
  EXPECT_THAT(status.message(), HasSubstr("publisher_id is of type list"));
}

TEST(Rolls, OfRandomColumnsInRandomBatchesAreThoseOfAPlainLoop) {
  constexpr uint64_t kSeed = 20240304;
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::optional<int>> ids;
    for (int row = 0; row < 200; ++row) {
      const auto dice = random() % 10;
      if (row == 0 || dice == 0) {
        ids.emplace_back(static_cast<int>(random() % 4));
        if (*ids.back() == 3) ids.back().reset();
      } else {
        ids.push_back(ids.back());
      }
    }
    std::vector<int64_t> expected;
    for (int64_t row = 1; row < 200; ++row) {
      if (ids[row] != ids[row - 1]) expected.push_back(row);
    }
    const auto column = Ids<arrow::Int64Builder>(ids);
    RollFinder finder;
    for (int64_t at = 0; at < 200;) {
      const int64_t n = std::min<int64_t>(200 - at, static_cast<int64_t>(random() % 60));
      ASSERT_TRUE(finder.Append(*Batch(n, {{"instrument_id", column->Slice(at, n)}})).ok());
      at += n;
    }
    EXPECT_EQ(finder.rolls(), expected) << "seed " << kSeed << ", round " << round;
    for (int64_t begin = 0; begin < 200; begin += 13) {
      for (int64_t end = begin + 1; end <= 200; end += 17) {
        std::optional<int64_t> first;
        for (int64_t row = end - 1; row > begin; --row) {
          if (ids[row] != ids[row - 1]) first = row;
        }
        EXPECT_EQ(finder.Within(begin, end), first);
      }
    }
  }
}

}  // namespace
}  // namespace marquet::depth
