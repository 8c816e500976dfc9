#include "marquet/base/time.h"

#include <chrono>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/instant.h"

namespace marquet {

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
  const std::optional<int64_t> days = TakeDate(text, &at);
  // Years of four digits: others are dates, but not written as files and logs write them.
  const bool four_digits = text.size() == std::string_view("YYYY-MM-DD").size() && text[0] != '-';
  if (!days || at != text.size() || !four_digits) {
    return InvalidInput(fmt::format("'{}' is not a date; expected YYYY-MM-DD", text));
  }
  return static_cast<int32_t>(*days);
}

arrow::Result<int64_t> ParseNanos(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const __int128 attos, ParseAttos(text));
  if (attos % kAttosPerNano != 0) {
    return InvalidInput(fmt::format("'{}' is finer than a nanosecond", text));
  }
  const __int128 nanos = attos / kAttosPerNano;
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
