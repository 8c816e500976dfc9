// Sums over numbers that a damaged or hostile file may hold.
#pragma once

#include <cstdint>

namespace marquet {

// Of numbers that are not negative; the largest there is where the sum does not fit.
constexpr int64_t SaturatingSum(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

}  // namespace marquet
