// Mutations that leave a Parquet file one: what is changed is its footer, with the length behind it made to
// fit, or its pages, which stay where the footer says they are. For libFuzzer alone.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

namespace {

constexpr size_t kMagic = 4;
constexpr size_t kTail = 8;  // the footer's length, and the magic

// Where the footer begins; 0 where there is none.
size_t FooterOf(const uint8_t* data, size_t size) {
  uint32_t length = 0;
  if (size < kMagic + kTail || std::memcmp(data + size - kMagic, "PAR1", kMagic) != 0) return 0;
  std::memcpy(&length, data + size - kTail, sizeof length);
  return length > size - kMagic - kTail ? 0 : size - kTail - length;
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  const size_t footer = FooterOf(data, size);
  if (footer <= kMagic || seed % 4 == 0) return LLVMFuzzerMutate(data, size, most);
  if (seed % 4 == 1) {
    std::vector<uint8_t> pages(data + kMagic, data + footer);
    LLVMFuzzerMutate(pages.data(), pages.size(), pages.size());
    std::copy(pages.begin(), pages.end(), data + kMagic);
    return size;
  }
  const size_t room = most - footer - kTail;
  std::vector<uint8_t> changed(data + footer, data + size - kTail);
  const size_t before = changed.size();
  changed.resize(std::max(room, before));
  const auto length = static_cast<uint32_t>(LLVMFuzzerMutate(changed.data(), before, changed.size()));
  if (footer + length + kTail > most) return size;
  std::copy_n(changed.data(), length, data + footer);
  std::memcpy(data + footer + length, &length, sizeof length);
  std::memcpy(data + footer + length + sizeof length, "PAR1", kMagic);
  return footer + length + kTail;
}
