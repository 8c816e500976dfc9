// Memory that runs out at the n-th allocation: replaces operator new of a test program. To be included in one
// source of the program, and in no library.
//
//   for (int64_t n = 1;; ++n) {
//     FailingNew failing(n);
//     ... run it ...
//     if (!failing.met()) break;  // there were fewer allocations
//   }
//
// Only what the program's own code asks for fails, by itself or through the standard library. Other libraries
// are left alone: Arrow asks for memory in functions that promise not to throw, and would end the process.
#pragma once

#include <dlfcn.h>
#include <execinfo.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace marquet {

inline std::atomic<int64_t> allocations_left{0};  // until one fails; none does at 0 and below
inline std::atomic<int64_t> allocations_failed{0};
inline thread_local int allocations_spared = 0;

// While it lives, the n-th allocation of the process from its beginning on throws std::bad_alloc, whichever
// thread makes it; those before and after do not.
class FailingNew {
 public:
  explicit FailingNew(int64_t n) {
    void* frame = nullptr;
    backtrace(&frame, 1);  // the first call loads what it needs
    allocations_failed = 0;
    allocations_left = n;
  }
  ~FailingNew() { allocations_left = 0; }
  bool met() const { return allocations_left <= 0; }
  bool failed() const { return allocations_failed > 0; }  // met, and by code of the program

 private:
  FailingNew(const FailingNew&) = delete;
};

// What this thread allocates meanwhile neither fails nor counts: a simulated disk, for one.
inline void SpareAllocations(bool spare) { allocations_spared += spare ? 1 : -1; }

// Whether the program's own code called operator new, which returns to `caller`. The frames before it are not
// counted: sanitizers put one of their own around backtrace.
[[gnu::noinline]] inline bool IsAskedForHere(void* caller) {
  void* frames[20];
  void** const end = frames + backtrace(frames, 20);
  Dl_info here, asking;
  if (dladdr(reinterpret_cast<void*>(&IsAskedForHere), &here) == 0) return false;
  for (void** frame = std::find(frames, end, caller); frame != end; ++frame) {
    if (dladdr(*frame, &asking) == 0) return false;
    if (asking.dli_fbase == here.dli_fbase) return true;
    if (std::strstr(asking.dli_fname, "libstdc++") == nullptr) return false;
  }
  return false;
}

}  // namespace marquet

[[gnu::noinline]] void* operator new(std::size_t size) {
  if (marquet::allocations_left.load(std::memory_order_relaxed) > 0 && marquet::allocations_spared == 0 &&
      marquet::allocations_left.fetch_sub(1) == 1 && marquet::IsAskedForHere(__builtin_return_address(0))) {
    ++marquet::allocations_failed;
    throw std::bad_alloc();
  }
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
// Never fails: its callers do with less. Here because what it gives goes to the operator delete below.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
