#include "job_thread.h"

#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "marquet/base/thread.h"

namespace marquet::python {

struct JobThread::Shared {
  std::mutex mutex;
  std::condition_variable begun;
  std::condition_variable ended;
  std::function<void()> job;  // empty when there is none, or no longer
  bool stopping = false;
  const pid_t process = ::getpid();
  Thread thread;  // last: it uses all of the above

  arrow::Status Run() {
    std::unique_lock lock(mutex);
    for (;;) {
      begun.wait(lock, [this] { return stopping || job; });
      if (!job) return arrow::Status::OK();
      lock.unlock();
      job();
      lock.lock();
      job = nullptr;
      lock.unlock();
      ended.notify_one();
      lock.lock();
    }
  }
};

JobThread& JobThread::OfCaller() {
  static thread_local JobThread own;
  return own;
}

JobThread::JobThread() = default;

JobThread::~JobThread() {
  if (shared_ == nullptr) return;
  if (shared_->process != ::getpid()) {
    static_cast<void>(shared_.release());
    return;
  }
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->begun.notify_one();
  }
  shared_.reset();  // waits for the thread's end
}

arrow::Status JobThread::Begin(std::function<void()> job) {
  if (shared_ != nullptr && shared_->process != ::getpid()) static_cast<void>(shared_.release());
  if (shared_ == nullptr) {
    auto made = std::make_unique<Shared>();
    ARROW_ASSIGN_OR_RAISE(made->thread, Thread::Start("a call", [own = made.get()] { return own->Run(); }));
    shared_ = std::move(made);
  }
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->job = std::move(job);
  }
  busy_ = true;
  shared_->begun.notify_one();
  return arrow::Status::OK();
}

bool JobThread::Wait(std::chrono::milliseconds time) {
  std::unique_lock lock(shared_->mutex);
  if (!shared_->ended.wait_for(lock, time, [this] { return !shared_->job; })) return false;
  busy_ = false;
  return true;
}

}  // namespace marquet::python
