#include "marquet/base/time.h"

#include <gtest/gtest.h>

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

TEST(TimeTest, TimesBefore1970FallIntoTheirOwnDay) { EXPECT_EQ(DateOfNanos(-1), -1); }

}  // namespace
}  // namespace marquet
