// A line on a terminal that says how far work is: share, bytes, rates and the time left.
#pragma once

#include <chrono>
#include <string>

#include "marquet/base/progress.h"

namespace marquet::cli {

// The text of the line for work that has run for `seconds`; pure.
std::string ProgressLine(const Progress& progress, double seconds, int width);

// Draws on standard error. Not thread safe, as Progress is reported from one thread at a time.
class ProgressBar {
 public:
  ~ProgressBar();
  void Update(const Progress& progress);
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::string phase_;
  Clock::time_point started_;
  bool drawn_ = false;
};

}  // namespace marquet::cli
