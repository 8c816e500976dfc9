// Seeded shuffles that are the same on every machine: no standard distribution is involved.
#pragma once

#include <cstdint>
#include <vector>

namespace marquet::sampling {

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
class SplitMix {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // Uniform in [0, bound), by Lemire's multiplication with rejection ("Fast random integer generation in an
  // interval", 2019).
  uint64_t Below(uint64_t bound) {
    for (;;) {
      const auto product = static_cast<unsigned __int128>(Next()) * bound;
      const auto low = static_cast<uint64_t>(product);
      if (low >= bound || low >= (0 - bound) % bound) return static_cast<uint64_t>(product >> 64);
    }
  }

 private:
  uint64_t state_;
};

// 0 .. n - 1 in an order that depends on seed and epoch alone (Fisher-Yates), or ascending.
inline std::vector<uint32_t> EpochOrder(uint32_t n, bool shuffle, uint64_t seed, uint64_t epoch) {
  std::vector<uint32_t> order(n);
  for (uint32_t i = 0; i < n; ++i) order[i] = i;
  if (!shuffle) return order;
  SplitMix random(SplitMix(seed).Next() ^ (epoch * 0xd1342543de82ef95));
  for (uint32_t i = n; i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  return order;
}

}  // namespace marquet::sampling
