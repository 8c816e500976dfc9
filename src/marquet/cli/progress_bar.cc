#include "marquet/cli/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "marquet/base/text.h"

namespace marquet::cli {
namespace {

int BarWidth() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

std::string ProgressLine(const Progress& progress, double seconds, int width) {
  const double elapsed = std::max(seconds, 1e-3);
  std::string line = progress.phase;
  if (progress.bytes_total > 0) {
    constexpr int kCells = 20;
    const double share =
        std::clamp(static_cast<double>(progress.bytes) / static_cast<double>(progress.bytes_total), 0.0, 1.0);
    const int filled = static_cast<int>(share * kCells);
    line += fmt::format("  [{}{}] {:3.0f} %", std::string(filled, '#'), std::string(kCells - filled, '.'),
                        share * 100);
  }
  line += fmt::format("  {}", HumanBytes(progress.bytes));
  line +=
      fmt::format("  {}/s", HumanBytes(static_cast<int64_t>(static_cast<double>(progress.bytes) / elapsed)));
  if (progress.rows > 0) {
    line += fmt::format("  {} rows/s",
                        WithCommas(static_cast<int64_t>(static_cast<double>(progress.rows) / elapsed)));
  }
  if (progress.bytes_total > progress.bytes && progress.bytes > 0 && seconds > 0.5) {
    const double rate = static_cast<double>(progress.bytes) / elapsed;
    line += "  ETA " + HumanSeconds(static_cast<double>(progress.bytes_total - progress.bytes) / rate);
  }
  if (width > 1 && line.size() >= static_cast<size_t>(width)) line.resize(static_cast<size_t>(width) - 1);
  return line;
}

ProgressBar::~ProgressBar() { Clear(); }

void ProgressBar::Update(const Progress& progress) {
  if (progress.phase != phase_) {
    phase_ = progress.phase;
    started_ = Clock::now();
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  std::fprintf(stderr, "\r\033[K%s", ProgressLine(progress, seconds, BarWidth()).c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::Clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace marquet::cli
