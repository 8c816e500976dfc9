#include "marquet/file/temporary_name.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "marquet/file/file_system.h"

namespace marquet::file {
namespace {

constexpr std::string_view kTemporary = ".tmp";
constexpr std::string_view kJournal = ".journal";

// A name has at most 255 bytes on common file systems; this leaves room for what surrounds it.
constexpr size_t kLongestNamePart = 180;

constexpr size_t kProcessDigits = 16;

std::string UniqueSuffix() {
  static const uint64_t drawn = [] {
    uint64_t number = 0;
    if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number) {
      number = static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    }
    return number;
  }();
  static std::atomic<uint64_t> counter{0};
  return fmt::format("{:x}-{:x}-{:016x}", ::getpid(), counter.fetch_add(1), drawn);
}

// Lower-case digits without a sign, as they are printed above.
std::optional<uint64_t> ParseHex(std::string_view text) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  uint64_t value = 0;
  if (text.empty() || !std::all_of(text.begin(), text.end(), digit)) return {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

// What a temporary name holds of a final one.
std::string_view NamePart(std::string_view name) {
  if (name.size() <= kLongestNamePart) return name;
  size_t end = kLongestNamePart;
  while (end > 0 && (name[end] & 0xC0) == 0x80) --end;  // not inside a UTF-8 character
  return name.substr(0, end);
}

}  // namespace

std::string MakeTemporaryPath(const std::string& path) {
  const std::string temporary = fmt::format(".{}.{}{}", NamePart(FileName(path)), UniqueSuffix(), kTemporary);
  // A bare name stays bare, so that messages show the path as it was given.
  return path.find('/') == std::string::npos ? temporary : JoinPath(ParentPath(path), temporary);
}

std::string JournalPath(std::string_view temporary) {
  return std::string(temporary.substr(0, temporary.size() - kTemporary.size())) + std::string(kJournal);
}

bool IsTemporaryOf(const TemporaryName& temporary, std::string_view name) {
  return NamePart(name) == temporary.final_name;
}

std::optional<TemporaryName> ParseTemporaryName(std::string_view name) {
  TemporaryName found;
  found.journal = name.ends_with(kJournal);
  if (!found.journal && !name.ends_with(kTemporary)) return {};
  name.remove_suffix(found.journal ? kJournal.size() : kTemporary.size());
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot < 2 || name[0] != '.') return {};
  found.final_name = name.substr(1, dot - 1);
  const std::string_view unique = name.substr(dot + 1);
  const size_t first = unique.find('-'), second = unique.rfind('-');
  if (first == std::string_view::npos || first == second) return {};
  const auto pid = ParseHex(unique.substr(0, first));
  const auto counter = ParseHex(unique.substr(first + 1, second - first - 1));
  const std::string_view process = unique.substr(second + 1);
  if (!pid || !counter || process.size() != kProcessDigits || !ParseHex(process)) return {};
  // Printed anew it is the same: no leading zeros, no number that no process has.
  if (*pid == 0 || *pid > INT32_MAX || fmt::format("{:x}-{:x}", *pid, *counter) != unique.substr(0, second)) {
    return {};
  }
  found.pid = static_cast<int64_t>(*pid);
  return found;
}

}  // namespace marquet::file
