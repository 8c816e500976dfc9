// Work without the GIL, and work that Ctrl-C stops.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "job_thread.h"
#include "marquet/base/progress.h"

namespace marquet::python {

// Runs short work with the GIL released.
template <typename Work>
auto WithoutGil(Work&& work) {
  nanobind::gil_scoped_release released;
  return std::forward<Work>(work)();
}

// Runs long work, which looks at `stop` between batches, on a thread beside the caller's. The calling thread
// looks for signals twenty times a second; when Python's handler raises (KeyboardInterrupt, for one), the
// work is asked to stop, waited for, and the exception is thrown in place of its result. Needs the GIL.
template <typename Work>
auto Interruptible(StopFlag& stop, Work&& work) {
  std::optional<decltype(work())> result;
  std::exception_ptr failed;
  // A signal's handler may come back here while its thread waits for a job.
  std::optional<JobThread> another;
  JobThread& thread = JobThread::OfCaller().busy() ? another.emplace() : JobThread::OfCaller();
  thread.Begin([&]() noexcept {
    try {
      result.emplace(work());
    } catch (...) {
      failed = std::current_exception();
    }
  });
  std::optional<nanobind::python_error> raised;
  for (bool done = false; !done;) {
    {
      nanobind::gil_scoped_release released;
      done = thread.Wait(std::chrono::milliseconds(50));
    }
    if (!done && !raised && PyErr_CheckSignals() != 0) {
      raised.emplace();
      stop.Request();
    }
  }
  if (raised) throw *std::move(raised);
  if (failed) std::rethrow_exception(failed);
  return *std::move(result);
}

}  // namespace marquet::python
