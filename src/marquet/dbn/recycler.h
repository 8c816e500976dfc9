// Memory that comes back: column buffers whose pages are used again once the batch that held them is gone.
//
// The first touch of a fresh page costs more than decoding into it, so a reader takes its buffers from here.
// A buffer returns when its last owner drops it, from any thread. What lies idle is bounded.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace marquet::dbn {

class BufferRecycler : public std::enable_shared_from_this<BufferRecycler> {
 public:
  explicit BufferRecycler(int64_t max_idle_bytes) : max_idle_bytes_(max_idle_bytes) {}

  // A buffer of at least `bytes` (its size() is its capacity, a power of two), with undefined content. Thread
  // safe.
  arrow::Result<std::shared_ptr<arrow::Buffer>> Take(int64_t bytes);

 private:
  friend class RecycledBuffer;
  void Return(std::shared_ptr<arrow::Buffer> buffer);
  // Adds the parts of a fresh huge page.
  arrow::Status CutHugePage(int64_t capacity, std::vector<std::shared_ptr<arrow::Buffer>>* idle);

  const int64_t max_idle_bytes_;
  std::mutex mutex_;
  int64_t idle_bytes_ = 0;
  std::map<int64_t, std::vector<std::shared_ptr<arrow::Buffer>>> idle_;  // by capacity
};

}  // namespace marquet::dbn
