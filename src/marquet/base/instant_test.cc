#include "marquet/base/instant.h"

#include <gtest/gtest.h>

#include "marquet/base/error.h"
#include "marquet/base/time.h"

namespace marquet {
namespace {

using Int128 = __int128;

constexpr Int128 kSecond = static_cast<Int128>(kAttosPerNano) * kNanosPerSecond;

Int128 Attos(std::string_view text) {
  const auto attos = ParseAttos(text);
  EXPECT_TRUE(attos.ok()) << text << attos.status();
  return attos.ok() ? *attos : 0;
}

// The days of the first of January, counted year by year from 1970.
TEST(InstantTest, CountsDaysAsTheCalendarDoes) {
  int64_t days = 0;
  for (int64_t year = 1970; year < 14'000; ++year) {
    const std::string text = std::to_string(year) + "-01-01";
    ASSERT_EQ(Attos(text), days * Int128{86'400} * kSecond) << text;
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    size_t at = 0;
    ASSERT_EQ(TakeDate(std::to_string(year) + "-02-29", &at).has_value(), leap) << text;
    days += leap ? 366 : 365;
  }
}

// As NumPy and Python's proleptic calendar count them.
TEST(InstantTest, ReachesAsFarAsAnyColumn) {
  const Int128 day = 86'400 * kSecond;
  EXPECT_EQ(Attos("0001-01-01"), -719'162 * day);
  EXPECT_EQ(Attos("0000-03-01"), -719'468 * day);
  EXPECT_EQ(Attos("-001-01-01"), -719'893 * day);
  EXPECT_EQ(Attos("-0001-01-01"), Attos("-001-01-01"));
  EXPECT_EQ(Attos("+5881580-07-11"), INT32_MAX * day);
  EXPECT_EQ(Attos("-5877641-06-23"), INT32_MIN * day);
  EXPECT_EQ(Attos("294247-01-10T04:00:54.775807Z"), INT64_MAX * (kSecond / 1'000'000));
  EXPECT_EQ(Attos("1970-01-01T00:00:00.000000000000000001"), 1);
  EXPECT_EQ(Attos("1970-01-01T00:00:00.0000000000000000010000"), 1);
}

TEST(InstantTest, ReadsOffsetsBelowAMinute) {
  EXPECT_EQ(Attos("1883-11-18T12:03:58-04:56:02"), Attos("1883-11-18T17:00:00Z"));
  EXPECT_EQ(Attos("2024-01-01T00:00:00+01:00:00.5"), Attos("2023-12-31T22:59:59.5Z"));
  EXPECT_EQ(Attos("2024-01-01T00:00+0530"), Attos("2023-12-31T18:30:00Z"));
}

TEST(InstantTest, RefusesWhatIsNotATime) {
  for (const char* text :
       {"", "-", "24-01-01", "024-01-01", "2024-00-01", "2024-01-00", "2023-02-29", "1900-02-29", "2024-1-1",
        "9999999999999-01-01", "2024-01-01T", "2024-01-01T24:00", "2024-01-01T00:60", "2024-01-01T00:00:00.",
        "2024-01-01T00:00:00.0000000000000000001", "2024-01-01T00:00:00+24", "2024-01-01T00:00Zx"}) {
    EXPECT_TRUE(IsKind(ParseAttos(text).status(), ErrorKind::kInvalidInput)) << text;
  }
}

TEST(InstantTest, NanosecondsAreRefusedWhatTheyCannotHold) {
  EXPECT_FALSE(ParseNanos("2262-04-11T23:47:16.854775808Z").ok());
  EXPECT_EQ(ParseNanos("2262-04-11T23:47:16.854775807Z").ValueOrDie(), INT64_MAX);
  EXPECT_FALSE(ParseNanos("2024-01-01T00:00:00.0000000001").ok());
  EXPECT_EQ(ParseNanos("1970-01-01T00:00:00.0000000010").ValueOrDie(), 1);
}

}  // namespace
}  // namespace marquet
