// Which of many ranges meet another one, without looking at all of them.
//
// Ranges are kept apart by their length in powers of two. Of those shorter than 2^n the ones that meet
// [first, last] begin after first - 2^n, so that of each length a stretch of a sorted list is looked at, of
// which ranges that do not overlap each other leave little aside. Not thread safe.
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <utility>

namespace marquet::ledger {

template <typename Value>
class RangeSearch {
 public:
  // Ends included; `first` is not above `last`.
  void Add(int64_t first, int64_t last, Value value) {
    by_length_[LengthBits(first, last)].emplace(first, Range{last, std::move(value)});
  }

  // One range that was added so, if there is one.
  void Remove(int64_t first, int64_t last, const Value& value) {
    const auto ranges = by_length_.find(LengthBits(first, last));
    if (ranges == by_length_.end()) return;
    const auto [begin, end] = ranges->second.equal_range(first);
    for (auto range = begin; range != end; ++range) {
      if (range->second.last != last || !(range->second.value == value)) continue;
      ranges->second.erase(range);
      return;
    }
  }

  // sink(value) for each range that has a point in common with [first, last].
  template <typename Sink>
  void ForEachMeeting(int64_t first, int64_t last, Sink&& sink) const {
    for (const auto& [bits, ranges] : by_length_) {
      const uint64_t longest = bits >= 64 ? UINT64_MAX : (uint64_t{1} << bits) - 1;
      const uint64_t room = static_cast<uint64_t>(first) - static_cast<uint64_t>(INT64_MIN);
      const int64_t from =
          longest >= room ? INT64_MIN : static_cast<int64_t>(static_cast<uint64_t>(first) - longest);
      for (auto range = ranges.lower_bound(from); range != ranges.end() && range->first <= last; ++range) {
        if (range->second.last >= first) sink(range->second.value);
      }
    }
  }

 private:
  struct Range {
    int64_t last;
    Value value;
  };
  static int LengthBits(int64_t first, int64_t last) {
    return std::bit_width(static_cast<uint64_t>(last) - static_cast<uint64_t>(first));
  }

  std::map<int, std::multimap<int64_t, Range>> by_length_;  // by the bits that last - first takes; by first
};

}  // namespace marquet::ledger
