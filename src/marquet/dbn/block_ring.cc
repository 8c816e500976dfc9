#include "marquet/dbn/block_ring.h"

namespace marquet::dbn {

bool BlockRing::Reserve(int64_t bytes) {
  if (bytes <= size_) return true;
  GiveOut();
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || given_.empty(); });
    if (stopped_) return false;
  }
  memory_ = nullptr;
  memory_ = std::make_unique_for_overwrite<uint8_t[]>(static_cast<size_t>(bytes));
  size_ = bytes;
  written_ = begun_ = 0;
  return true;
}

uint8_t* BlockRing::Room(int64_t bytes) {
  const int64_t offset = written_ % size_;
  if (offset == 0 || size_ - offset < bytes) {  // a stretch never reaches around the memory's end
    GiveOut();
    if (offset > 0) written_ += size_ - offset;
    begun_ = written_;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopped_ || written_ + bytes - unread() <= size_; });
  return stopped_ ? nullptr : memory_.get() + written_ % size_;
}

void BlockRing::GiveOut() {
  if (pending() == 0) return;
  {
    std::lock_guard lock(mutex_);
    given_.push_back({begun_, pending()});
    begun_ = written_;
  }
  changed_.notify_all();
}

void BlockRing::End(arrow::Status outcome) {
  {
    std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
    ended_ = true;
  }
  changed_.notify_all();
}

arrow::Result<BlockRing::Stretch> BlockRing::Next() {
  std::unique_lock lock(mutex_);
  if (held_) {
    given_.pop_front();
    held_ = false;
    changed_.notify_all();
  }
  changed_.wait(lock, [&] { return ended_ || !given_.empty(); });
  if (given_.empty()) {
    ARROW_RETURN_NOT_OK(outcome_);
    return Stretch{};
  }
  held_ = true;
  return Stretch{memory_.get() + given_.front().begin % size_, given_.front().size};
}

bool BlockRing::Stop() {
  bool ended = false;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    ended = ended_;
  }
  changed_.notify_all();
  return ended;
}

}  // namespace marquet::dbn
