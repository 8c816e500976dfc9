// Numbers as they are written, kept exactly, and their place among the integers: what makes an int64 or
// decimal column against 2.5 exact arithmetic instead of a comparison of rounded doubles.
//
// Pure functions; thread safe.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "arrow/result.h"

namespace marquet::predicate {

using Int128 = __int128;

constexpr Int128 kInt128Max = static_cast<Int128>(~static_cast<unsigned __int128>(0) >> 1);
constexpr Int128 kInt128Min = -kInt128Max - 1;

// coefficient * 10^exponent, with at most 38 digits in the coefficient. With `more`, further digits followed
// that are not all zero: the number lies between this coefficient and the next one away from zero. No integer
// of 38 digits and no decimal of 128 bits lies strictly between the two, so that it orders like the number.
struct DecimalNumber {
  Int128 coefficient = 0;
  int exponent = 0;
  bool more = false;
};

// "12", "-0.5", "1e9", ".5", of any length. kInvalidInput for other text.
arrow::Result<DecimalNumber> ParseDecimal(std::string_view text);

// The nearest double of a number as ParseDecimal takes it; an infinity beyond the range of doubles.
double NearestDouble(const std::string& text);

// Whether a number as ParseDecimal takes it is written as an integer: digits alone, perhaps behind a sign.
bool IsIntegerText(std::string_view text);

// A real number x as floor <= x < floor + 1, with exact when x = floor. Beyond 128 bits floor saturates at
// kInt128Max or kInt128Min and exact is false, which orders rightly against every 38-digit decimal.
struct Threshold {
  Int128 floor = 0;
  bool exact = true;
};

Threshold FloorOf(const DecimalNumber& number, int shift);   // of number * 10^shift
Threshold FloorOf(double number);                            // must not be NaN
Threshold FloorOfQuotient(Int128 dividend, Int128 divisor);  // divisor > 0

// The sign of a * 10^shift - b, for shift >= 0 and any a and b.
int CompareScaled(Int128 a, int shift, Int128 b);

// The sign of a - b; b must not be NaN.
int CompareExactly(Int128 a, double b);
// The same for an integer of any length, as IsIntegerText takes it, and the double nearest to it.
int CompareExactly(std::string_view a, double b);

}  // namespace marquet::predicate
