// Where a column's values change. Neighbours in an order book are mostly equal, and what follows need only
// look at the ones that are not.
#pragma once

#include <cstdint>
#include <span>

namespace marquet::pq {

// Sets bit i of `words` (bit i % 64 of word i / 64) where numbers[i] differs from numbers[i - 1], and bit 0;
// clears the others, to the end of the last word.
void MarkChanges(std::span<const uint32_t> numbers, uint64_t* words);
void MarkChanges(std::span<const uint64_t> numbers, uint64_t* words);

}  // namespace marquet::pq
