#include "marquet/base/text.h"

#include <sys/random.h>

#include <cctype>
#include <charconv>
#include <cmath>
#include <random>

#include <fmt/format.h>

#include "marquet/base/error.h"

namespace marquet {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The length of the UTF-8 sequence that starts at `at`, or 0 when there is none.
size_t Utf8Length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  size_t length = 0;
  uint32_t point = 0;
  if (first >= 0xC2 && first < 0xE0) {
    length = 2;
    point = first & 0x1Fu;
  } else if (first >= 0xE0 && first < 0xF0) {
    length = 3;
    point = first & 0x0Fu;
  } else if (first >= 0xF0 && first < 0xF5) {
    length = 4;
    point = first & 0x07u;
  } else {
    return 0;
  }
  if (at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0u) != 0x80u) return 0;
    point = point << 6 | (byte(at + i) & 0x3Fu);
  }
  if (length == 3 && (point < 0x800 || (point >= 0xD800 && point < 0xE000))) return 0;
  if (length == 4 && (point < 0x10000 || point > 0x10FFFF)) return 0;
  return length;
}

}  // namespace

std::string WithCommas(int64_t value) {
  std::string digits = std::to_string(value);
  const size_t start = value < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > start + 3;) {
    i -= 3;
    digits.insert(i, 1, ',');
  }
  return digits;
}

std::string Counted(int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", WithCommas(count), noun, count == 1 ? "" : "s");
}

std::string HumanBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (std::fabs(value) >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string HumanSeconds(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(seconds);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 2 * 86'400) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return fmt::format("{} d {:02} h", whole / 86'400, whole / 3600 % 24);
}

arrow::Result<int64_t> ParseBytes(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string unit;
  for (const char* p = end; p < text.data() + text.size(); ++p) {
    if (*p != ' ') unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*p)));
  }
  double scale = 0;
  if (unit.empty() || unit == "b") scale = 1;
  static constexpr std::string_view kPrefixes = "kmgt";
  if (const size_t power = unit.empty() ? std::string_view::npos : kPrefixes.find(unit[0]);
      power != std::string_view::npos) {
    const std::string_view rest = std::string_view(unit).substr(1);
    if (rest.empty() || rest == "b") scale = std::pow(1000.0, static_cast<double>(power + 1));
    if (rest == "ib" || rest == "i") scale = std::pow(1024.0, static_cast<double>(power + 1));
  }
  if (error != std::errc() || scale == 0 || !(value > 0) || value * scale > 9e18) {
    return InvalidInput(
        fmt::format("'{}' is not a size; expected a number and a unit such as 512MiB or 2GB", text));
  }
  return static_cast<int64_t>(value * scale);
}

arrow::Result<int64_t> ParseDuration(std::string_view text) {
  double value = 0;
  const char* const text_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), text_end, value);
  double scale = 0;
  if (text_end - end == 1) {
    switch (*end) {
      case 's':
        scale = 1e3;
        break;
      case 'm':
        scale = 60e3;
        break;
      case 'h':
        scale = 3600e3;
        break;
      case 'd':
        scale = 86400e3;
        break;
    }
  }
  if (error != std::errc() || scale == 0 || !(value >= 0) || value * scale > 9e18) {
    return InvalidInput(fmt::format(
        "'{}' is not a duration; expected a number and a unit such as 90s, 30m, 12h or 2d", text));
  }
  return static_cast<int64_t>(value * scale);
}

std::string UriEncode(std::string_view text, std::string_view keep) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                            c == '-' || c == '_' || c == '.' || c == '~';
    if (unreserved || keep.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

arrow::Result<std::string> UriDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return InvalidInput(
          fmt::format("{} holds a '%' at byte {} without two hexadecimal digits", Quoted(text), i));
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8Length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string Quoted(std::string_view text, size_t limit) {
  std::string out = "'";
  size_t at = 0;
  while (at < text.size() && at < limit) {
    const size_t length = Utf8Length(text, at);
    const auto c = static_cast<unsigned char>(text[at]);
    if (length == 0 || c < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02x}", c);
      ++at;
    } else {
      out.append(text.substr(at, length));
      at += length;
    }
  }
  return out + (at < text.size() ? "...'" : "'");
}

std::string RandomUuid() {
  uint64_t words[2];
  if (::getrandom(words, sizeof words, 0) != sizeof words) {  // a kernel without it, or a sandbox
    std::random_device device;
    for (uint64_t& word : words) word = static_cast<uint64_t>(device()) << 32 | device();
  }
  const uint64_t high = (words[0] & ~0xF000ULL) | 0x4000ULL;
  const uint64_t low = (words[1] & ~(3ULL << 62)) | (2ULL << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF,
                     low >> 48, low & 0xFFFFFFFFFFFFULL);
}

}  // namespace marquet
