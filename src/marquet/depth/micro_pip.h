// The micro-pip of an instrument: the height of one price row of its depth tensors.
//
// Thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "arrow/result.h"

namespace marquet::depth {

// Units of 1e-9 for currency pairs of three-letter ISO codes ("EURUSD", "EUR/USD", "EUR.USD", "EUR-USD"):
// 1e-3 for pairs with JPY, 1e-5 for pairs quoted in USD. Nothing for any other symbol.
std::optional<int64_t> MicroPipOfPair(std::string_view symbol);

// Units of 1e-9 out of decimal text ("0.25", "1e-5"), exactly. kInvalidInput when it is no number, not
// positive, or no whole number of 1e-9.
arrow::Result<int64_t> ParseMicroPip(std::string_view text);

// The other way: "0.25", "0.00001".
std::string MicroPipText(int64_t micro_pip);

// The largest step that all of these prices are whole numbers of, kUndefinedPrice left out; 0 where it cannot
// be told: all prices are the same, or there are none. Of many prices it is the tick size.
int64_t StepOfPrices(std::span<const int64_t> prices);

}  // namespace marquet::depth
