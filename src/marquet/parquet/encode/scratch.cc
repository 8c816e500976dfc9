#include <array>
#include <memory>

#include "marquet/parquet/encode/scratch_internal.h"

namespace marquet::pq {

uint8_t* ScratchMemory(Scratch use, int64_t bytes) {
  struct Memory {
    std::unique_ptr<uint8_t[]> bytes;
    int64_t size = 0;
  };
  static thread_local std::array<Memory, 4> memories;
  Memory& memory = memories[static_cast<size_t>(use)];
  if (memory.size < bytes) {
    memory.bytes = std::make_unique_for_overwrite<uint8_t[]>(static_cast<size_t>(bytes));
    memory.size = bytes;
  }
  return memory.bytes.get();
}

}  // namespace marquet::pq
