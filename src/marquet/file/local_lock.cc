// flock belongs to the open file, not to the process: it keeps out other threads, too, and the copy that a
// fork gets keeps it when its first owner is killed. So a fork closes its copies at once, and only they who
// took a lock hold it.
//
// The file holds one line for those whom the lock keeps out: who has it, where and since when. It says
// nothing when nobody has the lock.
#include "marquet/file/local_lock.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <mutex>
#include <set>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/home_process.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"

namespace marquet::file {
namespace {

constexpr size_t kLongestLine = 512;

// The descriptors of the locks that this process holds.
class HeldLocks {
 public:
  static HeldLocks& Get() {
    static HeldLocks* const held = new HeldLocks;  // is there to the process's end
    return *held;
  }

  // Opens and locks. No fork comes between the two and the note of it.
  arrow::Result<int> Take(const std::string& path);

  void GiveBack(int fd) {
    std::lock_guard lock(mutex_);
    fds_.erase(fd);
    ::close(fd);
  }

 private:
  HeldLocks() {
    ::pthread_atfork([] { Get().mutex_.lock(); }, [] { Get().mutex_.unlock(); },
                     [] {
                       for (const int fd : Get().fds_) ::close(fd);
                       Get().fds_.clear();
                       Get().mutex_.unlock();
                     });
  }

  std::mutex mutex_;
  std::set<int> fds_;
};

std::string HostName() {
  char name[256] = {};
  if (::gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

// Whether it could be done; the lock holds as well where it could not.
bool TellNobody(int fd) { return ::ftruncate(fd, 0) == 0; }

// "PID HOST TIME\n", or nothing when that cannot be written.
bool TellHolder(int fd) {
  const std::string line =
      fmt::format("{} {} {}\n", ::getpid(), HostName(), FormatMillis(NowNanos() / 1'000'000));
  if (!TellNobody(fd)) return false;
  if (::pwrite(fd, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size())) return true;
  return TellNobody(fd);
}

// The holder as the lock's file tells of it, or an empty text.
std::string Holder(int fd, std::string* hint) {
  char text[kLongestLine];
  const ssize_t size = ::pread(fd, text, sizeof(text), 0);
  if (size <= 0) return {};
  std::string_view line(text, static_cast<size_t>(size));
  const size_t end = line.find('\n');
  if (end == line.npos) return {};
  line = line.substr(0, end);
  const size_t host = line.find(' '), time = line.rfind(' ');
  if (host == line.npos || host == time || !IsUtf8(line)) return {};
  int64_t pid = 0;
  const auto [stop, error] = std::from_chars(line.data(), line.data() + host, pid);
  if (error != std::errc() || stop != line.data() + host || pid < 1 || pid > INT32_MAX) return {};
  const std::string where(line.substr(host + 1, time - host - 1));
  std::string told = fmt::format("process {} on {} since {}", pid, where, line.substr(time + 1));
  if (pid == ::getpid() && where == HostName()) {
    *hint = "It is this process: close or abort the one that holds it, or let go of it.";
    return told + " (this process)";
  }
  if (where == HostName() && ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) {
    *hint = "A process that it started keeps the lock: end that one.";
    return told + ", which has ended";
  }
  return told;
}

arrow::Result<int> HeldLocks::Take(const std::string& path) {
  std::lock_guard lock(mutex_);
  int fd;
  do {
    fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return StorageError(errno, "open the lock file", path);
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error == EINTR) continue;
    std::string hint = "Wait until that writer has finished; the lock goes with its process.";
    const std::string holder = error == EWOULDBLOCK ? Holder(fd, &hint) : std::string();
    ::close(fd);
    if (error != EWOULDBLOCK) return StorageError(error, "lock", path);
    return Conflict(fmt::format("{}: locked by {}", path, holder.empty() ? "another writer" : holder), hint);
  }
  fds_.insert(fd);
  return fd;
}

class LocalFileLock final : public FileLock {
 public:
  explicit LocalFileLock(int fd) : fd_(fd) {}
  ~LocalFileLock() override {
    if (!home_.IsThis()) return;  // a fork has closed it, and the number may be another file's by now
    TellNobody(fd_);
    HeldLocks::Get().GiveBack(fd_);
  }

 private:
  const int fd_;
  const HomeProcess home_;
};

}  // namespace

arrow::Result<std::unique_ptr<FileLock>> LockLocalFile(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const int fd, HeldLocks::Get().Take(path));
  auto lock = std::make_unique<LocalFileLock>(fd);
  TellHolder(fd);
  return lock;
}

}  // namespace marquet::file
