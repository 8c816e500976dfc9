// The thread that long work of a calling thread runs on, kept from one call to the next: starting one, and
// filling its allocator's and codecs' caches anew, would cost a small read or append more than its own work.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "arrow/status.h"

namespace marquet::python {

// Belongs to the thread that made it. Ends its thread when it goes; in a forked child, which has no such
// thread, it lets it be.
class JobThread {
 public:
  JobThread();
  ~JobThread();
  JobThread(const JobThread&) = delete;
  JobThread& operator=(const JobThread&) = delete;

  // The calling thread's own, which ends with it.
  static JobThread& OfCaller();

  // Whether it has a job: one that is begun and not waited for to its end.
  bool busy() const { return busy_; }

  // Starts a job, which must not throw. Only when not busy. kStorage when there is no thread yet and none can
  // be had: the job was not begun.
  arrow::Status Begin(std::function<void()> job);

  // True when the job has ended within that time. Nothing of it runs any more then.
  bool Wait(std::chrono::milliseconds time);

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;  // null until the first job
  bool busy_ = false;
};

}  // namespace marquet::python
