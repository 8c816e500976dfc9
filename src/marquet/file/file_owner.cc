#include "marquet/file/file_owner.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>

#include <fmt/format.h>

namespace marquet::file {
namespace {

// Clocks of file servers differ, and a machine's own is set now and then.
constexpr int64_t kClockErrorMs = 60'000;

struct Process {
  char state = 0;
  int64_t begun_ticks = 0;  // since the machine began
};

// /proc/PID/stat: "PID (NAME) STATE ...", where NAME may hold anything; the start is field 22 (proc(5)).
std::optional<Process> ReadProcess(int64_t pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  Process process;
  fields >> process.state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> process.begun_ticks;
  if (fields.fail()) return {};
  return process;
}

// When the machine began, in seconds since 1970.
std::optional<int64_t> BootTime() {
  std::ifstream in("/proc/stat");
  for (std::string line; std::getline(in, line);) {
    int64_t seconds = 0;
    if (line.starts_with("btime ") && std::istringstream(line.substr(6)) >> seconds) return seconds;
  }
  return {};
}

}  // namespace

bool OwnerMayLive(const TemporaryName& name, int64_t modified_ms) {
  if (::kill(static_cast<pid_t>(name.pid), 0) != 0 && errno == ESRCH) return false;
  const auto process = ReadProcess(name.pid);
  const auto boot = BootTime();
  const int64_t ticks = ::sysconf(_SC_CLK_TCK);
  if (!process || !boot || ticks <= 0) return true;
  if (process->state == 'Z' || process->state == 'X')
    return false;  // it has ended, and has no files any more
  const int64_t begun_ms = *boot * 1000 + process->begun_ticks * 1000 / ticks;
  return begun_ms <= modified_ms + kClockErrorMs;
}

}  // namespace marquet::file
