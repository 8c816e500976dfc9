#include "marquet/base/time.h"

#include <chrono>

#include <fmt/format.h>

#include "marquet/base/error.h"

namespace marquet {
namespace {

// Reads exactly `width` digits at `*at`; -1 when they are not all digits.
int Digits(std::string_view text, size_t* at, int width) {
  if (*at + static_cast<size_t>(width) > text.size()) return -1;
  int value = 0;
  for (int i = 0; i < width; ++i) {
    const char c = text[*at + static_cast<size_t>(i)];
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  *at += static_cast<size_t>(width);
  return value;
}

bool Take(std::string_view text, size_t* at, char wanted) {
  if (*at >= text.size() || text[*at] != wanted) return false;
  ++*at;
  return true;
}

bool TakeDate(std::string_view text, size_t* at, int32_t* days) {
  const int year = Digits(text, at, 4);
  if (year < 0 || !Take(text, at, '-')) return false;
  const int month = Digits(text, at, 2);
  if (month < 0 || !Take(text, at, '-')) return false;
  const int day = Digits(text, at, 2);
  if (day < 0) return false;
  const std::chrono::year_month_day ymd{std::chrono::year(year),
                                        std::chrono::month(static_cast<unsigned>(month)),
                                        std::chrono::day(static_cast<unsigned>(day))};
  if (!ymd.ok()) return false;
  *days = static_cast<int32_t>(std::chrono::sys_days(ymd).time_since_epoch().count());
  return true;
}

arrow::Status BadTime(std::string_view text) {
  return InvalidInput(fmt::format(
      "'{}' is not a time; expected ISO-8601 such as 2024-01-02 or 2024-01-02T03:04:05.000000006Z", text));
}

}  // namespace

std::string FormatDate(int64_t days) {
  // Eras of 400 years that begin on 1 March, so that the leap day is a year's last day. Howard Hinnant,
  // "chrono-Compatible Low-Level Date Algorithms", civil_from_days. The calendar of the standard library ends
  // with the year 32767.
  constexpr int64_t kDaysToEpoch = 719'468, kDaysPerEra = 146'097;
  const int64_t era =
      FloorDiv(days, kDaysPerEra) + (FloorMod(days, kDaysPerEra) + kDaysToEpoch) / kDaysPerEra;
  const int64_t of_era = (FloorMod(days, kDaysPerEra) + kDaysToEpoch) % kDaysPerEra;
  const int64_t year_of_era = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * of_year + 2) / 153;
  const int64_t day = of_year - (153 * month_from_march + 2) / 5 + 1;
  const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const int64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
  return fmt::format("{}{:04}-{:02}-{:02}", year < 0 ? "-" : "", year < 0 ? -year : year, month, day);
}

std::string FormatNanos(__int128 nanos) {
  auto rest = static_cast<int64_t>(nanos % kNanosPerDay);
  if (rest < 0) rest += kNanosPerDay;
  const auto days = static_cast<int64_t>((nanos - rest) / kNanosPerDay);
  const int64_t seconds = rest / kNanosPerSecond;
  const int64_t fraction = rest % kNanosPerSecond;
  std::string text =
      fmt::format("{}T{:02}:{:02}:{:02}", FormatDate(days), seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (fraction % 1'000 != 0) {
    text += fmt::format(".{:09}", fraction);
  } else if (fraction % 1'000'000 != 0) {
    text += fmt::format(".{:06}", fraction / 1'000);
  } else if (fraction != 0) {
    text += fmt::format(".{:03}", fraction / 1'000'000);
  }
  return text + "Z";
}

std::string FormatMillis(int64_t millis) { return FormatNanos(static_cast<__int128>(millis) * 1'000'000); }

arrow::Result<int32_t> ParseDate(std::string_view text) {
  size_t at = 0;
  int32_t days = 0;
  if (!TakeDate(text, &at, &days) || at != text.size()) {
    return InvalidInput(fmt::format("'{}' is not a date; expected YYYY-MM-DD", text));
  }
  return days;
}

arrow::Result<int64_t> ParseNanos(std::string_view text) {
  size_t at = 0;
  int32_t days = 0;
  if (!TakeDate(text, &at, &days)) return BadTime(text);
  int64_t seconds = 0;
  int64_t fraction = 0;
  if (at < text.size()) {
    if (!Take(text, &at, 'T') && !Take(text, &at, ' ')) return BadTime(text);
    const int hour = Digits(text, &at, 2);
    if (hour < 0 || hour > 23 || !Take(text, &at, ':')) return BadTime(text);
    const int minute = Digits(text, &at, 2);
    if (minute < 0 || minute > 59) return BadTime(text);
    int second = 0;
    if (Take(text, &at, ':')) {
      second = Digits(text, &at, 2);
      if (second < 0 || second > 59) return BadTime(text);
      if (Take(text, &at, '.')) {
        int digits = 0;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9' && digits < 9) {
          fraction = fraction * 10 + (text[at++] - '0');
          ++digits;
        }
        if (digits == 0) return BadTime(text);
        for (; digits < 9; ++digits) fraction *= 10;
      }
    }
    seconds = hour * 3600 + minute * 60 + second;
    if (!Take(text, &at, 'Z') && at < text.size()) {
      const int sign = text[at] == '+' ? 1 : text[at] == '-' ? -1 : 0;
      if (sign == 0) return BadTime(text);
      ++at;
      const int zone_hour = Digits(text, &at, 2);
      Take(text, &at, ':');
      const int zone_minute = Digits(text, &at, 2);
      if (zone_hour < 0 || zone_hour > 23 || zone_minute < 0 || zone_minute > 59) return BadTime(text);
      seconds -= sign * (zone_hour * 3600 + zone_minute * 60);
    }
    if (at != text.size()) return BadTime(text);
  }
  const __int128 nanos = (static_cast<__int128>(days) * 86'400 + seconds) * kNanosPerSecond + fraction;
  if (nanos > INT64_MAX || nanos < INT64_MIN) {
    return InvalidInput(
        fmt::format("'{}' lies outside what nanoseconds in 64 bits hold (1677 to 2262)", text));
  }
  return static_cast<int64_t>(nanos);
}

int64_t NowNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace marquet
