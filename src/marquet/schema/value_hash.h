// Hashes of rows by their values, whatever layout holds them: what was given and what came of it can be
// compared without keeping either.
//
// Two arrays hash alike where they hold the same values: text in any layout, dictionaries and runs as their
// values, integers of any width, float32 as float64, dates and times of any unit, durations of one unit,
// decimals of one scale, lists of any kind. Floating numbers go by their bits: -0.0 is not 0.0; any NaN is
// NaN. The walk is over arrays as they lie, and shares nothing with decoding, casts and encoders, whose work
// it is there to check.
//
// All functions are thread safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arrow/type_fwd.h"

namespace marquet::schema {

// The way from a column to one of its leaves, the values that Parquet stores side by side: which field to
// take in each struct, outermost first. The entries of a map are a struct of key and value.
using LeafRoute = std::vector<int>;

// All leaves, in Parquet's order (depth first).
std::vector<LeafRoute> LeafRoutes(const arrow::DataType& type);

// hashes[i] becomes that of row begin + i of the leaf: its value, or where on the way to it something is
// null, or the values of all items of its lists. Indices of dictionaries and runs must be within their
// bounds. Types that no Parquet file holds (unions, intervals) hash to one value.
void HashLeaf(const arrow::Array& column, const LeafRoute& route, int64_t begin, std::span<uint64_t> hashes);

// One hash out of two, for which their order matters.
uint64_t CombineHashes(uint64_t first, uint64_t second);

}  // namespace marquet::schema
