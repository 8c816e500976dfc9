// Which records of a source are wanted: by symbol and by time.
//
// A record's time is its ts_recv or, where its kind has none or it is undefined, its ts_event; its symbol is
// the one that its row would have. Thread safe, as values are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/status.h"

namespace marquet::dbn {

struct Selection {
  // Patterns of whole symbols: '*' stands for any text, '?' for any one character. Empty: every record, those
  // without a symbol too, which no pattern matches.
  std::vector<std::string> symbols = {};
  // [start_ns, end_ns), in nanoseconds since 1970. With either of them, records without a time are left out.
  std::optional<int64_t> start_ns = {};
  std::optional<int64_t> end_ns = {};

  bool operator==(const Selection&) const = default;

  bool is_all() const { return symbols.empty() && !start_ns && !end_ns; }
  bool HasTime(std::optional<int64_t> nanos) const {
    if (!start_ns && !end_ns) return true;
    return nanos && (!start_ns || *nanos >= *start_ns) && (!end_ns || *nanos < *end_ns);
  }
  bool HasSymbol(const std::optional<std::string>& symbol) const;
  // Whether it is sure to select, of every source, all that `other` does. A pattern covers itself and the
  // symbols that it matches, not other patterns.
  bool Covers(const Selection& other) const;
};

// kInvalidInput for an empty pattern, and for an end that is not after the start.
arrow::Status CheckSelection(const Selection& selection);

// Whether a pattern, as above, matches a symbol as a whole.
bool MatchesPattern(std::string_view pattern, std::string_view symbol);

// "symbols ES*, NQH4 at times from 2024-01-02T00:00:00Z before 2024-01-03T00:00:00Z"; "everything".
std::string ToText(const Selection& selection);

}  // namespace marquet::dbn
