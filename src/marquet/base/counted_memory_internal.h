// What the process holds in memory, by its allocators' own count: for tests of those who count by themselves.
#pragma once

#include <malloc.h>

#include <cstdint>
#include <cstdlib>

namespace marquet {

// Bytes that malloc has given out and that were not given back.
inline int64_t MallocBytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

// Whether malloc counts: that of a sanitizer does not.
inline bool MallocCounts() {
  constexpr size_t kBytes = size_t{1} << 20;
  const int64_t before = MallocBytes();
  void* volatile const block = std::malloc(kBytes);
  const int64_t grown = MallocBytes() - before;
  std::free(block);
  return grown >= static_cast<int64_t>(kBytes);
}

}  // namespace marquet
