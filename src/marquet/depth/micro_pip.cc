#include "marquet/depth/micro_pip.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/tensor.h"

namespace marquet::depth {

std::optional<int64_t> MicroPipOfPair(std::string_view symbol) {
  // Currencies that are traded against the dollar or the yen; a future such as "ESUSD1" is no pair.
  static constexpr std::array<std::string_view, 25> kCurrencies = {
      "AUD", "BRL", "CAD", "CHF", "CNH", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS",
      "INR", "JPY", "KRW", "MXN", "NOK", "NZD", "PLN", "SEK", "SGD", "TRY", "USD", "ZAR"};
  std::string pair(symbol);
  if (pair.size() == 7 && (pair[3] == '/' || pair[3] == '.' || pair[3] == '-')) pair.erase(3, 1);
  if (pair.size() != 6) return std::nullopt;
  const std::string base = pair.substr(0, 3), quote = pair.substr(3);
  for (const std::string& code : {base, quote}) {
    if (std::find(kCurrencies.begin(), kCurrencies.end(), code) == kCurrencies.end()) return std::nullopt;
  }
  if (base == quote) return std::nullopt;
  if (base == "JPY" || quote == "JPY") return 1'000'000;
  if (quote == "USD") return 10'000;
  return std::nullopt;
}

arrow::Result<int64_t> ParseMicroPip(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return InvalidInput(
        fmt::format("{} {}", Quoted(text), why),
        "The micro-pip is a price difference such as 0.00001 or 0.25, a whole number of 1e-9.");
  };
  // digits [. digits] [e exponent]: kept as digits and a power of ten.
  int64_t digits = 0;
  int exponent = 0;
  size_t i = 0;
  bool any = false, fraction = false;
  for (; i < text.size(); ++i) {
    if (text[i] == '.' && !fraction) {
      fraction = true;
    } else if (text[i] >= '0' && text[i] <= '9') {
      any = true;
      if (digits > INT64_MAX / 10 - 9) return bad("has too many digits for a micro-pip");
      digits = digits * 10 + (text[i] - '0');
      exponent -= fraction;
    } else {
      break;
    }
  }
  if (!any) return bad("is not a positive number");
  if (i < text.size()) {
    if (text[i] != 'e' && text[i] != 'E') return bad("is not a positive number");
    if (++i < text.size() && text[i] == '+') ++i;
    int written = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + text.size(), written);
    if (error != std::errc() || end != text.data() + text.size() || written < -60 || written > 60) {
      return bad("is not a positive number");
    }
    exponent += written;
  }
  if (digits == 0) return bad("is not a positive number");
  for (exponent += 9; exponent < 0; ++exponent) {
    if (digits % 10 != 0) return bad("is not a whole number of 1e-9");
    digits /= 10;
  }
  for (; exponent > 0; --exponent) {
    if (digits > INT64_MAX / 10) return bad("is too large for a micro-pip");
    digits *= 10;
  }
  return digits;
}

std::string MicroPipText(int64_t micro_pip) {
  constexpr int64_t kUnits = 1'000'000'000;
  std::string text = fmt::format("{}.{:09}", micro_pip / kUnits, micro_pip % kUnits);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

// Differences, not the prices themselves: those of a spread may all lie off the grid by one amount.
int64_t StepOfPrices(std::span<const int64_t> prices) {
  int64_t first = kUndefinedPrice, step = 0;
  for (const int64_t price : prices) {
    if (price == kUndefinedPrice) continue;
    if (first == kUndefinedPrice) first = price;
    const int64_t distance = price - first;
    if (step != 0 && distance % step == 0) continue;
    step = std::gcd(step, distance);
  }
  return step;
}

}  // namespace marquet::depth
