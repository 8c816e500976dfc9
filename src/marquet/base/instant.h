// Points in time as ISO-8601 text says them, of any year and to the attosecond: what a filter compares with
// columns that reach further than nanoseconds in 64 bits (microseconds, dates), and NumPy's finest unit.
//
// Pure functions; thread safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "arrow/result.h"

namespace marquet {

constexpr int64_t kAttosPerNano = 1'000'000'000;

// Days since 1970-01-01 of the date that begins at `*at`: a year of 4 to 12 digits, which a sign may precede
// (year 0 is the one before year 1; after a minus 3 digits will do), month and day. `*at` moves behind it;
// nothing where there is no date.
std::optional<int64_t> TakeDate(std::string_view text, size_t* at);

// Attoseconds since 1970-01-01T00:00:00Z of a date (its midnight), or of a date, 'T' or a space, and a time
// to the minute, the second or up to 18 fractional digits, then nothing (UTC), 'Z' or an offset from UTC:
// "+hh", "+hh:mm", "+hh:mm:ss" or with a fraction of that second, as zones had before there were standard
// ones. Errors: kInvalidInput for other text.
arrow::Result<__int128> ParseAttos(std::string_view text);

}  // namespace marquet
