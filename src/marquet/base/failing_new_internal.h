// Memory that runs out at the n-th allocation: replaces operator new of a test program. To be included in one
// source of the program, and in no library.
//
//   for (int64_t n = 1;; ++n) {
//     FailingNew failing(n);
//     ... run it ...
//     if (!failing.met()) break;  // there were fewer allocations
//   }
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace marquet {

inline std::atomic<int64_t> allocations_left{0};  // until one fails; none does at 0 and below
inline thread_local int allocations_spared = 0;

// While it lives, the n-th allocation of the process from its beginning on throws std::bad_alloc, whichever
// thread makes it; those before and after do not.
class FailingNew {
 public:
  explicit FailingNew(int64_t n) { allocations_left = n; }
  ~FailingNew() { allocations_left = 0; }
  bool met() const { return allocations_left <= 0; }
};

// What this thread allocates meanwhile neither fails nor counts: a simulated disk, for one.
inline void SpareAllocations(bool spare) { allocations_spared += spare ? 1 : -1; }

inline bool AllocationFails() {
  if (allocations_left.load(std::memory_order_relaxed) <= 0 || allocations_spared > 0) return false;
  return allocations_left.fetch_sub(1) == 1;
}

}  // namespace marquet

void* operator new(std::size_t size) {
  if (marquet::AllocationFails()) throw std::bad_alloc();
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
