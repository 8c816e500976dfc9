#include "marquet/jobs/check/check_table.h"

#include "marquet/base/time.h"
#include "marquet/table/table_testing.h"

namespace marquet::jobs {
namespace {

using table::Value;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kHourNs = kHourMs * 1'000'000;
constexpr int64_t kLatest = 1'704'153'600'000'000'001;  // 2024-01-02T00:00:00.000000001Z

// Two rows, the later of kLatest, or none; the column looked at holds nanoseconds.
class CheckTableTest : public table::TableTest {
 protected:
  void Fill() {
    const auto made = Value(table::Table::Create(file::LocalFileSystem(), Path(), *Trades(), {}));
    Value(Append(*made, Batch({{kLatest - kHourNs, 1, 1, {}, "A"}, {kLatest, 1, 2, {}, "A"}})));
  }

  TableCheck Check(std::optional<int64_t> max_age_ms, std::optional<int64_t> min_rows, int64_t now_ns) {
    return Value(CheckTable(file::LocalFileSystem(), {Path(), max_age_ms, min_rows, "ts_event"}, now_ns));
  }
};

TEST_F(CheckTableTest, AgesAreExactToTheNanosecond) {
  Fill();
  EXPECT_THAT(Check(kHourMs, 2, kLatest + kHourNs).problems, IsEmpty());
  const auto old = Check(kHourMs, 2, kLatest + kHourNs + 1'000'000'000);
  EXPECT_THAT(old.problems,
              ElementsAre("its latest time 2024-01-02T00:00:00.000000001Z is 1 h 00 min old; at "
                          "most 1 h 00 min was asked for"));
  EXPECT_EQ(old.age_seconds, 3601);
  EXPECT_TRUE(old.latest_ns == kLatest);
}

TEST_F(CheckTableTest, ALatestTimeInTheFutureIsNoAge) {
  Fill();
  // As far as clocks and closing times of bars go.
  EXPECT_THAT(Check(kHourMs, {}, kLatest - kHourNs).problems, IsEmpty());
  EXPECT_THAT(Check(48 * kHourMs, {}, kLatest - 24 * kHourNs).problems, IsEmpty());
  for (const auto& check : {Check(kHourMs, {}, kLatest - kHourNs - 1'000'000'000),
                            Check(48 * kHourMs, {}, kLatest - 25 * kHourNs)}) {
    ASSERT_EQ(check.problems.size(), 1u);
    EXPECT_THAT(check.problems[0], HasSubstr("in the future, so that its age says nothing"));
  }
  const auto unasked = Check({}, {}, kLatest - 100 * kHourNs);
  EXPECT_TRUE(unasked.ok());
  EXPECT_THAT(ToText(unasked), EndsWith("4 d 04 h in the future\n"));
}

TEST_F(CheckTableTest, RowsAreCounted) {
  Fill();
  EXPECT_TRUE(Check({}, 2, kLatest).ok());
  EXPECT_THAT(Check({}, 3, kLatest).problems, ElementsAre("it holds 2 rows; at least 3 were asked for"));
}

TEST_F(CheckTableTest, AnEmptyTableHasNoAge) {
  Value(table::Table::Create(file::LocalFileSystem(), Path(), *Trades(), {}));
  EXPECT_TRUE(Check({}, 0, kLatest).ok());
  EXPECT_EQ(Check(kHourMs, 1, kLatest).problems.size(), 2u);
}

TEST_F(CheckTableTest, WhatCannotBeOpenedIsAProblemAndNoError) {
  const auto missing = Check(kHourMs, 1, kLatest);
  EXPECT_FALSE(missing.opened);
  const std::string why = "not found: no such table: the directory does not exist";
  EXPECT_THAT(missing.problems, ElementsAre(why));
  EXPECT_EQ(ToText(missing), "FAILED " + Path() + ": " + why + "\n");
}

TEST_F(CheckTableTest, LimitsBelowZeroAreErrors) {
  for (const CheckTableOptions& options :
       {CheckTableOptions{Path(), -1, {}, {}}, CheckTableOptions{Path(), {}, -1, {}}}) {
    EXPECT_TRUE(
        IsKind(CheckTable(file::LocalFileSystem(), options, kLatest).status(), ErrorKind::kInvalidInput));
  }
}

}  // namespace
}  // namespace marquet::jobs
