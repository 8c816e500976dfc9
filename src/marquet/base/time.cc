#include "marquet/base/time.h"

#include <chrono>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/instant.h"

namespace marquet {

std::string FormatDate(int32_t days) {
  const std::chrono::year_month_day ymd{std::chrono::sys_days(std::chrono::days(days))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                     static_cast<unsigned>(ymd.day()));
}

std::string FormatNanos(int64_t nanos) {
  const int32_t days = DateOfNanos(nanos);
  // In 128 bits, because the first representable day begins before the first representable nanosecond.
  const auto rest =
      static_cast<int64_t>(static_cast<__int128>(nanos) - static_cast<__int128>(days) * kNanosPerDay);
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

arrow::Result<int32_t> ParseDate(std::string_view text) {
  size_t at = 0;
  const std::optional<int64_t> days = TakeDate(text, &at);
  // Years of four digits: others are dates, but not written as files and logs write them.
  if (!days || at != text.size() || text.size() != std::string_view("YYYY-MM-DD").size()) {
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
