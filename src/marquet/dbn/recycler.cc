#include "marquet/dbn/recycler.h"

#include <sys/mman.h>

#include <bit>

#include "arrow/api.h"

namespace marquet::dbn {
namespace {

// Large buffers are cut from pieces that the kernel can back by one huge page each, which it fills at one
// fault instead of five hundred.
constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr int64_t kLeastCut = int64_t{64} << 10;

}  // namespace

class RecycledBuffer final : public arrow::MutableBuffer {
 public:
  RecycledBuffer(std::shared_ptr<arrow::Buffer> owned, std::shared_ptr<BufferRecycler> home)
      : MutableBuffer(owned->mutable_data(), owned->size()),
        owned_(std::move(owned)),
        home_(std::move(home)) {}
  ~RecycledBuffer() override { home_->Return(std::move(owned_)); }

 private:
  std::shared_ptr<arrow::Buffer> owned_;
  std::shared_ptr<BufferRecycler> home_;
};

arrow::Result<std::shared_ptr<arrow::Buffer>> BufferRecycler::Take(int64_t bytes) {
  const auto capacity =
      static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(bytes, 64))));
  std::shared_ptr<arrow::Buffer> owned;
  {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<arrow::Buffer>>& idle = idle_[capacity];
    if (idle.empty() && capacity >= kLeastCut && capacity < kHugePage) {
      ARROW_RETURN_NOT_OK(CutHugePage(capacity, &idle));
    }
    if (!idle.empty()) {
      owned = std::move(idle.back());
      idle.pop_back();
      idle_bytes_ -= capacity;
    }
  }
  if (!owned) {
    ARROW_ASSIGN_OR_RAISE(owned, arrow::AllocateBuffer(capacity));
  }
  return std::make_shared<RecycledBuffer>(std::move(owned), shared_from_this());
}

arrow::Status BufferRecycler::CutHugePage(int64_t capacity,
                                          std::vector<std::shared_ptr<arrow::Buffer>>* idle) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> page, arrow::AllocateBuffer(kHugePage, kHugePage));
  // Advice: without it, or where there is no huge page to be had, the memory is the same in small pages.
  static_cast<void>(madvise(page->mutable_data(), kHugePage, MADV_HUGEPAGE));
  for (int64_t at = kHugePage; at > 0; at -= capacity) {
    idle->push_back(arrow::SliceMutableBuffer(page, at - capacity, capacity));
  }
  idle_bytes_ += kHugePage;
  return arrow::Status::OK();
}

void BufferRecycler::Return(std::shared_ptr<arrow::Buffer> buffer) {
  std::lock_guard lock(mutex_);
  if (idle_bytes_ + buffer->size() > max_idle_bytes_) return;
  idle_bytes_ += buffer->size();
  auto& idle = idle_[buffer->size()];
  idle.push_back(std::move(buffer));
}

}  // namespace marquet::dbn
