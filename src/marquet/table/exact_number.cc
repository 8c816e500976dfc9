#include "marquet/table/exact_number.h"

#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::table {
namespace {

constexpr int kMaxDigits = 38;
constexpr int kMaxExponent = 1'000'000;  // beyond it every number is as good as infinite or zero

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
    if (number.coefficient != 0) {
      digits += static_cast<int>(std::min<int64_t>(trailing_zeros, kMaxDigits + 1));
    }
    if (++digits > kMaxDigits) {
      return InvalidInput(fmt::format("the number {} has more than 38 significant digits", Quoted(text)));
    }
    if (number.coefficient != 0) {
      number.coefficient *= PowerOfTen(static_cast<int>(trailing_zeros) + 1);
    }
    number.coefficient += text[at] - '0';
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
      written = std::min<int64_t>(written * 10 + (text[at] - '0'), 100'000'000);
    }
    exponent += down ? -written : written;
  }
  if (at != text.size()) return NotANumber(text);
  if (number.coefficient == 0) exponent = 0;
  number.exponent = static_cast<int>(std::clamp<int64_t>(exponent, -kMaxExponent, kMaxExponent));
  if (negative) number.coefficient = -number.coefficient;
  return number;
}

std::string FormatDecimal(const DecimalNumber& number) {
  if (number.coefficient == 0) return "0";
  // Plain digits where they are short, an exponent otherwise.
  std::string digits = fmt::format("{}", number.coefficient < 0 ? -number.coefficient : number.coefficient);
  const std::string sign = number.coefficient < 0 ? "-" : "";
  if (number.exponent >= 0 && number.exponent <= 20) {
    return sign + digits + std::string(static_cast<size_t>(number.exponent), '0');
  }
  if (number.exponent < 0 && number.exponent >= -40) {
    const auto places = static_cast<size_t>(-number.exponent);
    if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
    return sign + digits.substr(0, digits.size() - places) + "." + digits.substr(digits.size() - places);
  }
  return fmt::format("{}{}e{}", sign, digits, number.exponent);
}

double NearestDouble(const DecimalNumber& number) {
  // strtod rounds correctly, and without a decimal point the locale does not matter.
  return std::strtod(fmt::format("{}e{}", number.coefficient, number.exponent).c_str(), nullptr);
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
  if (exponent >= 0) {
    Int128 scaled = 0;
    if (exponent > kMaxDigits ||
        __builtin_mul_overflow(coefficient, PowerOfTen(static_cast<int>(exponent)), &scaled)) {
      return {coefficient < 0 ? kInt128Min : kInt128Max, false};
    }
    return {scaled, true};
  }
  if (exponent < -kMaxDigits) return {coefficient < 0 ? -1 : 0, false};
  return FloorOfQuotient(coefficient, PowerOfTen(static_cast<int>(-exponent)));
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

}  // namespace marquet::table
