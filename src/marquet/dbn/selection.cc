#include "marquet/dbn/selection.h"

#include <algorithm>

#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/time.h"

namespace marquet::dbn {
namespace {

// The bytes of the UTF-8 character that begins here; of text that is none, one.
size_t CharacterBytes(std::string_view text) {
  size_t bytes = 1;
  while (bytes < text.size() && bytes < 4 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80)
    ++bytes;
  return bytes;
}

bool HasWildcard(std::string_view pattern) { return pattern.find_first_of("*?") != pattern.npos; }

}  // namespace

// Where a text does not fit behind the last '*', that takes one character more: earlier ones need not be
// tried again, since what stands between two of them fits first where it fits first.
bool MatchesPattern(std::string_view pattern, std::string_view symbol) {
  size_t at = 0, in_pattern = 0;
  std::optional<size_t> star;
  size_t begin = 0;  // of what the last '*' does not take
  while (at < symbol.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = ++in_pattern;
      begin = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == '?') {
      at += CharacterBytes(symbol.substr(at));
      ++in_pattern;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == symbol[at]) {
      ++at;
      ++in_pattern;
    } else if (star) {
      begin += CharacterBytes(symbol.substr(begin));
      at = begin;
      in_pattern = *star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == pattern.npos;
}

bool Selection::HasSymbol(const std::optional<std::string>& symbol) const {
  if (symbols.empty()) return true;
  return symbol && std::any_of(symbols.begin(), symbols.end(),
                               [&](const std::string& pattern) { return MatchesPattern(pattern, *symbol); });
}

bool Selection::Covers(const Selection& other) const {
  if (start_ns && (!other.start_ns || *other.start_ns < *start_ns)) return false;
  if (end_ns && (!other.end_ns || *other.end_ns > *end_ns)) return false;
  if (symbols.empty()) return true;
  return !other.symbols.empty() &&
         std::all_of(other.symbols.begin(), other.symbols.end(), [&](const std::string& pattern) {
           return std::find(symbols.begin(), symbols.end(), pattern) != symbols.end() ||
                  (!HasWildcard(pattern) && HasSymbol(pattern));
         });
}

arrow::Status CheckSelection(const Selection& selection) {
  for (const std::string& pattern : selection.symbols) {
    if (!pattern.empty()) continue;
    return InvalidInput("one of the symbols is empty; expected symbols such as ESH4, or patterns such as ES*",
                        "leave the symbols out to select all of them");
  }
  if (selection.start_ns && selection.end_ns && *selection.start_ns >= *selection.end_ns) {
    return InvalidInput(
        fmt::format("the start {} is not before the end {}", FormatNanos(*selection.start_ns),
                    FormatNanos(*selection.end_ns)),
        "records at or after the start and before the end are selected; give an end that is later");
  }
  return arrow::Status::OK();
}

std::string ToText(const Selection& selection) {
  std::string text, times;
  if (!selection.symbols.empty()) text = fmt::format("symbols {}", fmt::join(selection.symbols, ", "));
  if (selection.start_ns) times = " from " + FormatNanos(*selection.start_ns);
  if (selection.end_ns) times += " before " + FormatNanos(*selection.end_ns);
  if (!times.empty()) text += (text.empty() ? "times" : " at times") + times;
  return text.empty() ? "everything" : text;
}

}  // namespace marquet::dbn
