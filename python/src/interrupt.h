// Work without the GIL, and work that Ctrl-C stops.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "errors.h"
#include "job_thread.h"
#include "marquet/base/progress.h"

namespace marquet::python {

// Runs short work with the GIL released.
template <typename Work>
auto WithoutGil(Work&& work) {
  nanobind::gil_scoped_release released;
  return std::forward<Work>(work)();
}

// What became of work, and what a signal's handler raised meanwhile (KeyboardInterrupt, for one), if
// anything.
template <typename Result>
struct Ended {
  Result result;
  std::optional<nanobind::python_error> raised;
};

// Runs long work, which looks at `stop` between batches, on a thread beside the caller's. The calling thread
// looks for signals twenty times a second and at the end; when Python's handler raises, the work is asked to
// stop, and waited for. Where no thread can be had the caller's does the work, and looks at the end. Needs
// the GIL.
template <typename Work>
auto RunToEnd(StopFlag& stop, Work&& work) -> Ended<decltype(work())> {
  std::optional<decltype(work())> result;
  std::exception_ptr failed;
  const auto job = [&]() noexcept {
    try {
      result.emplace(work());
    } catch (...) {
      failed = std::current_exception();
    }
  };
  // A signal's handler may come back here while its thread waits for a job.
  std::optional<JobThread> another;
  JobThread& thread = JobThread::OfCaller().busy() ? another.emplace() : JobThread::OfCaller();
  bool done = false;
  if (!thread.Begin(job).ok()) {
    WithoutGil(job);
    done = true;
  }
  std::optional<nanobind::python_error> raised;
  while (!done) {
    {
      nanobind::gil_scoped_release released;
      done = thread.Wait(std::chrono::milliseconds(50));
    }
    if (!done && !raised && PyErr_CheckSignals() != 0) {
      raised.emplace();
      stop.Request();
    }
  }
  // A signal of the last moment counts to the work, not to whoever comes next.
  if (!raised && PyErr_CheckSignals() != 0) raised.emplace();
  if (failed && !raised) std::rethrow_exception(failed);
  if (failed) throw *std::move(raised);
  return {*std::move(result), std::move(raised)};
}

// For work that leaves nothing behind: its result goes with the exception.
template <typename Work>
auto Interruptible(StopFlag& stop, Work&& work) {
  auto ended = RunToEnd(stop, std::forward<Work>(work));
  if (ended.raised) throw *std::move(ended.raised);
  return std::move(ended.result);
}

// For work that lasts (a commit, a published file): when it has succeeded, `report` makes what the caller is
// told of it and `done`, a Python function, is given that, before anything is raised. So whoever has called
// can tell work that is done from work that was stopped. An error of the work is raised as it is; where a
// signal came too, the signal's exception is raised with the error as its cause.
template <typename Result, typename Report>
void Tell(nanobind::handle done, Ended<Result> ended, Report&& report, const std::string& path) {
  if (ended.result.ok()) {
    done(report(*ended.result));
    if (ended.raised) throw *std::move(ended.raised);
    return;
  }
  if (!ended.raised) Throw(ended.result.status(), path);
  if (!ended.result.status().IsCancelled()) {
    try {
      Throw(ended.result.status(), path);
    } catch (nanobind::python_error& error) {
      PyException_SetCause(ended.raised->value().ptr(), error.value().inc_ref().ptr());
    }
  }
  throw *std::move(ended.raised);
}

}  // namespace marquet::python
