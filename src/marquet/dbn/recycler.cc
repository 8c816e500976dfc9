#include "marquet/dbn/recycler.h"

#include <bit>

#include "arrow/api.h"

namespace marquet::dbn {

class RecycledBuffer final : public arrow::MutableBuffer {
 public:
  RecycledBuffer(std::unique_ptr<arrow::Buffer> owned, std::shared_ptr<BufferRecycler> home)
      : MutableBuffer(owned->mutable_data(), owned->size()),
        owned_(std::move(owned)),
        home_(std::move(home)) {}
  ~RecycledBuffer() override { home_->Return(std::move(owned_)); }

 private:
  std::unique_ptr<arrow::Buffer> owned_;
  std::shared_ptr<BufferRecycler> home_;
};

arrow::Result<std::shared_ptr<arrow::Buffer>> BufferRecycler::Take(int64_t bytes) {
  const auto capacity =
      static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(bytes, 64))));
  std::unique_ptr<arrow::Buffer> owned;
  {
    std::lock_guard lock(mutex_);
    auto idle = idle_.find(capacity);
    if (idle != idle_.end() && !idle->second.empty()) {
      owned = std::move(idle->second.back());
      idle->second.pop_back();
      idle_bytes_ -= capacity;
    }
  }
  if (!owned) {
    ARROW_ASSIGN_OR_RAISE(owned, arrow::AllocateBuffer(capacity));
  }
  return std::make_shared<RecycledBuffer>(std::move(owned), shared_from_this());
}

void BufferRecycler::Return(std::unique_ptr<arrow::Buffer> buffer) {
  std::lock_guard lock(mutex_);
  if (idle_bytes_ + buffer->size() > max_idle_bytes_) return;
  idle_bytes_ += buffer->size();
  auto& idle = idle_[buffer->size()];
  idle.push_back(std::move(buffer));
}

}  // namespace marquet::dbn
