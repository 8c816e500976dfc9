// Memory for the columns that are read, which keeps its pages.
//
// The first touch of fresh memory takes longer than decoding into it. What is freed here therefore stays with
// the process, up to a bound, for the columns of the next batch or scan. The kernel may take it away
// meanwhile (MADV_FREE), so that idle memory stands in nobody's way.
#pragma once

#include <cstdint>

namespace arrow {
class MemoryPool;
}

namespace marquet {

// Bytes that may lie idle.
constexpr int64_t kIdleColumnMemory = int64_t{256} << 20;

// Thread safe, and never destroyed: arrays may outlive everything else. Gives small requests to Arrow's own
// pool.
arrow::MemoryPool* ColumnMemory();

}  // namespace marquet
