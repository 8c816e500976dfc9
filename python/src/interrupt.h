// Work without the GIL, and work that Ctrl-C stops.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "marquet/base/progress.h"

namespace marquet::python {

// Runs short work with the GIL released.
template <typename Work>
auto WithoutGil(Work&& work) {
  nanobind::gil_scoped_release released;
  return std::forward<Work>(work)();
}

// Runs long work, which looks at `stop` between batches, on a thread of its own. The calling thread looks for
// signals twenty times a second; when Python's handler raises (KeyboardInterrupt, for one), the work is asked
// to stop, waited for, and the exception is thrown in place of its result. Needs the GIL.
template <typename Work>
auto Interruptible(StopFlag& stop, Work&& work) {
  std::packaged_task<decltype(work())()> task(std::forward<Work>(work));
  auto result = task.get_future();
  std::thread thread(std::move(task));
  std::optional<nanobind::python_error> raised;
  for (bool done = false; !done;) {
    {
      nanobind::gil_scoped_release released;
      done = result.wait_for(std::chrono::milliseconds(50)) == std::future_status::ready;
    }
    if (!done && !raised && PyErr_CheckSignals() != 0) {
      raised.emplace();
      stop.Request();
    }
  }
  thread.join();
  if (raised) throw *std::move(raised);
  return result.get();
}

}  // namespace marquet::python
