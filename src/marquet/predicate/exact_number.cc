#include "marquet/predicate/exact_number.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::predicate {
namespace {

constexpr int kMaxDigits = 38;
constexpr int kMaxExponent = 1'000'000;        // beyond it every number is as good as infinite or zero
constexpr int64_t kFarExponent = 100'000'000;  // beyond it no digits that a text has room for make up

Int128 PowerOfTen(int exponent) {  // 0 <= exponent <= 38
  Int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

arrow::Status NotANumber(std::string_view text) {
  return InvalidInput(fmt::format("{} is not a number", Quoted(text)));
}

}  // namespace

arrow::Result<DecimalNumber> ParseDecimal(std::string_view text) {
  size_t at = 0;
  const bool negative = at < text.size() && text[at] == '-';
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  DecimalNumber number;
  int digits = 0;
  int64_t trailing_zeros = 0;  // held back, so that 1000...0 costs no digits
  int64_t exponent = 0;
  bool any = false;
  bool fraction = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (!IsDigit(text[at])) break;
    any = true;
    if (fraction) --exponent;
    if (text[at] == '0') {
      ++trailing_zeros;
      continue;
    }
    // The zeros held back and this digit, as far as they find room.
    if (number.coefficient == 0) trailing_zeros = 0;
    const int64_t room = kMaxDigits - digits;
    const int64_t added = std::min(trailing_zeros + 1, room);
    number.coefficient *= PowerOfTen(static_cast<int>(added));
    digits += static_cast<int>(added);
    if (added == trailing_zeros + 1) {
      number.coefficient += text[at] - '0';
    } else {
      number.more = true;
      exponent += trailing_zeros + 1 - added;
    }
    trailing_zeros = 0;
  }
  if (!any) return NotANumber(text);
  exponent += trailing_zeros;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    const bool down = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (at == text.size()) return NotANumber(text);
    int64_t written = 0;
    for (; at < text.size() && IsDigit(text[at]); ++at) {
      written = std::min(written * 10 + (text[at] - '0'), kFarExponent);
    }
    exponent += down ? -written : written;
  }
  if (at != text.size()) return NotANumber(text);
  if (number.coefficient == 0) exponent = 0;
  number.exponent = static_cast<int>(std::clamp<int64_t>(exponent, -kMaxExponent, kMaxExponent));
  if (negative) number.coefficient = -number.coefficient;
  return number;
}

double NearestDouble(const std::string& text) {
  // strtod rounds correctly whatever the length, but takes its decimal point from the locale: 12.5e3 is
  // 125e2.
  std::string digits = text;
  const size_t point = digits.find('.');
  if (point == std::string::npos) return std::strtod(digits.c_str(), nullptr);
  const size_t end = std::min(digits.find_first_of("eE"), digits.size());
  const auto places = static_cast<int64_t>(end - point - 1);
  int64_t exponent = -places;
  if (end < digits.size()) {
    const int64_t written = std::strtoll(digits.c_str() + end + 1, nullptr, 10);
    exponent += std::clamp<int64_t>(written, -kFarExponent, kFarExponent);
  }
  digits.resize(end);
  digits.erase(point, 1);
  return std::strtod(fmt::format("{}e{}", digits, exponent).c_str(), nullptr);
}

bool IsIntegerText(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

Threshold FloorOfQuotient(Int128 dividend, Int128 divisor) {
  Int128 quotient = dividend / divisor;
  const Int128 rest = dividend % divisor;
  if (rest < 0) --quotient;
  return {quotient, rest == 0};
}

Threshold FloorOf(const DecimalNumber& number, int shift) {
  const Int128 coefficient = number.coefficient;
  const int64_t exponent = static_cast<int64_t>(number.exponent) + shift;
  if (coefficient == 0) return {0, true};
  Threshold place;
  if (exponent >= 0) {
    // With `more` and an exponent, the number has more than 38 digits before its point.
    if (exponent > kMaxDigits || (number.more && exponent > 0) ||
        __builtin_mul_overflow(coefficient, PowerOfTen(static_cast<int>(exponent)), &place.floor)) {
      return {coefficient < 0 ? kInt128Min : kInt128Max, false};
    }
  } else if (exponent < -kMaxDigits) {
    return {coefficient < 0 ? -1 : 0, false};
  } else {
    place = FloorOfQuotient(coefficient, PowerOfTen(static_cast<int>(-exponent)));
  }
  if (number.more && place.exact) {
    place.exact = false;
    if (coefficient < 0) --place.floor;
  }
  return place;
}

Threshold FloorOf(double number) {
  const double floor = std::floor(number);
  if (floor >= 0x1p127) return {kInt128Max, false};
  if (floor < -0x1p127) return {kInt128Min, false};
  return {static_cast<Int128>(floor), floor == number};
}

int CompareScaled(Int128 a, int shift, Int128 b) {
  const Threshold other = FloorOf(DecimalNumber{b, 0}, -shift);
  if (a != other.floor) return a < other.floor ? -1 : 1;
  return other.exact ? 0 : -1;
}

int CompareExactly(Int128 a, double b) {
  const Threshold other = FloorOf(b);
  if (a != other.floor) return a < other.floor ? -1 : 1;
  return other.exact ? 0 : -1;
}

int CompareExactly(std::string_view a, double b) {
  bool negative = false;
  if (a[0] == '-' || a[0] == '+') {
    negative = a[0] == '-';
    a.remove_prefix(1);
  }
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  if (a.empty() || b == 0 || (b < 0) != negative) return CompareExactly(a.empty() ? 0 : negative ? -1 : 1, b);
  // Of one sign: the digits of the double, which are all of them, decide.
  const std::string digits = std::isinf(b) ? std::string() : fmt::format("{:.0f}", std::abs(b));
  const int order = digits.empty()              ? -1
                    : a.size() != digits.size() ? (a.size() < digits.size() ? -1 : 1)
                                                : a.compare(digits);
  return negative ? -order : order;
}

}  // namespace marquet::predicate
