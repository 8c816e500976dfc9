// The different strings of a column chunk, in the order of their first appearance.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace marquet::pq {

class BytesDictionary {
 public:
  static constexpr size_t kMostValues = size_t{1} << 17;
  static constexpr size_t kMostBytes = size_t{1} << 20;

  BytesDictionary() { Clear(); }

  // What has grown large is given back.
  void Clear();

  // Held in memory.
  int64_t bytes() const {
    return static_cast<int64_t>(plain_.capacity() + ends_.capacity() * sizeof(size_t) +
                                slots_.capacity() * sizeof(Slot) +
                                short_slots_.capacity() * sizeof(ShortSlot));
  }

  // The index of a value; nothing when the dictionary would grow too large by it.
  std::optional<uint32_t> IndexOf(std::string_view value) {
    if (value.size() <= kShort) {  // flags, sides, symbols: told apart by one comparison
      const uint64_t key = ShortKey(value);
      for (size_t at = PlaceOf(key);; at = (at + 1) & (short_slots_.size() - 1)) {
        const ShortSlot& slot = short_slots_[at];
        if (slot.index == kNone) break;
        if (slot.key == key) return slot.index;
      }
      return AddShort(value, key);
    }
    if (last_ != kNone && value == this->value(last_)) return last_;
    return Find(value);
  }

  // The same of a value of one byte.
  std::optional<uint32_t> IndexOf(char byte) {
    uint32_t& index = of_bytes_[static_cast<uint8_t>(byte)];
    if (index == kNone) {
      const auto found = IndexOf(std::string_view(&byte, 1));
      if (!found) return std::nullopt;
      index = *found;
    }
    return index;
  }

  size_t size() const { return ends_.size(); }
  std::string_view value(uint32_t index) const {
    // Each value comes after its length in four bytes, as Parquet stores it.
    const size_t begin = (index == 0 ? 0 : ends_[index - 1]) + 4;
    return {plain_.data() + begin, ends_[index] - begin};
  }
  // All values in Parquet's plain encoding.
  std::string_view plain() const { return {plain_.data(), plain_.size()}; }
  int index_width() const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kShort = 7;

  struct Slot {
    uint64_t hash = 0;
    uint32_t index = kNone;
  };
  struct ShortSlot {
    uint64_t key = 0;
    uint32_t index = kNone;
  };

  // The bytes of a short value, and above them its length: no two values have the same.
  static uint64_t ShortKey(std::string_view value) {
    const size_t size = value.size();
    uint64_t bytes = 0;
    if (size >= 4) {  // two loads that overlap where they are the same
      uint32_t low, high;
      std::memcpy(&low, value.data(), 4);
      std::memcpy(&high, value.data() + size - 4, 4);
      bytes = low | static_cast<uint64_t>(high) << (8 * (size - 4));
    } else if (size > 0) {
      const auto byte = [&](size_t i) {
        return static_cast<uint64_t>(static_cast<uint8_t>(value[i])) << (8 * i);
      };
      bytes = byte(0) | byte(size / 2) | byte(size - 1);
    }
    return bytes | static_cast<uint64_t>(size) << 56;
  }

  size_t PlaceOf(uint64_t key) const {  // Fibonacci hashing takes the upper bits
    return static_cast<size_t>((key ^ key >> 32) * 0x9E3779B97F4A7C15 >> short_shift_);
  }

  std::optional<uint32_t> AddShort(std::string_view value, uint64_t key);
  std::optional<uint32_t> Find(std::string_view value);
  std::optional<uint32_t> Add(std::string_view value);
  void GrowShort();
  void Grow();

  std::vector<char> plain_;
  std::vector<size_t> ends_;
  std::vector<Slot> slots_;
  std::vector<ShortSlot> short_slots_;
  size_t short_values_ = 0;
  int short_shift_ = 0;                 // 64 less the bits of a place in short_slots_
  uint32_t last_ = kNone;               // of the longer ones
  std::array<uint32_t, 256> of_bytes_;  // of those of one byte that were asked for as such
};

}  // namespace marquet::pq
