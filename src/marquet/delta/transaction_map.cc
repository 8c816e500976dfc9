#include "marquet/delta/transaction_map.h"

#include <algorithm>

#include "marquet/base/hash.h"

namespace marquet::delta {
namespace {

size_t BucketOf(std::string_view app_id) { return Xxh3Hash64(app_id) % 256; }

}  // namespace

const Transaction* TransactionMap::Find(std::string_view app_id) const {
  if (buckets_ == nullptr) return nullptr;
  const auto& bucket = (*buckets_)[BucketOf(app_id)];
  if (bucket == nullptr) return nullptr;
  for (const auto& entry : *bucket) {
    if (entry->app_id == app_id) return entry.get();
  }
  return nullptr;
}

std::vector<std::shared_ptr<const Transaction>> TransactionMap::Sorted() const {
  std::vector<std::shared_ptr<const Transaction>> all;
  all.reserve(size_);
  if (buckets_ != nullptr) {
    for (const auto& bucket : *buckets_) {
      if (bucket != nullptr) all.insert(all.end(), bucket->begin(), bucket->end());
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->app_id < b->app_id; });
  return all;
}

void TransactionMap::Set(Transaction transaction) {
  auto buckets = buckets_ ? std::make_shared<Buckets>(*buckets_) : std::make_shared<Buckets>();
  auto& slot = (*buckets)[BucketOf(transaction.app_id)];
  auto bucket = slot ? std::make_shared<Bucket>(*slot) : std::make_shared<Bucket>();
  auto entry = std::make_shared<const Transaction>(std::move(transaction));
  const auto old = std::find_if(bucket->begin(), bucket->end(),
                                [&](const auto& each) { return each->app_id == entry->app_id; });
  if (old != bucket->end()) {
    *old = std::move(entry);
  } else {
    bucket->push_back(std::move(entry));
    ++size_;
  }
  slot = std::move(bucket);
  buckets_ = std::move(buckets);
}

}  // namespace marquet::delta
