// The different numbers of a column chunk, in the order of their first appearance.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace marquet::pq {

// `Bits` is uint32_t or uint64_t: numbers are told apart by their bits, so that -0.0 and every NaN come back
// as they were.
template <typename Bits>
class NumberDictionary {
 public:
  // Beyond this, neighbours are hardly ever the same and deltas take less.
  static constexpr size_t kMostValues = size_t{1} << 15;

  NumberDictionary() { Clear(); }

  void Clear() {
    values_.clear();
    slots_.assign(kFirstSlots, Slot{});
  }

  const std::vector<Bits>& values() const { return values_; }

  // The bits that an index of any of the values needs.
  int index_width() const { return values_.empty() ? 0 : std::bit_width(values_.size() - 1); }

  // Puts the index of each number into `indices`. False when the dictionary would grow beyond `most` values,
  // or when so many share a place in the table that looking them up is slow: it holds what it held before
  // then.
  bool Index(std::span<const Bits> numbers, size_t most, uint32_t* indices) {
    const size_t before = values_.size();
    for (size_t i = 0; i < numbers.size(); ++i) {
      const Bits number = numbers[i];
      if (i > 0 && number == numbers[i - 1]) {  // as most numbers of an order book
        indices[i] = indices[i - 1];
        continue;
      }
      const size_t first = SlotOf(number);
      size_t at = first;
      while (slots_[at].used != 0 && slots_[at].value != number) at = (at + 1) & (slots_.size() - 1);
      if (slots_[at].used == 0) {
        if (values_.size() >= most || ((at - first) & (slots_.size() - 1)) > kMostProbes) {
          values_.resize(before);
          Rebuild(slots_.size());
          return false;
        }
        values_.push_back(number);
        slots_[at] = {number, static_cast<uint32_t>(values_.size())};
        indices[i] = static_cast<uint32_t>(values_.size() - 1);
        if (values_.size() * 4 > slots_.size()) Rebuild(slots_.size() * 4);
        continue;
      }
      indices[i] = slots_[at].used - 1;
    }
    return true;
  }

 private:
  static constexpr size_t kFirstSlots = 256;
  static constexpr size_t kMostProbes = 64;

  struct Slot {
    Bits value = 0;
    uint32_t used = 0;  // the index of the value, plus one
  };

  size_t SlotOf(Bits number) const {
    // Fibonacci hashing takes the upper bits; the fold lets numbers that differ in the upper bits alone
    // differ.
    uint64_t mixed = number;
    mixed ^= mixed >> 32;
    mixed *= 0x9E3779B97F4A7C15;
    return static_cast<size_t>(mixed >> (64 - std::countr_zero(slots_.size())));
  }

  void Rebuild(size_t slots) {
    slots_.assign(slots, Slot{});
    for (size_t i = 0; i < values_.size(); ++i) {
      size_t at = SlotOf(values_[i]);
      while (slots_[at].used != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = {values_[i], static_cast<uint32_t>(i + 1)};
    }
  }

  std::vector<Bits> values_;
  std::vector<Slot> slots_;
};

}  // namespace marquet::pq
