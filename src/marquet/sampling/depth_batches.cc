#include "marquet/sampling/depth_batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/home_process.h"
#include "marquet/base/thread.h"
#include "marquet/sampling/permutation.h"

namespace marquet::sampling {
namespace {

// Batches that nobody holds. Outlives the reader as long as a consumer holds a batch.
struct Pool {
  const HomeProcess home;
  std::mutex mutex;
  std::vector<std::unique_ptr<Batch>> free;

  std::unique_ptr<Batch> Take() {
    std::lock_guard lock(mutex);
    if (free.empty()) return std::make_unique<Batch>();
    auto batch = std::move(free.back());
    free.pop_back();
    return batch;
  }
  static std::shared_ptr<const Batch> Share(const std::shared_ptr<Pool>& pool, std::unique_ptr<Batch> batch) {
    return {batch.release(), [pool](Batch* returned) {
              if (!pool->home.IsThis()) return;
              std::lock_guard lock(pool->mutex);
              pool->free.emplace_back(returned);
            }};
  }
};

}  // namespace

struct DepthBatches::Impl {
  std::shared_ptr<const SampleStore> store;
  BatchOptions options;
  std::shared_ptr<Pool> pool = std::make_shared<Pool>();
  const HomeProcess home;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<uint32_t> order;  // of this shard and epoch
  int64_t end = 0;              // batches in the epoch
  int64_t next_drawn = 0;       // the first that no thread has begun
  int64_t next_taken = 0;
  std::map<int64_t, std::unique_ptr<Batch>> ready;
  bool stopping = false;
  arrow::Status failed;  // of a thread
  std::vector<Thread> threads;

  int64_t ShardSize() const {
    return store->size() <= options.shard ? 0 : (store->size() - options.shard - 1) / options.shards + 1;
  }
  int64_t Batches() const {
    const int64_t n = ShardSize();
    return options.drop_last ? n / options.batch_size : (n + options.batch_size - 1) / options.batch_size;
  }

  void Draw(int64_t number, Batch& batch, depth::Renderer& renderer) const {
    const int64_t begin = number * options.batch_size;
    const int64_t end = std::min<int64_t>(begin + options.batch_size, static_cast<int64_t>(order.size()));
    const int64_t cells = store->spec().cells();
    batch.size = end - begin;
    batch.tensors.resize(batch.size * cells);
    batch.labels.resize(batch.size);
    batch.samples.resize(batch.size);
    for (int64_t i = 0; i < batch.size; ++i) {
      const int64_t sample = order[begin + i];
      store->Draw(sample, renderer, batch.tensors.data() + i * cells);
      batch.labels[i] = store->label(sample);
      batch.samples[i] = sample;
    }
  }

  arrow::Status Work() {
    const arrow::Status status = Caught("draw samples", [&] { return DrawAhead(); });
    if (status.ok()) return status;
    std::lock_guard lock(mutex);
    failed = status;
    changed.notify_all();
    return status;
  }

  arrow::Status DrawAhead() {
    depth::Renderer renderer;
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(
          lock, [&] { return stopping || (next_drawn < end && next_drawn < next_taken + options.prefetch); });
      if (stopping) return arrow::Status::OK();
      const int64_t number = next_drawn++;
      lock.unlock();
      auto batch = pool->Take();
      Draw(number, *batch, renderer);
      lock.lock();
      ready[number] = std::move(batch);
      changed.notify_all();
    }
  }

  arrow::Status DrawOne(int64_t number) {
    return Caught("draw samples", [&] {
      depth::Renderer renderer;
      auto batch = pool->Take();
      Draw(number, *batch, renderer);
      ready[number] = std::move(batch);
      return arrow::Status::OK();
    });
  }

  void Stop() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    threads.clear();  // each waits for its end
    stopping = false;
    failed = arrow::Status::OK();
    ready.clear();
  }
};

DepthBatches::DepthBatches(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DepthBatches::~DepthBatches() {
  if (impl_->home.IsThis()) {
    impl_->Stop();
  } else {
    static_cast<void>(impl_.release());  // its threads are another process's
  }
}

arrow::Status DepthBatches::Check(const BatchOptions& options) {
  if (options.batch_size < 1 || options.batch_size > (1 << 20)) {
    return InvalidInput(fmt::format("batch_size is {}; expected 1 to 1,048,576", options.batch_size));
  }
  if (options.shards < 1 || options.shard < 0 || options.shard >= options.shards) {
    return InvalidInput(
        fmt::format("shard {} of {}; expected 0 <= shard < shards", options.shard, options.shards));
  }
  if (options.threads < 1 || options.threads > 1024 || options.prefetch < 1 || options.prefetch > 1024) {
    return InvalidInput(fmt::format("{} threads and {} batches ahead; expected 1 to 1,024 of each",
                                    options.threads, options.prefetch));
  }
  return arrow::Status::OK();
}

arrow::Result<std::unique_ptr<DepthBatches>> DepthBatches::Make(std::shared_ptr<const SampleStore> store,
                                                                BatchOptions options) {
  ARROW_RETURN_NOT_OK(Check(options));
  auto impl = std::make_unique<Impl>();
  impl->store = std::move(store);
  impl->options = options;
  return std::unique_ptr<DepthBatches>(new DepthBatches(std::move(impl)));
}

arrow::Status DepthBatches::Begin(uint64_t epoch, int64_t first_batch) {
  if (first_batch < 0 || first_batch > impl_->Batches()) {
    return InvalidInput(fmt::format("batch {} of an epoch of {}", first_batch, impl_->Batches()));
  }
  if (!impl_->home.IsThis()) {
    auto own = std::make_unique<Impl>();
    own->store = impl_->store;
    own->options = impl_->options;
    static_cast<void>(impl_.release());  // its threads are another process's
    impl_ = std::move(own);
  }
  Impl& s = *impl_;
  s.Stop();
  const auto all =
      EpochOrder(static_cast<uint32_t>(s.store->size()), s.options.shuffle, s.options.seed, epoch);
  s.order.clear();
  for (size_t i = s.options.shard; i < all.size(); i += s.options.shards) s.order.push_back(all[i]);
  s.end = s.Batches();
  s.next_drawn = s.next_taken = first_batch;
  const int64_t threads = std::min<int64_t>({s.options.threads, s.options.prefetch, s.end - first_batch});
  // With fewer it takes longer.
  static_cast<void>(StartThreads(
      "draw samples", static_cast<size_t>(std::max<int64_t>(threads, 0)), [&s] { return s.Work(); },
      &s.threads));
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<const Batch>> DepthBatches::Next() {
  Impl& s = *impl_;
  ARROW_RETURN_NOT_OK(s.home.Check("an epoch of depth batches", "Begin an epoch in each process."));
  std::unique_lock lock(s.mutex);
  if (s.next_taken >= s.end) return nullptr;
  if (s.threads.empty()) ARROW_RETURN_NOT_OK(s.DrawOne(s.next_taken));
  s.changed.wait(lock, [&] { return s.ready.count(s.next_taken) > 0 || !s.failed.ok(); });
  if (s.ready.count(s.next_taken) == 0) {
    s.end = s.next_taken;
    return s.failed;
  }
  const auto found = s.ready.find(s.next_taken);
  auto batch = std::move(found->second);
  s.ready.erase(found);
  ++s.next_taken;
  s.changed.notify_all();
  return Pool::Share(s.pool, std::move(batch));
}

int64_t DepthBatches::batches() const { return impl_->Batches(); }
int64_t DepthBatches::samples() const { return impl_->ShardSize(); }

}  // namespace marquet::sampling
