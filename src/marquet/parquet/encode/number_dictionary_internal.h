// The different numbers of a column chunk, in the order of their first appearance.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "marquet/parquet/encode/changes_internal.h"
#include "marquet/parquet/encode/hybrid_encoding_internal.h"
#include "marquet/parquet/encode/scratch_internal.h"

namespace marquet::pq {

// `Bits` is uint32_t or uint64_t: numbers are told apart by their bits, so that -0.0 and every NaN come back
// as they were.
template <typename Bits>
class NumberDictionary {
 public:
  // Beyond this, neighbours are hardly ever the same and deltas take less.
  static constexpr size_t kMostValues = size_t{1} << 15;

  // What has grown large is given back.
  void Clear() {
    if (slots_.capacity() > kKeptSlots) {
      values_ = std::vector<Bits>();
      slots_ = std::vector<uint16_t>();
    }
    values_.clear();
    slots_.clear();
  }

  // Held in memory.
  int64_t bytes() const {
    return static_cast<int64_t>(values_.capacity() * sizeof(Bits) + slots_.capacity() * sizeof(uint16_t));
  }

  const std::vector<Bits>& values() const { return values_; }

  // The bits that an index of any of the values needs.
  int index_width() const { return values_.empty() ? 0 : std::bit_width(values_.size() - 1); }

  // Adds the indices of the numbers, run by run. False when the dictionary would grow beyond `most` values,
  // or when so many share a place in the table that looking them up is slow: it and `runs` are then what they
  // were.
  bool Index(std::span<const Bits> numbers, size_t most, std::vector<IndexRun>* runs) {
    if (numbers.empty()) return true;
    const size_t words = (numbers.size() + 63) / 64;
    const auto changes = reinterpret_cast<uint64_t*>(
        ScratchMemory(Scratch::kChanges, static_cast<int64_t>(words * sizeof(uint64_t))));
    MarkChanges(numbers, changes);
    size_t added = 0;
    for (size_t word = 0; word < words; ++word) added += static_cast<size_t>(std::popcount(changes[word]));
    if (slots_.empty()) slots_.assign(kFirstSlots, 0);  // not before: most short columns need none
    const size_t values_before = values_.size();
    const size_t runs_before = runs->size();
    runs->resize(runs_before + added);
    IndexRun* run = runs->data() + runs_before;
    uint32_t begin = 0;
    const uint16_t* slots = slots_.data();
    const Bits* values = values_.data();
    int shift = SlotShift();
    for (size_t word = 0; word < words; ++word) {
      for (uint64_t left = changes[word]; left != 0; left &= left - 1) {
        const auto at = static_cast<uint32_t>(word * 64 + static_cast<size_t>(std::countr_zero(left)));
        // Nearly always the number lies where it is looked for first.
        const uint32_t used = slots[Mixed(numbers[at]) >> shift];
        uint32_t index = used - 1;
        if (used == 0 || values[index] != numbers[at]) {
          index = Find(numbers[at], most);
          if (index == kNone) {
            values_.resize(values_before);
            runs->resize(runs_before);
            Rebuild(slots_.size());
            return false;
          }
          slots = slots_.data();
          values = values_.data();
          shift = SlotShift();
        }
        if (at > 0) run++->length = at - begin;
        run->index = index;
        begin = at;
      }
    }
    run->length = static_cast<uint32_t>(numbers.size()) - begin;
    return true;
  }

 private:
  static constexpr size_t kFirstSlots = 256;
  static constexpr size_t kKeptSlots = 1024;
  // From here on memory matters more than making the table anew.
  static constexpr size_t kManySlots = size_t{1} << 14;
  static constexpr size_t kMostProbes = 64;
  static constexpr uint32_t kNone = UINT32_MAX;

  // Fibonacci hashing takes the upper bits; the fold lets numbers that differ in the upper bits alone differ.
  static uint64_t Mixed(Bits number) {
    uint64_t mixed = number;
    mixed ^= mixed >> 32;
    return mixed * 0x9E3779B97F4A7C15;
  }
  int SlotShift() const { return 64 - std::countr_zero(slots_.size()); }
  size_t SlotOf(Bits number) const { return static_cast<size_t>(Mixed(number) >> SlotShift()); }

  // The index of a number, which is added when it is new; kNone when it may not be.
  uint32_t Find(Bits number, size_t most) {
    const size_t mask = slots_.size() - 1;
    const size_t first = SlotOf(number);
    size_t at = first;
    while (slots_[at] != 0 && values_[slots_[at] - 1u] != number) at = (at + 1) & mask;
    if (slots_[at] != 0) return slots_[at] - 1u;
    if (values_.size() >= most || ((at - first) & mask) > kMostProbes) return kNone;
    values_.push_back(number);
    slots_[at] = static_cast<uint16_t>(values_.size());
    if (values_.size() * 4 > slots_.size()) Rebuild(slots_.size() * (slots_.size() < kManySlots ? 4 : 2));
    return static_cast<uint32_t>(values_.size() - 1);
  }

  void Rebuild(size_t slots) {
    if (slots > slots_.capacity()) slots_ = std::vector<uint16_t>();  // never both at a time
    slots_.assign(slots, 0);
    for (size_t i = 0; i < values_.size(); ++i) {
      size_t at = SlotOf(values_[i]);
      while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = static_cast<uint16_t>(i + 1);
    }
  }

  std::vector<Bits> values_;
  // Of each place in the table the index of its value, plus one; 0 where it is free. Wide columns of many
  // files have a table each: with the values in it, it would be eight times as large.
  std::vector<uint16_t> slots_;
  static_assert(kMostValues <= UINT16_MAX);
};

}  // namespace marquet::pq
