#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "arrow/util/thread_pool.h"
#include "marquet/parquet/column_threads_internal.h"

namespace marquet::pq {

// Arrow traces tasks with objects that are made by the first task, and a task still uses them at its very
// end, when whoever waited for its work has gone on, perhaps to the process's exit. Static objects go in the
// reverse order of their making. So the first task is given before the pool is done with being made: then the
// pool, which waits for tasks that run, goes before what they use.
arrow::internal::ThreadPool* ColumnThreads() {
  static const std::shared_ptr<arrow::internal::ThreadPool> pool = [] {
    auto made = arrow::internal::ThreadPool::MakeEternal(
        static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
    const bool usable = made.ok() && (*made)->Spawn([] {}).ok();
    return usable ? *std::move(made) : nullptr;
  }();
  return pool.get();
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
      const arrow::Status status = work(item);
      std::lock_guard lock(mutex);
      if (!status.ok() && first_error.ok()) first_error = status;
      if (++done == items) all_done.notify_one();
    }
  }
};

}  // namespace

arrow::Status ForEach(int items, bool parallel, const std::function<arrow::Status(int)>& work) {
  arrow::internal::ThreadPool* const threads = parallel && items > 1 ? ColumnThreads() : nullptr;
  if (threads == nullptr) {
    for (int item = 0; item < items; ++item) ARROW_RETURN_NOT_OK(work(item));
    return arrow::Status::OK();
  }
  const auto shared = std::make_shared<SharedWork>();
  shared->items = items;
  shared->work = work;
  const int helpers = std::min(items, threads->GetCapacity()) - 1;
  for (int i = 0; i < helpers; ++i) {
    // A thread less, when it cannot be had, is no failure: the caller does all that nobody takes.
    if (!threads->Spawn([shared] { shared->TakeItems(); }).ok()) break;
  }
  shared->TakeItems();
  std::unique_lock lock(shared->mutex);
  shared->all_done.wait(lock, [&] { return shared->done == items; });
  return shared->first_error;
}

}  // namespace marquet::pq
