// The least and greatest of some numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace marquet::pq {

template <typename T>
struct MinMax {
  T min;
  T max;
};

// Of integers; there must be one.
MinMax<int32_t> MinMaxOf(std::span<const int32_t> numbers);
MinMax<int64_t> MinMaxOf(std::span<const int64_t> numbers);
MinMax<uint32_t> MinMaxOf(std::span<const uint32_t> numbers);
MinMax<uint64_t> MinMaxOf(std::span<const uint64_t> numbers);

// Of floating numbers: NaN has no place in the order and is left out, so that there may be nothing. Zeros are
// taken for -0.0 as the least and 0.0 as the greatest, as parquet.thrift (ColumnOrder) asks for.
std::optional<MinMax<float>> MinMaxOf(std::span<const float> numbers);
std::optional<MinMax<double>> MinMaxOf(std::span<const double> numbers);

}  // namespace marquet::pq
