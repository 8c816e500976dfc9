#include "marquet/base/column_threads.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "arrow/util/cancel.h"
#include "arrow/util/functional.h"
#include "arrow/util/thread_pool.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/thread.h"

namespace marquet {
namespace {

// Arrow's own pool leaves a thread that cannot be started in its list, and waits for it at the process's
// exit.
class ColumnExecutor final : public arrow::internal::Executor {
 public:
  static ColumnExecutor& Get() {
    static ColumnExecutor pool;
    return pool;
  }

  ~ColumnExecutor() override {
    State& state = *state_;
    {
      std::lock_guard lock(state.mutex);
      state.stopping = true;
      state.changed.notify_all();
    }
    state.threads.clear();  // waits for the tasks that run
  }

  int GetCapacity() override { return capacity_; }

  // OK when there is a thread to take tasks. It stays.
  arrow::Status EnsureThread() {
    State& state = *state_;
    if (state.size > 0) return arrow::Status::OK();
    std::lock_guard lock(state.mutex);
    return AddThread(state, 1);
  }

  arrow::Status SpawnReal(arrow::internal::TaskHints, arrow::internal::FnOnce<void()> work,
                          arrow::StopToken stop, StopCallback&& stopped) override {
    State& state = *state_;
    std::lock_guard lock(state.mutex);
    const size_t wanted = std::min<size_t>(capacity_, state.running + state.tasks.size() + 1);
    const arrow::Status started = AddThread(state, wanted);
    if (state.threads.empty()) return started;  // with fewer than wanted it takes longer
    state.tasks.push_back({std::move(work), std::move(stop), std::move(stopped)});
    state.changed.notify_one();
    return arrow::Status::OK();
  }

 private:
  struct Task {
    arrow::internal::FnOnce<void()> work;
    arrow::StopToken stop;
    StopCallback stopped;

    // What is thrown is told to whoever waits for the task, where somebody does.
    void Run() {
      arrow::Status status = stop.Poll();
      if (status.ok()) {
        status = Caught("a column", [&] {
          std::move(work)();
          return arrow::Status::OK();
        });
      }
      if (!status.ok() && stopped) std::move(stopped)(status);
    }
  };

  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Task> tasks;
    size_t running = 0;
    bool stopping = false;
    std::vector<Thread> threads;
    std::atomic<size_t> size{0};  // of `threads`
  };

  // A fork has a copy of the pool and none of its threads, one of which may have held the mutex: it begins
  // anew, and lets the copy be.
  ColumnExecutor() {
    pthread_atfork(nullptr, nullptr, [] { Get().state_ = new State; });
  }

  // With the mutex held. Up to `wanted` threads.
  static arrow::Status AddThread(State& state, size_t wanted) {
    const arrow::Status started = StartThreads(
        "encode and decode columns", wanted, [&state] { return Work(state); }, &state.threads);
    state.size = state.threads.size();
    return started;
  }

  static arrow::Status Work(State& state) {
    std::unique_lock lock(state.mutex);
    while (true) {
      state.changed.wait(lock, [&] { return state.stopping || !state.tasks.empty(); });
      if (state.stopping) return arrow::Status::OK();
      {
        Task task = std::move(state.tasks.front());
        state.tasks.pop_front();
        ++state.running;
        lock.unlock();
        task.Run();
      }
      lock.lock();
      --state.running;
    }
  }

  const int capacity_ = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::atomic<State*> state_{new State};  // is there to the process's end
};

}  // namespace

arrow::internal::Executor* ColumnThreads() {
  ColumnExecutor& pool = ColumnExecutor::Get();
  return pool.EnsureThread().ok() ? &pool : nullptr;
}

namespace {

// Work on numbered items that several threads take from. It outlives its caller's wait, because a thread may
// come to it when all items are taken.
struct SharedWork {
  int items = 0;
  std::function<arrow::Status(int)> work;
  std::atomic<int> next{0};
  std::mutex mutex;
  std::condition_variable all_done;
  int done = 0;
  arrow::Status first_error;

  void TakeItems() {
    for (int item = next.fetch_add(1); item < items; item = next.fetch_add(1)) {
      arrow::Status status = Caught("a column", [&] { return work(item); });
      std::lock_guard lock(mutex);
      if (!status.ok() && first_error.ok()) first_error = std::move(status);
      if (++done == items) all_done.notify_one();
    }
  }
};

}  // namespace

arrow::Status ForEach(int items, bool parallel, const std::function<arrow::Status(int)>& work) {
  arrow::internal::Executor* const threads = parallel && items > 1 ? ColumnThreads() : nullptr;
  if (threads == nullptr) {
    for (int item = 0; item < items; ++item) ARROW_RETURN_NOT_OK(work(item));
    return arrow::Status::OK();
  }
  const auto shared = std::make_shared<SharedWork>();
  shared->items = items;
  shared->work = work;
  const int helpers = std::min(items, threads->GetCapacity()) - 1;
  for (int i = 0; i < helpers; ++i) {
    // A helper less is no failure: the caller does all that nobody takes. From the first one on it must wait
    // for them, so nothing is thrown past them.
    const arrow::Status spawned =
        Caught("a column", [&] { return threads->Spawn([shared] { shared->TakeItems(); }); });
    if (!spawned.ok()) break;
  }
  shared->TakeItems();
  std::unique_lock lock(shared->mutex);
  shared->all_done.wait(lock, [&] { return shared->done == items; });
  return shared->first_error;
}

}  // namespace marquet
