#include "marquet/table/reader_cache.h"

namespace marquet::table {

arrow::Result<std::shared_ptr<pq::FileReader>> ReaderCache::Open(const std::string& path, int64_t size) {
  {
    std::lock_guard lock(mutex_);
    if (const auto found = by_path_.find(path); found != by_path_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second);
      return found->second->second;
    }
  }
  // Outside of the lock, so that files are opened side by side; two threads may open the same one.
  ARROW_ASSIGN_OR_RAISE(
      auto reader,
      pq::FileReader::Open(fs_, path, nullptr, size >= 0 ? std::optional<int64_t>(size) : std::nullopt));
  std::lock_guard lock(mutex_);
  if (by_path_.contains(path)) return reader;
  recent_.emplace_front(path, reader);
  by_path_.emplace(recent_.front().first, recent_.begin());
  if (recent_.size() > capacity_) {
    by_path_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return reader;
}

}  // namespace marquet::table
