#include "marquet/base/crc32.h"

#include <cstring>

#include "arrow/util/crc32.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace marquet {
namespace {

uint32_t TableCrc32(uint32_t crc, std::span<const uint8_t> bytes) {
  return arrow::internal::crc32(crc, bytes.data(), bytes.size());
}

#if defined(__x86_64__) && defined(__GNUC__)

// Folding, after Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction":
// the message is a polynomial over GF(2), and 128 bits of it that stand D bits before others are moved onto
// them by multiplying with x^D modulo the CRC's polynomial, which changes no remainder. What is left in the
// end goes through the table.
constexpr size_t kLane = 16;
constexpr size_t kStride = 4 * kLane;
constexpr uint32_t kPolynomial = 0xEDB88320;  // reflected: bit 31 stands for x^0

// x^power modulo the polynomial, reflected, as the upper half of a 64-bit factor. A product of two reflected
// 64-bit factors, taken as 128 reflected bits, is x times too large, which callers allow for.
constexpr uint64_t Factor(int power) {
  uint32_t remainder = 0x80000000;  // x^0
  for (int i = 0; i < power; ++i) remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? kPolynomial : 0);
  return uint64_t{remainder} << 32;
}

// Moves `from` by `kBits` onto `to`. The lower half holds the earlier bytes, which are x^64 ahead.
template <int kBits>
[[gnu::target("pclmul,sse4.1"), gnu::always_inline]] inline __m128i Fold(__m128i from, __m128i to) {
  constexpr auto kLower = static_cast<int64_t>(Factor(kBits + 63)),
                 kUpper = static_cast<int64_t>(Factor(kBits - 1));
  const __m128i factors = _mm_set_epi64x(kUpper, kLower);
  const __m128i lower = _mm_clmulepi64_si128(from, factors, 0x00);
  const __m128i upper = _mm_clmulepi64_si128(from, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(lower, upper), to);
}

[[gnu::target("pclmul,sse4.1"), gnu::always_inline]] inline __m128i Load(const uint8_t* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

// Of at least kStride bytes.
[[gnu::target("pclmul,sse4.1")]] uint32_t FoldedCrc32(std::span<const uint8_t> bytes) {
  const uint8_t* at = bytes.data();
  const uint8_t* const end = at + bytes.size();
  __m128i a = _mm_xor_si128(Load(at), _mm_cvtsi32_si128(-1));  // the CRC's initial state
  __m128i b = Load(at + kLane), c = Load(at + 2 * kLane), d = Load(at + 3 * kLane);
  for (at += kStride; static_cast<size_t>(end - at) >= kStride; at += kStride) {
    a = Fold<8 * kStride>(a, Load(at));
    b = Fold<8 * kStride>(b, Load(at + kLane));
    c = Fold<8 * kStride>(c, Load(at + 2 * kLane));
    d = Fold<8 * kStride>(d, Load(at + 3 * kLane));
  }
  b = Fold<8 * kLane>(a, b);
  c = Fold<8 * kLane>(b, c);
  d = Fold<8 * kLane>(c, d);
  for (; static_cast<size_t>(end - at) >= kLane; at += kLane) d = Fold<8 * kLane>(d, Load(at));
  uint8_t rest[kLane];
  std::memcpy(rest, &d, kLane);
  const uint32_t crc = TableCrc32(~uint32_t{0}, rest);  // whose initial state is 0
  return TableCrc32(crc, {at, end});
}

bool CanFold() {
  static const bool can = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
  return can;
}

#endif

}  // namespace

uint32_t Crc32(std::span<const uint8_t> bytes) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (bytes.size() >= kStride && CanFold()) return FoldedCrc32(bytes);
#endif
  return TableCrc32(0, bytes);
}

}  // namespace marquet
