// Every directory is opened relative to the one it is in, without following links, and files are looked at
// and removed relative to their directory: whatever is renamed meanwhile, the walk stays inside.
#include "marquet/file/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <memory>

#include "marquet/base/error.h"
#include "marquet/file/file_owner.h"
#include "marquet/file/file_system.h"
#include "marquet/file/temporary_name.h"

namespace marquet::file {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t ModifiedMs(const struct stat& status) {
  return int64_t{status.st_mtim.tv_sec} * 1000 + status.st_mtim.tv_nsec / 1'000'000;
}

class Walk {
 public:
  Walk(const LeftoverOptions& options, bool remove) : options_(options), remove_(remove), now_ms_(NowMs()) {}

  arrow::Status Root(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return StorageError(errno, "list", path);
    return Directory(fd, path);
  }

  std::vector<Leftover> Take() { return std::move(found_); }

 private:
  struct Seen {
    std::string name;
    TemporaryName parsed;
    struct stat status;
  };

  // Takes over `fd`.
  arrow::Status Directory(int fd, const std::string& path) {
    const OpenDirectory directory(::fdopendir(fd));
    if (directory == nullptr) {
      const int error = errno;
      ::close(fd);
      return StorageError(error, "list", path);
    }
    std::vector<std::string> below;
    std::map<std::string, std::vector<Seen>> left;  // by the name without its ending: a file and its journal
    for (;;) {
      if (options_.stop != nullptr) ARROW_RETURN_NOT_OK(options_.stop->Check());
      errno = 0;
      const dirent* const entry = ::readdir(directory.get());
      if (entry == nullptr) break;
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat status;
      if (::fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;  // gone since it was listed
        return StorageError(errno, "stat", JoinPath(path, name));
      }
      if (S_ISDIR(status.st_mode)) {
        below.push_back(name);
      } else if (const auto parsed = ParseTemporaryName(name); parsed && S_ISREG(status.st_mode)) {
        left[name.substr(0, name.rfind('.'))].push_back({name, *parsed, status});
      }
    }
    if (errno != 0) return StorageError(errno, "list", path);
    for (const auto& [stem, files] : left) ARROW_RETURN_NOT_OK(Judge(fd, path, files));
    for (const std::string& name : below) {
      const int child = ::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (child < 0) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) continue;  // it is another thing by now
        return StorageError(errno, "list", JoinPath(path, name));
      }
      ARROW_RETURN_NOT_OK(Directory(child, JoinPath(path, name)));
    }
    return arrow::Status::OK();
  }

  // A journal is written once, and as old as its writer may be young: the two are judged together.
  arrow::Status Judge(int fd, const std::string& path, const std::vector<Seen>& files) {
    int64_t modified_ms = 0;
    for (const Seen& file : files) modified_ms = std::max(modified_ms, ModifiedMs(file.status));
    const bool young = now_ms_ - modified_ms < options_.older_than_ms;
    const bool owner_lives = OwnerMayLive(files[0].parsed, modified_ms);
    for (const Seen& file : files) {
      Leftover& one = found_.emplace_back();
      one.path = JoinPath(path, file.name);
      one.final_name = file.parsed.final_name;
      one.journal = file.parsed.journal;
      one.bytes = file.status.st_size;
      one.age_ms = std::max(now_ms_ - modified_ms, int64_t{0});
      one.pid = file.parsed.pid;
      one.young = young;
      one.owner_lives = owner_lives;
      if (!remove_ || one.kept()) continue;
      if (::unlinkat(fd, file.name.c_str(), 0) == 0) {
        one.removed = true;
      } else if (errno == ENOENT) {
        found_.pop_back();  // somebody else removed it
      } else {
        return StorageError(errno, "remove", one.path);
      }
    }
    return arrow::Status::OK();
  }

  const LeftoverOptions& options_;
  const bool remove_;
  const int64_t now_ms_;
  std::vector<Leftover> found_;
};

}  // namespace

arrow::Result<std::vector<Leftover>> FindLeftovers(const std::string& directory,
                                                   const LeftoverOptions& options) {
  std::vector<Leftover> found;
  // Once to see that all can be listed, and once to remove.
  for (const bool remove : {false, true}) {
    if (remove && !options.remove) break;
    Walk walk(options, remove);
    ARROW_RETURN_NOT_OK(walk.Root(directory));
    found = walk.Take();
  }
  std::sort(found.begin(), found.end(), [](const Leftover& a, const Leftover& b) { return a.path < b.path; });
  return found;
}

}  // namespace marquet::file
