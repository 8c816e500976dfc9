// The different strings of a column chunk, in the order of their first appearance.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace marquet::pq {

class BytesDictionary {
 public:
  static constexpr size_t kMostValues = size_t{1} << 17;
  static constexpr size_t kMostBytes = size_t{1} << 20;

  BytesDictionary() { Clear(); }

  void Clear();

  // The index of a value; nothing when the dictionary would grow too large by it.
  std::optional<uint32_t> IndexOf(std::string_view value) {
    if (value.size() == 1) {  // flags and sides: no hash is needed
      const uint32_t index = of_character_[static_cast<uint8_t>(value[0])];
      if (index != kNone) return index;
    } else if (last_ != kNone && value == this->value(last_)) {
      return last_;
    }
    return Find(value);
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

  struct Slot {
    uint64_t hash = 0;
    uint32_t index = kNone;
  };

  std::optional<uint32_t> Find(std::string_view value);
  void Grow();

  std::vector<char> plain_;
  std::vector<size_t> ends_;
  std::vector<Slot> slots_;
  std::array<uint32_t, 256> of_character_;
  uint32_t last_ = kNone;
};

}  // namespace marquet::pq
