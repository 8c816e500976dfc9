// Application ids to how far each got, shared between snapshots like a SharedList: ingest keeps one entry for
// every source, so a commit must not copy them all.
//
// Entries are spread over a fixed number of buckets by a hash of the id; Set copies one bucket and the row of
// bucket pointers. A value; const methods may be called from several threads.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "marquet/delta/actions.h"

namespace marquet::delta {

class TransactionMap {
 public:
  // The entry of an application, or nullptr. Valid as long as this map or a copy of it lives unchanged.
  const Transaction* Find(std::string_view app_id) const;
  bool contains(std::string_view app_id) const { return Find(app_id) != nullptr; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // All entries by ascending application id.
  std::vector<std::shared_ptr<const Transaction>> Sorted() const;

  void Set(Transaction transaction);

 private:
  using Bucket = std::vector<std::shared_ptr<const Transaction>>;
  using Buckets = std::array<std::shared_ptr<const Bucket>, 256>;
  std::shared_ptr<const Buckets> buckets_;
  size_t size_ = 0;
};

}  // namespace marquet::delta
