#include "marquet/base/thread.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/home_process.h"

namespace marquet {
namespace {

struct StartFaults {
  std::atomic<int64_t> starts{0};
  std::atomic<int64_t> first{std::getenv("MARQUET_TEST_NO_THREADS") != nullptr ? 1 : 0};
  std::atomic<int64_t> last{INT64_MAX};

  bool Next() {
    const int64_t number = ++starts;
    return first > 0 && number >= first && number <= last;
  }
};

StartFaults& Faults() {
  static StartFaults faults;
  return faults;
}

}  // namespace

struct Thread::State {
  std::function<arrow::Status()> work;
  arrow::Status outcome;
  std::exception_ptr thrown;  // kept as it is: describing it may throw
  std::atomic<bool> ended{false};
  const HomeProcess home;
  std::thread thread;

  void Run() noexcept {
    try {
      outcome = work();
    } catch (...) {
      thrown = std::current_exception();
    }
    ended = true;
  }
};

Thread::Thread() = default;
Thread::Thread(Thread&&) noexcept = default;

Thread& Thread::operator=(Thread&& other) noexcept {
  if (this == &other) return *this;
  BestEffort([&] { return Join(); });
  state_ = std::move(other.state_);
  return *this;
}

Thread::~Thread() {
  BestEffort([&] { return Join(); });
}

arrow::Result<Thread> Thread::Start(std::string_view purpose, std::function<arrow::Status()> work) {
  return Caught(purpose, [&]() -> arrow::Result<Thread> {
    Thread made;
    auto state = std::make_unique<State>();
    state->work = std::move(work);
    try {
      if (Faults().Next()) throw std::system_error(EAGAIN, std::generic_category());
      state->thread = std::thread([own = state.get()] { own->Run(); });
    } catch (const std::system_error& error) {
      return StorageError(
          error.code().value(), "start a thread", purpose,
          "Processes or threads are limited: look at `ulimit -u` and the container's limits.");
    }
    made.state_ = std::move(state);
    return made;
  });
}

bool Thread::ended() const { return state_ == nullptr || state_->ended || !state_->home.IsThis(); }

arrow::Status Thread::Join() {
  if (state_ == nullptr) return arrow::Status::OK();
  if (!state_->home.IsThis()) {
    static_cast<void>(state_.release());
    return arrow::Status::OK();
  }
  state_->thread.join();
  const std::unique_ptr<State> done = std::move(state_);
  if (done->thrown == nullptr) return std::move(done->outcome);
  try {
    std::rethrow_exception(done->thrown);
  } catch (...) {
    return StatusOfException("a thread's work");
  }
}

arrow::Status StartThreads(std::string_view purpose, size_t wanted,
                           const std::function<arrow::Status()>& work, std::vector<Thread>* threads) {
  return Caught(purpose, [&]() -> arrow::Status {
    threads->reserve(wanted);
    while (threads->size() < wanted) {
      ARROW_ASSIGN_OR_RAISE(Thread thread, Thread::Start(purpose, work));
      threads->push_back(std::move(thread));
    }
    return arrow::Status::OK();
  });
}

void FailThreadStarts(int64_t first, int64_t last) {
  Faults().starts = 0;
  Faults().last = last;
  Faults().first = first;
}

int64_t ThreadStarts() { return Faults().starts; }

}  // namespace marquet
