// What the integers of a column count: times and prices, by the unit in the field's metadata.
#pragma once

#include <cstdint>
#include <string>

#include "arrow/type_fwd.h"

namespace marquet::schema {

// "ns", "1e-9"; empty where the metadata says none.
std::string UnitOf(const arrow::Field& field);

// Whether a column holds prices in units of 1e-9, stored as integers.
bool HoldsPrices(const arrow::Field& field);
constexpr int kPricePlaces = 9;

// How prices are given out, of int64 columns whose field metadata says unit=1e-9, and therefore what a number
// beside one means: where they are stored, an integer counts units of 1e-9, and a fraction is refused; where
// they are given as float or decimal, it is a price. Text and decimals are prices in every form.
enum class PriceForm { kStored, kFloat, kDecimal };

// A stored price in PriceForm::kFloat.
constexpr double PriceAsFloat(int64_t stored) { return static_cast<double>(stored) / 1'000'000'000; }

}  // namespace marquet::schema
