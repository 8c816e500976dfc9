#include "marquet/file/local_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "arrow/buffer.h"
#include "arrow/memory_pool.h"
#include "marquet/base/error.h"

namespace marquet::file {
namespace {

// The kernel moves at most 0x7ffff000 bytes in one call; stay below it with a round number.
constexpr int64_t kLargestTransfer = int64_t{1} << 30;

// How much of a large file is gathered before the disk is set to work on it.
constexpr int64_t kWritebackBlock = 8 << 20;

class LocalWritableFile final : public WritableFile {
 public:
  // `size`: that the file has; it grows from there.
  LocalWritableFile(int fd, int64_t size, std::string path)
      : fd_(fd), offset_(size), started_(size), path_(std::move(path)) {}
  ~LocalWritableFile() override {
    if (fd_ >= 0) ::close(fd_);
  }

  arrow::Status Append(const void* data, int64_t size) override {
    if (fd_ < 0) return StorageError(EBADF, "write after closing", path_);
    const char* bytes = static_cast<const char*>(data);
    while (size > 0) {
      // EINTR before the first byte moved nothing, so that write is safe to repeat; a short write is
      // continued, and the call after it says why it was short.
      const ssize_t written =
          ::write(fd_, bytes, static_cast<size_t>(std::min<int64_t>(size, kLargestTransfer)));
      if (written < 0) {
        if (errno == EINTR) continue;
        return StorageError(errno, fmt::format("write {} bytes at byte {}", size, offset_), path_);
      }
      bytes += written;
      size -= written;
      offset_ += written;
    }
    // Lets the disk write while the next block is being made, so that the sync at the end finds little left.
    // Only a start: whether the bytes arrived is for Sync() to say, so its own failure means nothing.
    if (offset_ - started_ >= kWritebackBlock) {
      ::sync_file_range(fd_, started_, offset_ - started_, SYNC_FILE_RANGE_WRITE);
      started_ = offset_;
    }
    return arrow::Status::OK();
  }

  // fdatasync is enough for a new file: it flushes the bytes and the metadata that reading them needs, which
  // for a file that grew includes its size and block map. Left out are only the times, which nothing here
  // relies on. Not repeated, whatever the error: the kernel may have dropped the pages it could not write and
  // marked them clean, so that a second call would succeed without them.
  arrow::Status Sync() override {
    if (fd_ < 0) return StorageError(EBADF, "sync after closing", path_);
    if (::fdatasync(fd_) != 0) return StorageError(errno, "sync", path_);
    return arrow::Status::OK();
  }

  // Not repeated either: Linux has released the descriptor whatever close returns, and another thread may
  // own the number by now.
  arrow::Status Close() override {
    if (fd_ < 0) return arrow::Status::OK();
    const int fd = std::exchange(fd_, -1);
    if (::close(fd) != 0) return StorageError(errno, "close", path_);
    return arrow::Status::OK();
  }

 private:
  int fd_;
  int64_t offset_;
  int64_t started_;  // up to here the disk was set to work
  const std::string path_;
};

class LocalReadableFile final : public arrow::io::RandomAccessFile {
 public:
  LocalReadableFile(int fd, int64_t size, std::string path) : fd_(fd), size_(size), path_(std::move(path)) {}
  ~LocalReadableFile() override {
    if (fd_ >= 0) ::close(fd_);
  }

  arrow::Status Close() override {
    const int fd = std::exchange(fd_, -1);
    if (fd >= 0 && ::close(fd) != 0) return StorageError(errno, "close", path_);
    return arrow::Status::OK();
  }
  bool closed() const override { return fd_ < 0; }

  arrow::Result<int64_t> GetSize() override {
    ARROW_RETURN_NOT_OK(CheckOpen());
    return size_;
  }

  arrow::Result<int64_t> ReadAt(int64_t position, int64_t nbytes, void* out) override {
    ARROW_ASSIGN_OR_RAISE(int64_t wanted, Available(position, nbytes));
    char* bytes = static_cast<char*>(out);
    int64_t done = 0;
    while (done < wanted) {
      const ssize_t got = ::pread(
          fd_, bytes + done, static_cast<size_t>(std::min(wanted - done, kLargestTransfer)), position + done);
      if (got < 0) {
        if (errno == EINTR) continue;
        return StorageError(errno, fmt::format("read {} bytes at byte {}", nbytes, position), path_);
      }
      if (got == 0) break;  // somebody cut the file short since it was opened
      done += got;
    }
    return done;
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t nbytes) override {
    // Bounded by the file's size before memory is taken, so that a damaged length cannot ask for more.
    ARROW_ASSIGN_OR_RAISE(int64_t wanted, Available(position, nbytes));
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(wanted));
    ARROW_ASSIGN_OR_RAISE(int64_t got, ReadAt(position, wanted, buffer->mutable_data()));
    if (got < wanted) ARROW_RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

  arrow::Result<int64_t> Tell() const override {
    ARROW_RETURN_NOT_OK(CheckOpen());
    return position_;
  }
  arrow::Status Seek(int64_t position) override {
    ARROW_RETURN_NOT_OK(CheckOpen());
    if (position < 0) return InvalidInput(fmt::format("{}: cannot seek to byte {}", path_, position));
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> Read(int64_t nbytes, void* out) override {
    ARROW_ASSIGN_OR_RAISE(int64_t got, ReadAt(position_, nbytes, out));
    position_ += got;
    return got;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, nbytes));
    position_ += buffer->size();
    return buffer;
  }

 private:
  arrow::Status CheckOpen() const {
    return fd_ < 0 ? StorageError(EBADF, "read after closing", path_) : arrow::Status::OK();
  }

  // How many of the bytes asked for the file has.
  arrow::Result<int64_t> Available(int64_t position, int64_t nbytes) const {
    ARROW_RETURN_NOT_OK(CheckOpen());
    if (position < 0 || nbytes < 0) {
      return InvalidInput(fmt::format("{}: cannot read {} bytes at byte {}", path_, nbytes, position));
    }
    return std::min(nbytes, std::max<int64_t>(size_ - position, 0));
  }

  int fd_;
  const int64_t size_;
  int64_t position_ = 0;
  const std::string path_;
};

int OpenRetrying(const char* path, int flags, mode_t mode) {
  int fd;
  do {
    fd = ::open(path, flags, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

}  // namespace

arrow::Result<std::unique_ptr<WritableFile>> CreateLocalFile(const std::string& path) {
  const int fd = OpenRetrying(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return StorageError(errno, "create", path);
  return std::make_unique<LocalWritableFile>(fd, 0, path);
}

arrow::Result<std::unique_ptr<WritableFile>> OpenLocalFileAtEnd(const std::string& path) {
  const int fd = OpenRetrying(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0);
  if (fd < 0) return StorageError(errno, "open again", path);
  struct stat status;
  const int error = ::fstat(fd, &status) != 0 ? errno : S_ISREG(status.st_mode) ? 0 : EINVAL;
  if (error != 0) {
    ::close(fd);
    return StorageError(error, "open again", path);
  }
  return std::make_unique<LocalWritableFile>(fd, status.st_size, path);
}

arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenLocalFile(const std::string& path) {
  // O_NONBLOCK means nothing to a regular file; it keeps the opening of a pipe without a writer from hanging.
  const int fd = OpenRetrying(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  if (fd < 0) return StorageError(errno, "open", path);
  struct stat status;
  if (::fstat(fd, &status) != 0) {
    const int error = errno;
    ::close(fd);
    return StorageError(error, "stat", path);
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(fd);
    if (S_ISDIR(status.st_mode)) return StorageError(EISDIR, "read", path);
    return InvalidInput(fmt::format("{}: not a regular file", path),
                        "A pipe or device has no size and cannot be read at an offset.");
  }
  return std::make_shared<LocalReadableFile>(fd, status.st_size, path);
}

}  // namespace marquet::file
