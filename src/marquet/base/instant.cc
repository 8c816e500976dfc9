#include "marquet/base/instant.h"

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/time.h"

namespace marquet {
namespace {

using Int128 = __int128;

constexpr Int128 kAttosPerSecond = static_cast<Int128>(kAttosPerNano) * kNanosPerSecond;
constexpr int kFractionDigits = 18;
constexpr int kMaxYearDigits = 12;  // keeps attoseconds within 128 bits

bool IsDigit(std::string_view text, size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

// Reads exactly `width` digits at `*at`; -1 when they are not all digits.
int TakeDigits(std::string_view text, size_t* at, int width) {
  int value = 0;
  for (int i = 0; i < width; ++i, ++*at) {
    if (!IsDigit(text, *at)) return -1;
    value = value * 10 + (text[*at] - '0');
  }
  return value;
}

bool Take(std::string_view text, size_t* at, char wanted) {
  if (*at >= text.size() || text[*at] != wanted) return false;
  ++*at;
  return true;
}

int LastDay(int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

// The proleptic Gregorian calendar, counted in years that begin with March, so that the leap day is the last
// (https://howardhinnant.github.io/date_algorithms.html#days_from_civil).
int64_t DaysOfDate(int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = FloorDiv(year, 400);
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

// The digits behind a point, as attoseconds; -1 for none, and for more than an attosecond can hold.
int64_t TakeFraction(std::string_view text, size_t* at) {
  if (!IsDigit(text, *at)) return -1;
  int64_t fraction = 0;
  for (int digits = 0; digits < kFractionDigits; ++digits) {
    fraction = fraction * 10 + (IsDigit(text, *at) ? text[(*at)++] - '0' : 0);
  }
  while (Take(text, at, '0')) continue;
  return IsDigit(text, *at) ? -1 : fraction;
}

// "hh", and ":mm", ":ss" and ".f" as far as they are there; nothing for what is not a time of day.
std::optional<Int128> TakeClock(std::string_view text, size_t* at, bool minute_needed, bool colon_needed) {
  const int hour = TakeDigits(text, at, 2);
  if (hour < 0 || hour > 23) return {};
  int minute = 0;
  int second = 0;
  int64_t fraction = 0;
  if (Take(text, at, ':') || (!colon_needed && IsDigit(text, *at))) {
    minute = TakeDigits(text, at, 2);
    if (minute < 0 || minute > 59) return {};
    if (Take(text, at, ':')) {
      second = TakeDigits(text, at, 2);
      if (second < 0 || second > 59) return {};
      if (Take(text, at, '.')) {
        fraction = TakeFraction(text, at);
        if (fraction < 0) return {};
      }
    }
  } else if (minute_needed) {
    return {};
  }
  return (hour * 3600 + minute * 60 + second) * kAttosPerSecond + fraction;
}

arrow::Status BadTime(std::string_view text) {
  return InvalidInput(fmt::format(
      "'{}' is not a time; expected ISO-8601 such as 2024-01-02 or 2024-01-02T03:04:05.000000006Z", text));
}

}  // namespace

std::optional<int64_t> TakeDate(std::string_view text, size_t* at) {
  const bool negative = *at < text.size() && text[*at] == '-';
  if (negative || (*at < text.size() && text[*at] == '+')) ++*at;
  const size_t begin = *at;
  int64_t year = 0;
  while (IsDigit(text, *at) && *at - begin < kMaxYearDigits) year = year * 10 + (text[(*at)++] - '0');
  const size_t digits = *at - begin;
  if (digits + (negative ? 1 : 0) < 4 || !Take(text, at, '-')) return {};  // NumPy writes -001-01-01
  if (negative) year = -year;
  const int month = TakeDigits(text, at, 2);
  if (month < 1 || month > 12 || !Take(text, at, '-')) return {};
  const int day = TakeDigits(text, at, 2);
  if (day < 1 || day > LastDay(year, month)) return {};
  return DaysOfDate(year, month, day);
}

arrow::Result<Int128> ParseAttos(std::string_view text) {
  size_t at = 0;
  const std::optional<int64_t> days = TakeDate(text, &at);
  if (!days) return BadTime(text);
  Int128 attos = static_cast<Int128>(*days) * 86'400 * kAttosPerSecond;
  if (at == text.size()) return attos;
  if (!Take(text, &at, 'T') && !Take(text, &at, ' ')) return BadTime(text);
  const std::optional<Int128> clock = TakeClock(text, &at, true, true);
  if (!clock) return BadTime(text);
  attos += *clock;
  if (!Take(text, &at, 'Z') && at < text.size()) {
    const int sign = text[at] == '+' ? 1 : text[at] == '-' ? -1 : 0;
    if (sign == 0) return BadTime(text);
    ++at;
    const std::optional<Int128> offset = TakeClock(text, &at, false, false);
    if (!offset) return BadTime(text);
    attos -= sign * *offset;
  }
  if (at != text.size()) return BadTime(text);
  return attos;
}

}  // namespace marquet
