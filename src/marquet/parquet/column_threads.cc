#include <thread>

#include "arrow/util/thread_pool.h"
#include "marquet/parquet/column_threads_internal.h"

namespace marquet::pq {

arrow::internal::ThreadPool* ColumnThreads() {
  static const std::shared_ptr<arrow::internal::ThreadPool> pool = [] {
    auto made = arrow::internal::ThreadPool::MakeEternal(
        static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
    return made.ok() ? *std::move(made) : nullptr;
  }();
  return pool.get();
}

}  // namespace marquet::pq
