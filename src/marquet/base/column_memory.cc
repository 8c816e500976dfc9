#include <pthread.h>
#include <sys/mman.h>

#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "arrow/memory_pool.h"
#include "fmt/format.h"
#include "marquet/base/column_memory.h"

namespace marquet {
namespace {

// Blocks are made of these, so that one fault of the kernel's fills what would take five hundred.
constexpr int64_t kHugePage = int64_t{2} << 20;
// From here on a block is worth its roundness.
constexpr int64_t kLeastBlock = kHugePage / 2 + 1;

// GCC and Clang have each its own word for it.
#if defined(__SANITIZE_ADDRESS__)
#define MARQUET_ADDRESSES_ARE_WATCHED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MARQUET_ADDRESSES_ARE_WATCHED
#endif
#endif

int64_t BlockSize(int64_t size) { return (size + kHugePage - 1) / kHugePage * kHugePage; }

// Fresh memory that begins at a huge page's border; a null pointer when there is none.
uint8_t* MapBlock(int64_t size) {
  const auto wanted = static_cast<size_t>(size);
  const size_t mapped = wanted + kHugePage;
  void* const found = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<uint8_t*>(found);
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(begin) % kHugePage) % kHugePage;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + wanted, mapped - before - wanted);
  // Advice: where there is no huge page to be had, the memory is the same in small pages.
  static_cast<void>(madvise(begin + before, wanted, MADV_HUGEPAGE));
  return begin + before;
}

class RecyclingPool final : public arrow::MemoryPool {
 public:
  arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override {
    if (!IsBlock(size, alignment)) return small_->Allocate(size, alignment, out);
    const int64_t block = BlockSize(size);
    {
      std::lock_guard lock(mutex_);
      if (std::vector<uint8_t*>& idle = idle_[block]; !idle.empty()) {
        *out = idle.back();
        idle.pop_back();
        idle_bytes_ -= block;
        statistics_.DidAllocateBytes(size);
        return arrow::Status::OK();
      }
    }
    *out = MapBlock(block);
    if (*out == nullptr) return arrow::Status::OutOfMemory("no memory for ", size, " bytes of a column");
    statistics_.DidAllocateBytes(size);
    return arrow::Status::OK();
  }

  arrow::Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment, uint8_t** ptr) override {
    const bool was = IsBlock(old_size, alignment), is = IsBlock(new_size, alignment);
    if (!was && !is) return small_->Reallocate(old_size, new_size, alignment, ptr);
    if (was && is && BlockSize(old_size) == BlockSize(new_size)) {
      statistics_.DidReallocateBytes(old_size, new_size);
      return arrow::Status::OK();
    }
    uint8_t* moved = nullptr;
    ARROW_RETURN_NOT_OK(Allocate(new_size, alignment, &moved));
    std::memcpy(moved, *ptr, static_cast<size_t>(std::min(old_size, new_size)));
    Free(*ptr, old_size, alignment);
    *ptr = moved;
    return arrow::Status::OK();
  }

  void Free(uint8_t* buffer, int64_t size, int64_t alignment) override {
    if (!IsBlock(size, alignment)) return small_->Free(buffer, size, alignment);
    statistics_.DidFreeBytes(size);
    const int64_t block = BlockSize(size);
    const auto bytes = static_cast<size_t>(block);
    static_cast<void>(madvise(buffer, bytes, MADV_FREE));
    {
      std::lock_guard lock(mutex_);
      if (idle_bytes_ + block <= kIdleColumnMemory) {
        idle_[block].push_back(buffer);
        idle_bytes_ += block;
        return;
      }
    }
    munmap(buffer, bytes);
  }

  void ReleaseUnused() override {
    std::lock_guard lock(mutex_);
    for (auto& [block, idle] : idle_) {
      for (uint8_t* const memory : idle) munmap(memory, static_cast<size_t>(block));
      idle.clear();
    }
    idle_bytes_ = 0;
    small_->ReleaseUnused();
  }

  int64_t bytes_allocated() const override { return statistics_.bytes_allocated(); }
  int64_t max_memory() const override { return statistics_.max_memory(); }
  int64_t total_bytes_allocated() const override { return statistics_.total_bytes_allocated(); }
  int64_t num_allocations() const override { return statistics_.num_allocations(); }
  std::string backend_name() const override { return small_->backend_name(); }

  std::mutex& mutex() { return mutex_; }

 private:
  static bool IsBlock(int64_t size, int64_t alignment) {
    return size >= kLeastBlock && alignment <= kHugePage;
  }

  arrow::MemoryPool* const small_ = arrow::default_memory_pool();
  arrow::internal::MemoryPoolStats statistics_;  // of blocks
  std::mutex mutex_;
  int64_t idle_bytes_ = 0;
  std::map<int64_t, std::vector<uint8_t*>> idle_;  // by size
};

}  // namespace

arrow::MemoryPool* ColumnMemory() {
#ifdef MARQUET_ADDRESSES_ARE_WATCHED
  return arrow::default_memory_pool();  // which tells of every touch beyond a buffer's end
#else
  static RecyclingPool* pool = nullptr;
  static std::once_flag made;
  std::call_once(made, [] {
    pool = new RecyclingPool;
    // A child of fork() finds the pool in order, whatever other threads were at.
    pthread_atfork([] { pool->mutex().lock(); }, [] { pool->mutex().unlock(); },
                   [] { pool->mutex().unlock(); });
  });
  return pool;
#endif
}

}  // namespace marquet
