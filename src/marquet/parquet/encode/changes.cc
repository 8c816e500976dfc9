#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>

#include "marquet/parquet/encode/changes_internal.h"

namespace marquet::pq {
namespace {

constexpr size_t kWordBits = 64;

// Of `count` numbers, of which numbers[-1] is the one before.
template <typename T>
uint64_t PlainWord(const T* numbers, size_t count) {
  uint64_t word = 0;
  const T* const before = numbers - 1;
  for (size_t i = 0; i < count; ++i) word |= static_cast<uint64_t>(numbers[i] != before[i]) << i;
  return word;
}

#if defined(__x86_64__)
[[gnu::target("avx512f")]] uint64_t Avx512Word(const uint64_t* numbers) {
  uint64_t word = 0;
  for (size_t i = 0; i < kWordBits; i += 8) {
    word |= static_cast<uint64_t>(_mm512_cmpneq_epi64_mask(_mm512_loadu_si512(numbers + i),
                                                           _mm512_loadu_si512(numbers + i - 1)))
            << i;
  }
  return word;
}
[[gnu::target("avx512f")]] uint64_t Avx512Word(const uint32_t* numbers) {
  uint64_t word = 0;
  for (size_t i = 0; i < kWordBits; i += 16) {
    word |= static_cast<uint64_t>(_mm512_cmpneq_epi32_mask(_mm512_loadu_si512(numbers + i),
                                                           _mm512_loadu_si512(numbers + i - 1)))
            << i;
  }
  return word;
}
[[gnu::target("avx2")]] uint64_t Avx2Word(const uint64_t* numbers) {
  uint64_t equal = 0;
  for (size_t i = 0; i < kWordBits; i += 4) {
    const __m256i same =
        _mm256_cmpeq_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(numbers + i)),
                           _mm256_loadu_si256(reinterpret_cast<const __m256i*>(numbers + i - 1)));
    equal |= static_cast<uint64_t>(_mm256_movemask_pd(_mm256_castsi256_pd(same))) << i;
  }
  return ~equal;
}
[[gnu::target("avx2")]] uint64_t Avx2Word(const uint32_t* numbers) {
  uint64_t equal = 0;
  for (size_t i = 0; i < kWordBits; i += 8) {
    const __m256i same =
        _mm256_cmpeq_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(numbers + i)),
                           _mm256_loadu_si256(reinterpret_cast<const __m256i*>(numbers + i - 1)));
    equal |= static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(same)))) << i;
  }
  return ~equal;
}
#endif

template <typename T>
uint64_t PlainFullWord(const T* numbers) {
  return PlainWord(numbers, kWordBits);
}

template <typename T>
void Mark(std::span<const T> numbers, uint64_t* words) {
  if (numbers.empty()) return;
  using FullWord = uint64_t (*)(const T*);
  static const FullWord full_word = [] {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return static_cast<FullWord>(&Avx512Word);
    if (__builtin_cpu_supports("avx2")) return static_cast<FullWord>(&Avx2Word);
#endif
    return static_cast<FullWord>(&PlainFullWord<T>);
  }();
  // Nothing comes before the first number.
  const size_t first = std::min(numbers.size(), kWordBits);
  words[0] = 1 | PlainWord(numbers.data() + 1, first - 1) << 1;
  size_t at = kWordBits;
  for (; at + kWordBits <= numbers.size(); at += kWordBits) {
    words[at / kWordBits] = full_word(numbers.data() + at);
  }
  if (at < numbers.size()) words[at / kWordBits] = PlainWord(numbers.data() + at, numbers.size() - at);
}

}  // namespace

void MarkChanges(std::span<const uint32_t> numbers, uint64_t* words) { Mark(numbers, words); }
void MarkChanges(std::span<const uint64_t> numbers, uint64_t* words) { Mark(numbers, words); }

}  // namespace marquet::pq
