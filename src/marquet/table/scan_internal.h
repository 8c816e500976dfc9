// The inside of a Scan, which a Table makes. Internal to the room.
#pragma once

#include <memory>
#include <mutex>

#include "marquet/table/scan.h"
#include "marquet/table/scan_plan.h"

namespace marquet::table {

// Of the last stream that ended. Thread safe.
class LastStatistics {
 public:
  void Set(const ScanStatistics& statistics) {
    std::lock_guard lock(mutex_);
    statistics_ = statistics;
  }
  ScanStatistics Get() const {
    std::lock_guard lock(mutex_);
    return statistics_;
  }

 private:
  mutable std::mutex mutex_;
  ScanStatistics statistics_;
};

struct Scan::Impl {
  std::shared_ptr<const ScanSpec> spec;
  std::shared_ptr<LastStatistics> last = std::make_shared<LastStatistics>();
};

// Binds the options to the table. Errors as of Table::NewScan.
arrow::Result<std::shared_ptr<const ScanSpec>> BindScan(std::shared_ptr<TableState> table,
                                                        ScanOptions options);

}  // namespace marquet::table
