#include "marquet/base/time.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "marquet/base/error.h"

namespace marquet {
namespace {

TEST(TimeTest, FormatsAndParsesBackEveryBoundary) {
  for (const int64_t nanos :
       {INT64_MIN, INT64_MIN + 1, int64_t{-1}, int64_t{0}, int64_t{1}, int64_t{999}, int64_t{1'000},
        int64_t{1'609'160'400'000'429'831}, kNanosPerDay - 1, kNanosPerDay, INT64_MAX}) {
    EXPECT_EQ(ParseNanos(FormatNanos(nanos)).ValueOrDie(), nanos) << FormatNanos(nanos);
  }
  EXPECT_EQ(FormatNanos(1'609'160'400'000'429'831), "2020-12-28T13:00:00.000429831Z");
  EXPECT_EQ(FormatNanos(0), "1970-01-01T00:00:00Z");
}

TEST(TimeTest, TellsTheYearsThatNanosecondsDoNotReach) {
  EXPECT_EQ(FormatDate(2'932'896), "9999-12-31");
  EXPECT_EQ(FormatDate(2'932'897), "10000-01-01");
  EXPECT_EQ(FormatDate(-719'162), "0001-01-01");
  EXPECT_EQ(FormatDate(-719'528), "0000-01-01");
  EXPECT_EQ(FormatDate(-719'529), "-0001-12-31");
  EXPECT_EQ(FormatDate(INT32_MAX), "5881580-07-11");
  EXPECT_EQ(FormatDate(INT32_MIN), "-5877641-06-23");
  EXPECT_EQ(FormatMillis(INT64_MAX), "292278994-08-17T07:12:55.807Z");
  EXPECT_EQ(FormatMillis(INT64_MIN), "-292275055-05-16T16:47:04.192Z");
  EXPECT_EQ(FormatNanos(static_cast<__int128>(INT64_MIN) * 1'000), "-290308-12-21T19:59:05.224192Z");
  EXPECT_EQ(FormatNanos(static_cast<__int128>(INT64_MIN) * kNanosPerSecond), "-292277022657-01-27T08:29:52Z");
}

// Day by day against the standard library's calendar, over 400 years and more, from before the year 0 on.
TEST(TimeTest, DatesAreThoseOfTheCalendar) {
  for (int32_t days = -720'000; days < -570'000; ++days) {
    const std::chrono::year_month_day ymd{std::chrono::sys_days(std::chrono::days(days))};
    const int year = static_cast<int>(ymd.year());
    char text[32];
    std::snprintf(text, sizeof text, "%s%04d-%02u-%02u", year < 0 ? "-" : "", std::abs(year),
                  static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()));
    ASSERT_EQ(FormatDate(days), text);
  }
}

TEST(TimeTest, DividesTowardsThePastWithoutOverflow) {
  for (const int64_t divisor : {int64_t{1}, int64_t{1'000}, kNanosPerDay}) {
    for (const int64_t value :
         {INT64_MIN, INT64_MIN + 1, int64_t{-1'001}, int64_t{-1}, int64_t{0}, INT64_MAX}) {
      EXPECT_GE(FloorMod(value, divisor), 0);
      EXPECT_LT(FloorMod(value, divisor), divisor);
      EXPECT_EQ(static_cast<__int128>(FloorDiv(value, divisor)) * divisor + FloorMod(value, divisor), value);
    }
  }
}

TEST(TimeTest, ReadsDatesZonesAndShortForms) {
  EXPECT_EQ(ParseNanos("1970-01-02").ValueOrDie(), kNanosPerDay);
  EXPECT_EQ(ParseNanos("1970-01-01 00:01").ValueOrDie(), 60 * kNanosPerSecond);
  EXPECT_EQ(ParseNanos("1970-01-01T01:00:00+01:00").ValueOrDie(), 0);
  EXPECT_EQ(ParseNanos("1970-01-01T00:00:00.5Z").ValueOrDie(), kNanosPerSecond / 2);
  EXPECT_EQ(ParseDate("1969-12-31").ValueOrDie(), -1);
}

TEST(TimeTest, RefusesWhatIsNotATime) {
  for (const char* text :
       {"", "2024", "2024-13-01", "2024-02-30", "2024-01-01T", "2024-01-01T25:00", "2024-01-01T00:00:00.",
        "2024-01-01T00:00:00X", "2024-01-01T00:00:00+1", "1677-09-21T00:12:43Z", "9999-01-01"}) {
    EXPECT_TRUE(IsKind(ParseNanos(text).status(), ErrorKind::kInvalidInput)) << text;
  }
}

TEST(TimeTest, ADateHasAYearOfFourDigits) {
  for (const char* text : {"", "-001-01-01", "-123-01-01", "-0001-01-01", "+2024-01-01", "12024-01-01",
                           "024-01-01", "2024-01-01T", "2024-02-30"}) {
    EXPECT_TRUE(IsKind(ParseDate(text).status(), ErrorKind::kInvalidInput)) << text;
  }
}

TEST(TimeTest, TimesBefore1970FallIntoTheirOwnDay) { EXPECT_EQ(DateOfNanos(-1), -1); }

}  // namespace
}  // namespace marquet
