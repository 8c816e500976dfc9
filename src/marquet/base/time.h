// Nanosecond times and UTC dates, to and from text.
//
// A time is an int64 of nanoseconds since 1970-01-01T00:00:00Z (1677-09-21 to 2262-04-11); a date is an int32
// of days since 1970-01-01. Nothing here knows of time zones other than UTC and fixed offsets. Thread safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace marquet {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kNanosPerDay = 86'400 * kNanosPerSecond;

// Division that rounds towards negative infinity, so that times before 1970 fall into the right day.
constexpr int64_t FloorDiv(int64_t value, int64_t divisor) {
  const int64_t quotient = value / divisor;
  return quotient - ((value % divisor != 0) && ((value < 0) != (divisor < 0)));
}

// What FloorDiv leaves: in [0, divisor) for every value, without overflow.
constexpr int64_t FloorMod(int64_t value, int64_t divisor) {
  const int64_t rest = value % divisor;
  return rest < 0 ? rest + divisor : rest;
}

constexpr int32_t DateOfNanos(int64_t nanos) { return static_cast<int32_t>(FloorDiv(nanos, kNanosPerDay)); }

constexpr int64_t NanosPerUnit(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return kNanosPerSecond;
    case arrow::TimeUnit::MILLI:
      return 1'000'000;
    case arrow::TimeUnit::MICRO:
      return 1'000;
    case arrow::TimeUnit::NANO:
      return 1;
  }
  return 1;  // there is no other
}

// "2024-01-02T03:04:05.000000006Z"; the fraction has 0, 3, 6 or 9 digits, as few as keep the value. Wider
// than a time above, so that counts of seconds to microseconds are told whatever their year.
std::string FormatNanos(__int128 nanos);

// The same of milliseconds, as logs and file systems count.
std::string FormatMillis(int64_t millis);

// "2024-01-02"; a year has four digits or, past 9999, more ("12024-01-02"), and before the year 0 a sign
// ("-0001-12-31").
std::string FormatDate(int64_t days);

// Reads ISO-8601 as ParseAttos does (instant.h): a date, its midnight, or a date and a time to the minute,
// the second or a fraction of it, with nothing behind it (UTC), 'Z' or an offset. Errors: kInvalidInput when
// the text is not of this form, finer than a nanosecond or outside what int64 nanoseconds hold.
arrow::Result<int64_t> ParseNanos(std::string_view text);

// Reads "2024-01-02": a year of four digits, without a sign. Errors: kInvalidInput.
arrow::Result<int32_t> ParseDate(std::string_view text);

// The wall clock, in nanoseconds. For created-at fields and file ages only: nothing is ordered by it.
int64_t NowNanos();

}  // namespace marquet
