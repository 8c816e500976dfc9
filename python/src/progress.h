// A Python function that is told how far a job is.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>

#include "marquet/base/progress.h"

namespace marquet::python {

// Calls `function(phase, rows, bytes, bytes_total)` from the job's thread, some ten times a second at most.
// What the function raises stops the job and is thrown by Rethrow(). Made, destroyed and rethrown with the
// GIL.
class ProgressReport {
 public:
  // `function` may be None: no reports.
  ProgressReport(nanobind::object function, StopFlag& stop) : function_(std::move(function)), stop_(stop) {}

  ProgressCallback callback() {
    if (function_.is_none()) return {};
    return [this](const Progress& progress) {
      nanobind::gil_scoped_acquire gil;
      if (raised_) return;
      try {
        function_(progress.phase, progress.rows, progress.bytes, progress.bytes_total);
      } catch (nanobind::python_error& error) {
        raised_.emplace(std::move(error));
        stop_.Request();
      }
    };
  }

  void Rethrow() {
    if (raised_) throw *std::move(raised_);
  }

  // For work that lasts: what the function raised is told like what a signal's handler raised.
  template <typename Ended>
  void MoveTo(Ended* ended) {
    if (raised_ && !ended->raised) ended->raised.emplace(*std::move(raised_));
  }

 private:
  nanobind::object function_;
  StopFlag& stop_;
  std::optional<nanobind::python_error> raised_;
};

}  // namespace marquet::python
