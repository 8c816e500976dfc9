// Batches of depth tensors and labels, drawn ahead by threads into buffers that are used again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "marquet/sampling/sample_store.h"

namespace marquet::sampling {

struct BatchOptions {
  int64_t batch_size = 32;
  bool shuffle = true;
  uint64_t seed = 0;
  bool drop_last = false;
  // This reader takes the samples whose place in the epoch's order is `shard` modulo `shards`: one for each
  // rank and worker. All shards together are the whole epoch, each sample once.
  int64_t shard = 0, shards = 1;
  int threads = 1;   // that draw
  int prefetch = 2;  // batches drawn ahead
};

// A batch. Its memory goes back into use when the last copy of the pointer goes.
struct Batch {
  int64_t size = 0;
  std::vector<float> tensors;  // (size, features, 402, time_bins)
  std::vector<int64_t> labels;
  std::vector<int64_t> samples;  // their numbers in the store
};

// Walks the epochs of a store. One consumer at a time. An epoch belongs to the process that began it; a fork
// may begin one of its own.
class DepthBatches {
 public:
  // kInvalidInput for options out of range or at odds with each other. Make() does the same.
  static arrow::Status Check(const BatchOptions& options);

  // kInvalidInput for options that contradict each other.
  static arrow::Result<std::unique_ptr<DepthBatches>> Make(std::shared_ptr<const SampleStore> store,
                                                           BatchOptions options);
  ~DepthBatches();

  // Begins an epoch at one of its batches: the position to resume from is (epoch, batches taken so far).
  arrow::Status Begin(uint64_t epoch, int64_t first_batch = 0);

  // The next batch, or null at the end of the epoch. Waits for the threads; never for the consumer's buffers.
  // Where no thread could be started, the caller's draws it. kStorage when memory runs out: then the epoch is
  // at its end. kInvalidInput in a fork of the process that began the epoch.
  arrow::Result<std::shared_ptr<const Batch>> Next();

  int64_t batches() const;  // in an epoch, of this shard
  int64_t samples() const;  // in an epoch, of this shard, those of a dropped last batch included

 private:
  struct Impl;
  explicit DepthBatches(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquet::sampling
