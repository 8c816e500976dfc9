// What goes to standard error under --log-format json: one JSON object a line, for log collectors.
//
// Each has "time" (ISO-8601, UTC), "level" (debug, info, warning, error, progress) and "message"; errors have
// "kind" and "hint" besides, progress "rows", "bytes" and, where it is known, "bytes_total".
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "arrow/status.h"
#include "marquet/base/progress.h"

namespace spdlog::sinks {
class sink;
}

namespace marquet::cli {

// Writes what is logged. Thread safe.
std::shared_ptr<spdlog::sinks::sink> MakeJsonSink();

// The line of an error; `kind` as --json tells it.
std::string JsonErrorLine(const std::string& message, const std::string& kind, const std::string& hint);

// Writes progress: a line when a phase begins, and at most one a second after it. Not thread safe, as
// Progress is reported from one thread at a time.
class JsonProgress {
 public:
  void Update(const Progress& progress);

 private:
  using Clock = std::chrono::steady_clock;
  std::string phase_;
  Clock::time_point told_;
};

}  // namespace marquet::cli
