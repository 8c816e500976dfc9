#include <algorithm>
#include <array>
#include <limits>

#include "marquet/base/dispatch.h"
#include "marquet/parquet/format/number_bounds_internal.h"

namespace marquet::pq {
namespace {

template <typename T>
MARQUET_INLINE MinMax<T> IntegerBoundsBody(const T* numbers, size_t count) {
  T min = numbers[0], max = numbers[0];
  for (size_t i = 1; i < count; ++i) {
    min = std::min(min, numbers[i]);
    max = std::max(max, numbers[i]);
  }
  return {min, max};
}

// Several lanes, because a minimum of floating numbers is not reordered by the compiler. Comparisons with NaN
// are false, which leaves it out; `min` > `max` when there was nothing else.
template <typename T>
MARQUET_INLINE MinMax<T> FloatingBoundsBody(const T* numbers, size_t count) {
  constexpr size_t kLanes = 16;
  std::array<T, kLanes> min, max;
  min.fill(std::numeric_limits<T>::infinity());
  max.fill(-std::numeric_limits<T>::infinity());
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const T number = numbers[i + lane];
      min[lane] = number < min[lane] ? number : min[lane];
      max[lane] = number > max[lane] ? number : max[lane];
    }
  }
  for (; i < count; ++i) {
    min[0] = numbers[i] < min[0] ? numbers[i] : min[0];
    max[0] = numbers[i] > max[0] ? numbers[i] : max[0];
  }
  return {*std::min_element(min.begin(), min.end()), *std::max_element(max.begin(), max.end())};
}

#define MARQUET_BOUNDS(Name, Bounds, T)                                                                  \
  MARQUET_INLINE MinMax<T> Name##Body(const T* numbers, size_t count) { return Bounds(numbers, count); } \
  MARQUET_DISPATCH(MinMax<T>, Name, (const T* numbers, size_t count), (numbers, count))
MARQUET_BOUNDS(Int32Bounds, IntegerBoundsBody, int32_t)
MARQUET_BOUNDS(Int64Bounds, IntegerBoundsBody, int64_t)
MARQUET_BOUNDS(UInt32Bounds, IntegerBoundsBody, uint32_t)
MARQUET_BOUNDS(UInt64Bounds, IntegerBoundsBody, uint64_t)
MARQUET_BOUNDS(FloatBounds, FloatingBoundsBody, float)
MARQUET_BOUNDS(DoubleBounds, FloatingBoundsBody, double)
#undef MARQUET_BOUNDS

template <typename T>
std::optional<MinMax<T>> Ordered(MinMax<T> bounds) {
  if (bounds.min > bounds.max) return std::nullopt;
  if (bounds.min == 0) bounds.min = -T{0};
  if (bounds.max == 0) bounds.max = T{0};
  return bounds;
}

}  // namespace

MinMax<int32_t> MinMaxOf(std::span<const int32_t> n) { return Int32Bounds(n.data(), n.size()); }
MinMax<int64_t> MinMaxOf(std::span<const int64_t> n) { return Int64Bounds(n.data(), n.size()); }
MinMax<uint32_t> MinMaxOf(std::span<const uint32_t> n) { return UInt32Bounds(n.data(), n.size()); }
MinMax<uint64_t> MinMaxOf(std::span<const uint64_t> n) { return UInt64Bounds(n.data(), n.size()); }

std::optional<MinMax<float>> MinMaxOf(std::span<const float> n) {
  return Ordered(FloatBounds(n.data(), n.size()));
}
std::optional<MinMax<double>> MinMaxOf(std::span<const double> n) {
  return Ordered(DoubleBounds(n.data(), n.size()));
}

}  // namespace marquet::pq
