// Evaluation and pruning against a slow, plain reference, on random rows and predicates.

#include <gtest/gtest.h>

#include "marquet/predicate/predicate.h"
#include "marquet/predicate/predicate_testing.h"
#include "marquet/schema/column_statistics.h"

namespace marquet::predicate {
namespace {

using reference::Generator;
using reference::Row;
using reference::Tested;

// Statistics as a writer would leave them: exact or widened, with or without counts, and NaN left out.
class Statistics {
 public:
  Statistics(const std::vector<Row>& rows, Generator* random) {
    const int64_t count = static_cast<int64_t>(rows.size());
    Add<arrow::Int64Scalar>("i", rows, count, random, [](const Row& row) { return row.i; });
    Add<arrow::Int64Scalar>("t", rows, count, random, [](const Row& row) { return row.t; });
    Add<arrow::StringScalar>("s", rows, count, random, [](const Row& row) { return row.s; });
    Add<arrow::StringScalar>("p", rows, count, random, [](const Row& row) { return row.p; });
    Add<arrow::BooleanScalar>("b", rows, count, random, [](const Row& row) { return row.b; });
    bool nan = false;
    Add<arrow::DoubleScalar>("d", rows, count, random, [&](const Row& row) {
      if (row.d && std::isnan(*row.d)) nan = true;
      return row.d;
    });
    columns_["d"].has_nan = nan || random->Chance(0.2);
    schema::ColumnStatistics& dec = columns_["dec"];
    for (const Row& row : rows) {
      dec.null_count = std::max<int64_t>(dec.null_count, 0) + (row.dec ? 0 : 1);
    }
  }

  const schema::ColumnStatistics* Of(const std::string& name) const {
    const auto found = columns_.find(name);
    return found == columns_.end() ? nullptr : &found->second;
  }

 private:
  template <typename Scalar, typename Get>
  void Add(const std::string& name, const std::vector<Row>& rows, int64_t count, Generator* random, Get get) {
    using T = typename decltype(get(rows[0]))::value_type;
    std::optional<T> min, max;
    int64_t nulls = 0;
    for (const Row& row : rows) {
      const auto value = get(row);
      if (!value) {
        ++nulls;
        continue;
      }
      if (*value != *value) continue;  // NaN
      if (!min || *value < *min) min = *value;
      if (!max || *max < *value) max = *value;
    }
    if (random->Chance(0.1)) return;  // nothing is known
    schema::ColumnStatistics& statistics = columns_[name];
    statistics.name = name;
    if (!random->Chance(0.1)) statistics.null_count = nulls;
    if (min && !random->Chance(0.1)) statistics.min = std::make_shared<Scalar>(*min);
    if (max && !random->Chance(0.1)) statistics.max = std::make_shared<Scalar>(*max);
    (void)count;
  }

  std::map<std::string, schema::ColumnStatistics> columns_;
};

TEST(PredicateRandomTest, AgreesWithTheReferenceAndPrunesSoundly) {
  Generator random(20240102);
  int64_t never = 0, always = 0, maybe = 0;
  for (int round = 0; round < 4'000; ++round) {
    std::vector<Row> rows;
    const int64_t center = static_cast<int64_t>(random.Below(110));
    const size_t count = 1 + random.Below(40);
    for (size_t i = 0; i < count; ++i) rows.push_back(random.RandomRow(center));
    const auto batch = reference::BatchOf(rows);
    const Tested tested = random.RandomPredicate();
    const auto parsed = Predicate::Parse(tested.text);
    ASSERT_TRUE(parsed.ok()) << tested.text << parsed.status();
    const auto bound = parsed->Bind(*batch->schema());
    ASSERT_TRUE(bound.ok()) << tested.text << bound.status();
    std::vector<uint8_t> selected;
    ASSERT_TRUE(bound->Evaluate(*batch, &selected).ok()) << tested.text;
    bool any = false, all = true;
    for (size_t i = 0; i < count; ++i) {
      const bool expected = tested.meaning(rows[i]) == 2;
      ASSERT_EQ(selected[i] == 1, expected) << tested.text << " row " << i << " of round " << round;
      any = any || expected;
      all = all && expected;
    }
    const Statistics statistics(rows, &random);
    const Truth truth = bound->Prune([&](const std::string& name) { return statistics.Of(name); },
                                     random.Chance(0.1) ? -1 : static_cast<int64_t>(count));
    ASSERT_FALSE(truth == Truth::kNever && any) << tested.text << " round " << round;
    ASSERT_FALSE(truth == Truth::kAlways && !all) << tested.text << " round " << round;
    (truth == Truth::kNever ? never : truth == Truth::kAlways ? always : maybe) += 1;
    // The same predicate out of its own text.
    const auto again = Predicate::Parse(parsed->ToString());
    ASSERT_TRUE(again.ok()) << parsed->ToString();
    std::vector<uint8_t> selected_again;
    ASSERT_TRUE(again->Bind(*batch->schema())->Evaluate(*batch, &selected_again).ok());
    ASSERT_EQ(selected, selected_again) << tested.text << " as " << parsed->ToString();
  }
  // Pruning that never concludes anything would be sound, too.
  EXPECT_GT(never, 400);
  EXPECT_GT(always, 100);
  EXPECT_GT(maybe, 400);
}

}  // namespace
}  // namespace marquet::predicate
