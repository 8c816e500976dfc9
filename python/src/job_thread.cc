#include "job_thread.h"

#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace marquet::python {

struct JobThread::Shared {
  std::mutex mutex;
  std::condition_variable begun;
  std::condition_variable ended;
  std::function<void()> job;  // empty when there is none, or no longer
  bool stopping = false;
  const pid_t process = ::getpid();
  std::thread thread{[this] { Run(); }};  // last: it uses all of the above

  void Run() {
    std::unique_lock lock(mutex);
    for (;;) {
      begun.wait(lock, [this] { return stopping || job; });
      if (!job) return;
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
  shared_->thread.join();
}

void JobThread::Begin(std::function<void()> job) {
  if (shared_ != nullptr && shared_->process != ::getpid()) static_cast<void>(shared_.release());
  if (shared_ == nullptr) shared_ = std::make_unique<Shared>();
  busy_ = true;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->job = std::move(job);
  }
  shared_->begun.notify_one();
}

bool JobThread::Wait(std::chrono::milliseconds time) {
  std::unique_lock lock(shared_->mutex);
  if (!shared_->ended.wait_for(lock, time, [this] { return !shared_->job; })) return false;
  busy_ = false;
  return true;
}

}  // namespace marquet::python
