// Memory that runs out at the n-th allocation: replaces operator new of a test program. To be included in one
// source of the program, and in no library.
//
//   for (int64_t n = 1;; ++n) {
//     FailingNew failing(n);
//     ... run it ...
//     if (!failing.met()) break;  // there were fewer allocations
//   }
//
// Only what the program's own code asks for counts and fails, by itself or through the standard library.
// Other libraries are left alone, unless told otherwise: Arrow asks for memory in functions that promise not
// to throw, and would end the process.
#pragma once

#include <execinfo.h>
#include <link.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace marquet {

inline std::atomic<int64_t> allocations_left{0};  // until one fails; none does at `fails_down_to` and below
inline std::atomic<int64_t> fails_down_to{0};
inline std::atomic<bool> fails_in_libraries{false};
inline thread_local int allocations_spared = 0;

// Where the code of a program or library lies in memory.
struct CodeRange {
  uintptr_t begin = UINTPTR_MAX, end = 0;
  bool Holds(const void* address) const {
    const auto at = reinterpret_cast<uintptr_t>(address);
    return begin <= at && at < end;
  }
};
inline CodeRange code_of_program, code_of_standard_library;

inline int FindCode(dl_phdr_info* object, size_t, void*) {
  CodeRange range;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& part = object->dlpi_phdr[i];
    if (part.p_type != PT_LOAD) continue;
    range.begin = std::min<uintptr_t>(range.begin, object->dlpi_addr + part.p_vaddr);
    range.end = std::max<uintptr_t>(range.end, object->dlpi_addr + part.p_vaddr + part.p_memsz);
  }
  if (range.Holds(reinterpret_cast<const void*>(&FindCode))) code_of_program = range;
  if (std::strstr(object->dlpi_name, "libstdc++") != nullptr) code_of_standard_library = range;
  return 0;
}

// While it lives, the n-th allocation that the program's own code makes from its beginning on throws
// std::bad_alloc, and so do as many as follow until `in_a_row` have, whichever thread makes them; those
// before and after do not. `in_libraries`: also what other libraries ask for.
class FailingNew {
 public:
  explicit FailingNew(int64_t n, int64_t in_a_row = 1, bool in_libraries = false) {
    void* frame = nullptr;
    backtrace(&frame, 1);  // the first call loads what it needs
    dl_iterate_phdr(&FindCode, nullptr);
    fails_in_libraries = in_libraries;
    allocations_left = n;
    fails_down_to = 1 - in_a_row;
  }
  ~FailingNew() {
    fails_down_to = 0;
    allocations_left = 0;
  }
  bool met() const { return allocations_left <= 0; }

 private:
  FailingNew(const FailingNew&) = delete;
};

// What this thread allocates meanwhile neither fails nor counts: a simulated disk, for one.
inline void SpareAllocations(bool spare) { allocations_spared += spare ? 1 : -1; }

// Whether the program's own code called operator new, which returns to `caller`. The frames before it are not
// counted: sanitizers put one of their own around backtrace.
[[gnu::noinline]] inline bool IsAskedForHere(void* caller) {
  if (!code_of_standard_library.Holds(caller)) return code_of_program.Holds(caller);
  void* frames[20];
  void** const end = frames + backtrace(frames, 20);
  for (void** frame = std::find(frames, end, caller); frame != end; ++frame) {
    if (!code_of_standard_library.Holds(*frame)) return code_of_program.Holds(*frame);
  }
  return false;
}

}  // namespace marquet

[[gnu::noinline]] void* operator new(std::size_t size) {
  const int64_t last = marquet::fails_down_to.load(std::memory_order_relaxed);
  if (marquet::allocations_left.load(std::memory_order_relaxed) > last && marquet::allocations_spared == 0 &&
      (marquet::fails_in_libraries || marquet::IsAskedForHere(__builtin_return_address(0)))) {
    const int64_t left = marquet::allocations_left.fetch_sub(1);
    if (left <= 1 && left > last) throw std::bad_alloc();
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
