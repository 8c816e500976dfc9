// How long work tells its caller how far it is, and how the caller stops it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "arrow/status.h"

namespace marquet {

struct Progress {
  std::string phase;        // "ingest day.dbn.zst"
  int64_t rows = 0;         // done so far
  int64_t bytes = 0;        // of the input, done so far
  int64_t bytes_total = 0;  // 0 when it is not known
};

// Called from one thread at a time, at most some ten times a second. May be empty.
using ProgressCallback = std::function<void(const Progress&)>;

// A flag that asks work to stop. Set from a signal handler or another thread; looked at between batches. Work
// that is stopped leaves nothing half visible. Thread safe and async-signal safe.
class StopFlag {
 public:
  void Request() { requested_.store(true, std::memory_order_relaxed); }
  void Reset() { requested_.store(false, std::memory_order_relaxed); }
  bool requested() const { return requested_.load(std::memory_order_relaxed); }

  // OK, or arrow::StatusCode::Cancelled once a stop was requested.
  arrow::Status Check() const {
    return requested() ? arrow::Status::Cancelled("stopped on request") : arrow::Status::OK();
  }

 private:
  std::atomic<bool> requested_{false};
};

}  // namespace marquet
