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

  // Takes over `fd`. `self` is the directory's own name where it is a temporary one, and `above` the
  // directory that it is in.
  arrow::Status Directory(int fd, const std::string& path, const Seen* self = nullptr, int above = -1) {
    const OpenDirectory directory(::fdopendir(fd));
    if (directory == nullptr) {
      const int error = errno;
      ::close(fd);
      return StorageError(error, "list", path);
    }
    std::vector<Seen> below;                        // of a name that is not temporary, `parsed` is empty
    std::map<std::string, std::vector<Seen>> left;  // by the name without its ending: a file and its journal
    std::vector<Seen> published;                    // into a staging directory, under the final name
    bool others = false;
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
      const auto parsed = ParseTemporaryName(name);
      if (S_ISDIR(status.st_mode)) {
        below.push_back({name, parsed && !parsed->journal ? *parsed : TemporaryName(), status});
        others = true;
      } else if (parsed && S_ISREG(status.st_mode)) {
        left[name.substr(0, name.rfind('.'))].push_back({name, *parsed, status});
      } else if (self != nullptr && S_ISREG(status.st_mode) && IsTemporaryOf(self->parsed, name)) {
        published.push_back({name, self->parsed, status});
      } else {
        others = true;
      }
    }
    if (errno != 0) return StorageError(errno, "list", path);
    if (self != nullptr && !others && published.size() <= 1) {
      return Staging(fd, path, *self, above, left, published);
    }
    for (const auto& [stem, files] : left) ARROW_RETURN_NOT_OK(Judge(fd, path, files));
    for (const Seen& one : below) {
      const int child = ::openat(fd, one.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (child < 0) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) continue;  // it is another thing by now
        return StorageError(errno, "list", JoinPath(path, one.name));
      }
      const bool staging = one.parsed.pid != 0;
      ARROW_RETURN_NOT_OK(Directory(child, JoinPath(path, one.name), staging ? &one : nullptr, fd));
    }
    return arrow::Status::OK();
  }

  // A journal is written once, and as old as its writer may be young: the two are judged together.
  arrow::Status Judge(int fd, const std::string& path, const std::vector<Seen>& files) {
    const Verdict verdict = VerdictOf(files);
    for (const Seen& file : files) ARROW_RETURN_NOT_OK(Add(fd, path, file, verdict));
    return arrow::Status::OK();
  }

  // A directory that holds nothing but what its writer put there is judged with all that is in it, and goes
  // last.
  arrow::Status Staging(int fd, const std::string& path, const Seen& self, int above,
                        const std::map<std::string, std::vector<Seen>>& left, std::vector<Seen> inside) {
    for (const auto& [stem, files] : left) inside.insert(inside.end(), files.begin(), files.end());
    std::vector<Seen> all = inside;
    all.push_back(self);
    const Verdict verdict = VerdictOf(all);
    for (const Seen& file : inside) ARROW_RETURN_NOT_OK(Add(fd, path, file, verdict));
    return Add(above, ParentPath(path), self, verdict);
  }

  struct Verdict {
    int64_t modified_ms = 0;
    bool young = false;
    bool owner_lives = false;
  };

  Verdict VerdictOf(const std::vector<Seen>& files) const {
    Verdict verdict;
    for (const Seen& file : files) {
      verdict.modified_ms = std::max(verdict.modified_ms, ModifiedMs(file.status));
    }
    verdict.young = now_ms_ - verdict.modified_ms < options_.older_than_ms;
    for (const Seen& file : files) {
      verdict.owner_lives = verdict.owner_lives || OwnerMayLive(file.parsed, verdict.modified_ms);
    }
    return verdict;
  }

  // What is in `path`, open as `fd`: notes it, and removes it where that is to be done.
  arrow::Status Add(int fd, const std::string& path, const Seen& file, const Verdict& verdict) {
    const bool is_directory = S_ISDIR(file.status.st_mode);
    Leftover& one = found_.emplace_back();
    one.path = JoinPath(path, file.name);
    one.final_name = file.parsed.final_name;
    one.journal = file.parsed.journal;
    one.bytes = is_directory ? 0 : file.status.st_size;
    one.age_ms = std::max(now_ms_ - verdict.modified_ms, int64_t{0});
    one.pid = file.parsed.pid;
    one.young = verdict.young;
    one.owner_lives = verdict.owner_lives;
    if (!remove_ || one.kept()) return arrow::Status::OK();
    if (::unlinkat(fd, file.name.c_str(), is_directory ? AT_REMOVEDIR : 0) == 0) {
      one.removed = true;
    } else if (errno == ENOENT || (is_directory && (errno == ENOTEMPTY || errno == EEXIST))) {
      found_.pop_back();  // somebody else removed it, or put something into it
    } else {
      return StorageError(errno, "remove", one.path);
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
