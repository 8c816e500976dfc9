#include "marquet/file/standard_input.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "arrow/memory_pool.h"
#include "marquet/base/error.h"

namespace marquet::file {
namespace {

constexpr const char* kName = "standard input";
constexpr int64_t kLargestRead = int64_t{1} << 30;
// A signal wakes up one thread of the process, which need not be the one that waits here.
constexpr int kLookMilliseconds = 50;

class StandardInputStream final : public arrow::io::InputStream {
 public:
  explicit StandardInputStream(const StopFlag* stop) : stop_(stop) {}

  // Takes what is there up to `nbytes`, so that a pipe's many small pieces come as few.
  arrow::Result<int64_t> Read(int64_t nbytes, void* out) override {
    int64_t done = 0;
    while (done < nbytes && !at_end_) {
      if (stop_ != nullptr) ARROW_RETURN_NOT_OK(stop_->Check());
      ARROW_RETURN_NOT_OK(aborted_.Check());
      pollfd input{STDIN_FILENO, POLLIN, 0};
      const int ready = ::poll(&input, 1, done > 0 ? 0 : kLookMilliseconds);
      if (ready == 0 && done > 0) break;
      if (ready == 0) continue;
      if (ready < 0) {
        if (errno == EINTR) continue;
        return StorageError(errno, "wait for", kName);
      }
      const ssize_t got = ::read(STDIN_FILENO, static_cast<char*>(out) + done,
                                 static_cast<size_t>(std::min(nbytes - done, kLargestRead)));
      if (got < 0) {
        if (errno == EINTR || errno == EAGAIN) continue;
        return StorageError(errno, "read", kName);
      }
      at_end_ = got == 0;
      done += got;
    }
    position_ += done;
    return done;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(nbytes));
    ARROW_ASSIGN_OR_RAISE(const int64_t got, Read(nbytes, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Close() override {  // the descriptor is the process's
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Status Abort() override {
    aborted_.Request();
    return arrow::Status::OK();
  }

 private:
  const StopFlag* const stop_;
  StopFlag aborted_;
  int64_t position_ = 0;
  bool at_end_ = false;
  bool closed_ = false;
};

}  // namespace

std::shared_ptr<arrow::io::InputStream> StandardInput(const StopFlag* stop) {
  return std::make_shared<StandardInputStream>(stop);
}

}  // namespace marquet::file
