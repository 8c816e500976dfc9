// The operating system's files. What each call costs: one system call, except List (one more per entry),
// SyncDirectory (open, fsync, close) and Lock (open, flock, and what tells of the holder).
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/file_system.h"
#include "marquet/file/local_file.h"
#include "marquet/file/local_lock.h"

namespace marquet::file {
namespace {

FileInfo InfoOf(std::string path, const struct stat& status) {
  FileInfo info;
  info.path = std::move(path);
  info.size = status.st_size;
  info.modified_ms = int64_t{status.st_mtim.tv_sec} * 1000 + status.st_mtim.tv_nsec / 1'000'000;
  info.is_directory = S_ISDIR(status.st_mode);
  info.device = status.st_dev;
  info.inode = status.st_ino;
  return info;
}

class Directory {
 public:
  explicit Directory(const std::string& path) : stream_(::opendir(path.c_str())) {}
  ~Directory() {
    if (stream_ != nullptr) ::closedir(stream_);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  bool open() const { return stream_ != nullptr; }
  int fd() const { return ::dirfd(stream_); }

  // The next entry's name, or null at the end and after an error, which errno tells apart (0 at the end).
  const char* Next() {
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream_);
      if (entry == nullptr) return nullptr;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") return entry->d_name;
    }
  }

 private:
  DIR* stream_;
};

class LocalFiles final : public FileSystem {
 public:
  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenForReading(
      const std::string& path) override {
    return OpenLocalFile(path);
  }

  arrow::Result<std::unique_ptr<WritableFile>> CreateNew(const std::string& path) override {
    return CreateLocalFile(path);
  }

  arrow::Result<std::unique_ptr<WritableFile>> GoOnWriting(const std::string& path) override {
    return OpenLocalFileAtEnd(path);
  }

  arrow::Result<FileInfo> Stat(const std::string& path) override {
    struct stat status;
    if (::stat(path.c_str(), &status) != 0) return StorageError(errno, "stat", path);
    return InfoOf(path, status);
  }

  arrow::Result<std::vector<FileInfo>> List(const std::string& path) override {
    Directory directory(path);
    if (!directory.open()) return StorageError(errno, "list", path);
    std::vector<FileInfo> entries;
    while (const char* name = directory.Next()) {
      struct stat status;
      if (::fstatat(directory.fd(), name, &status, 0) == 0) {
        entries.push_back(InfoOf(name, status));
      } else if (errno != ENOENT && errno != ELOOP) {  // removed since, or a link to nothing or to itself
        return StorageError(errno, "stat", JoinPath(path, name));
      }
    }
    if (errno != 0) return StorageError(errno, "list", path);
    return entries;
  }

  arrow::Result<std::vector<std::string>> ListNames(const std::string& path) override {
    Directory directory(path);
    if (!directory.open()) return StorageError(errno, "list", path);
    std::vector<std::string> names;
    while (const char* name = directory.Next()) names.emplace_back(name);
    if (errno != 0) return StorageError(errno, "list", path);
    return names;
  }

  arrow::Status PublishNew(const std::string& temporary, const std::string& final_path) override {
    if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, final_path.c_str(), RENAME_NOREPLACE) == 0) {
      return arrow::Status::OK();
    }
    if (errno != EINVAL && errno != ENOSYS) return PublishError(errno, temporary, final_path);

    // A file system (NFS, some FUSE) or kernel without RENAME_NOREPLACE. link() refuses a taken name as well.
    // A crash between the two calls leaves the same complete file under both names.
    if (::link(temporary.c_str(), final_path.c_str()) != 0) {
      const int error = errno;
      // Over NFS the answer to a link that succeeded can get lost, and its repetition finds the name taken:
      // by this very file.
      if (error != EEXIST || !SameFile(temporary, final_path)) {
        return PublishError(error, temporary, final_path);
      }
    }
    // The file is published whether or not its other name goes; one that stays is what a crash would leave.
    ::unlink(temporary.c_str());
    return arrow::Status::OK();
  }

  arrow::Status PublishReplacing(const std::string& temporary, const std::string& final_path) override {
    if (::rename(temporary.c_str(), final_path.c_str()) == 0) return arrow::Status::OK();
    return PublishError(errno, temporary, final_path);
  }

  // fsync, not fdatasync: for a directory the two are the same on Linux, and POSIX promises less of the
  // other.
  arrow::Status SyncDirectory(const std::string& directory) override {
    const char* path = directory.empty() ? "." : directory.c_str();
    int fd;
    do {
      fd = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) return StorageError(errno, "open the directory", path);
    const int error = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);  // nothing was written through this descriptor, so its closing has nothing to report
    if (error != 0) return StorageError(error, "sync the directory", path);
    return arrow::Status::OK();
  }

  arrow::Status CreateDirectory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0777) != 0) return StorageError(errno, "create the directory", path);
    return arrow::Status::OK();
  }

  arrow::Status Remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0) return arrow::Status::OK();
    const int error = errno;
    // Linux says EISDIR of a directory, POSIX EPERM.
    if ((error == EISDIR || error == EPERM) && ::rmdir(path.c_str()) == 0) return arrow::Status::OK();
    return StorageError(error == EISDIR ? errno : error, "remove", path);
  }

  arrow::Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    return LockLocalFile(path);
  }

 private:
  // The temporary name is the one that can be missing, the final one the one that can be taken.
  static arrow::Status PublishError(int error, const std::string& temporary, const std::string& final_path) {
    if (error == ENOENT) return StorageError(error, fmt::format("publish as {}", final_path), temporary);
    return StorageError(error, fmt::format("publish {} under this name", temporary), final_path);
  }

  static bool SameFile(const std::string& left, const std::string& right) {
    struct stat a, b;
    return ::lstat(left.c_str(), &a) == 0 && ::lstat(right.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
  }
};

}  // namespace

// For tests of whole programs: with MARQUET_TEST_KILL_AT_OPERATION=n in the environment, the process is
// killed (SIGKILL) at its n-th file operation. With MARQUET_TEST_INTERRUPT_AT_OPERATION=n it gets a SIGINT
// there, and with =n,MS the operation waits for so many milliseconds then. With
// MARQUET_TEST_THROW_AT_OPERATION=n the operation throws. A program that was not met had fewer. The variables
// are looked at once; without them the files are used as they are.
std::shared_ptr<FileSystem> LocalFileSystem() {
  static const std::shared_ptr<FileSystem> files = []() -> std::shared_ptr<FileSystem> {
    std::shared_ptr<FileSystem> fs = std::make_shared<LocalFiles>();
    if (const char* at = std::getenv("MARQUET_TEST_KILL_AT_OPERATION")) {
      fs = KillAtOperation(fs, std::strtoll(at, nullptr, 10));
    }
    if (const char* at = std::getenv("MARQUET_TEST_THROW_AT_OPERATION")) {
      fs = ThrowAtOperation(fs, std::strtoll(at, nullptr, 10));
    }
    if (const char* at = std::getenv("MARQUET_TEST_INTERRUPT_AT_OPERATION")) {
      char* end = nullptr;
      const int64_t n = std::strtoll(at, &end, 10);
      fs = InterruptAtOperation(fs, n, *end == ',' ? std::strtoll(end + 1, nullptr, 10) : 0);
    }
    return fs;
  }();
  return files;
}

}  // namespace marquet::file
