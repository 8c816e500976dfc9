#include "marquet/table/partition_writer.h"

#include <condition_variable>
#include <deque>
#include <thread>

#include <fmt/format.h>

#include "arrow/record_batch.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/home_process.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/base/thread.h"
#include "marquet/parquet/writer.h"
#include "spdlog/logger.h"

namespace marquet::table {
namespace {

// Rows below which no thread is started: encoding them takes less than a thread's start and hand-over.
constexpr int64_t kLeastParallelRows = 1 << 16;
// Rows worth handing over at once.
constexpr int64_t kHandOverRows = 1 << 14;
// Bytes that wait for a partition whose turn has come. More would only be colder when they are written.
constexpr int64_t kMostAheadBytes = int64_t{8} << 20;

}  // namespace

struct PartitionWriter::Impl {
  struct Queued {
    std::shared_ptr<arrow::RecordBatch> rows;
    int64_t bytes = 0;
  };
  struct Partition {
    std::string directory;
    std::deque<Queued> queue;
    int64_t queued_rows = 0;
    int64_t queued_bytes = 0;
    bool busy = false;   // a thread writes it
    bool ready = false;  // it is in the list of ready ones
    bool close = false;  // its file is to be closed once the queue is written
    std::unique_ptr<pq::FileWriter> writer;
    std::string relative_path;
    int64_t buffered = 0;  // bytes in the writer, as of its last use
    int files = 0;
  };

  std::shared_ptr<TableState> table;
  std::shared_ptr<arrow::Schema> schema;
  pq::WriteOptions options;
  std::shared_ptr<const pq::FileFormat> format;  // of all its files, once there is one
  int64_t max_rows_per_file = 0;
  int max_threads = 0;  // 0: as many as there are processors
  std::function<void(const pq::WrittenFile&)> on_file;
  std::string uuid = RandomUuid();
  const HomeProcess home;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<Partition>> partitions;
  std::deque<size_t> ready;
  std::vector<Thread> threads;
  bool stopping = false;
  bool caller_waits = false;  // for queues to be written, however few rows they hold
  arrow::Status status;
  arrow::Status no_words = arrow::Status::OutOfMemory("memory ran out");  // also for those of an error
  int64_t rows = 0;
  bool many_rows = false;  // so many, or such large ones, that threads write them
  int64_t queued_bytes = 0;
  int64_t buffered_bytes = 0;
  int next_file = 0;
  bool released = false;
  std::vector<Written> written;

  arrow::Status CheckHome() const {
    return home.Check(fmt::format("{}: an append", table->path), "Append in each process anew.");
  }

  // All below expect the mutex to be held, unless they say otherwise.

  void MakeReady(size_t number) {
    Partition& partition = *partitions[number];
    if (partition.ready || partition.busy) return;
    partition.ready = true;
    ready.push_back(number);
    changed.notify_all();
  }

  bool HasWork(const Partition& partition) const {
    return partition.queued_rows >= kHandOverRows || partition.close ||
           (caller_waits && !partition.queue.empty());
  }

  // At most `most` of them, and not more than was asked for; fewer, or none, where there can be no more.
  void StartThreads(size_t most = SIZE_MAX) {
    const size_t limit = max_threads > 0 ? static_cast<size_t>(max_threads)
                                         : std::max<size_t>(1, std::thread::hardware_concurrency());
    const arrow::Status started = marquet::StartThreads(
        "write " + table->path, std::min(limit, most), [this] { return Run(); }, &threads);
    if (!started.ok()) Log().debug("{}", OneLine(started));
  }

  arrow::Status Run() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return stopping || !ready.empty(); });
      if (ready.empty()) return arrow::Status::OK();
      WriteOne(&lock);
    }
  }

  // Where no thread could be started, the caller does the work.
  void WriteAllReady(std::unique_lock<std::mutex>* lock) {
    while (!ready.empty()) WriteOne(lock);
  }

  // Writes what is queued of the first ready partition; the lock is given up meanwhile. What is thrown is the
  // append's error: those who wait for the partition are told of it.
  void WriteOne(std::unique_lock<std::mutex>* lock) {
    const size_t number = ready.front();
    ready.pop_front();
    Partition& partition = *partitions[number];
    partition.ready = false;
    partition.busy = true;
    try {
      WriteQueued(number, &partition, lock);
    } catch (...) {
      if (!lock->owns_lock()) lock->lock();
      partition.busy = false;
      if (status.ok()) {
        try {
          status = StatusOfException(table->path);
        } catch (...) {
          status = std::move(no_words);
        }
      }
      changed.notify_all();
    }
  }

  void WriteQueued(size_t number, Partition* part, std::unique_lock<std::mutex>* lock) {
    Partition& partition = *part;
    std::deque<Queued> batches;
    std::swap(batches, partition.queue);
    partition.queued_rows = partition.queued_bytes = 0;
    const bool close = partition.close;
    partition.close = false;
    const bool skip = !status.ok();
    lock->unlock();
    arrow::Status outcome;
    while (!batches.empty()) {
      if (!skip && outcome.ok()) outcome = WriteBatch(number, &partition, *batches.front().rows);
      const int64_t bytes = batches.front().bytes;
      batches.pop_front();  // its memory is free for what comes next
      std::lock_guard done(mutex);
      queued_bytes -= bytes;
      if (caller_waits) changed.notify_all();
    }
    if (!skip && outcome.ok() && close && partition.writer != nullptr)
      outcome = CloseFile(number, &partition);
    lock->lock();
    partition.busy = false;
    const int64_t buffered = partition.writer == nullptr ? 0 : partition.writer->buffered_bytes();
    buffered_bytes += buffered - partition.buffered;
    partition.buffered = buffered;
    if (!outcome.ok() && status.ok()) status = outcome;
    if (HasWork(partition)) MakeReady(number);
    if (buffered_bytes > options.memory / 2) CloseFullest();
    changed.notify_all();
  }

  void CloseFullest() {
    size_t fullest = partitions.size();
    for (size_t i = 0; i < partitions.size(); ++i) {
      if (partitions[i]->busy || partitions[i]->close || partitions[i]->buffered == 0) continue;
      if (fullest == partitions.size() || partitions[i]->buffered > partitions[fullest]->buffered)
        fullest = i;
    }
    if (fullest == partitions.size()) return;
    partitions[fullest]->close = true;
    MakeReady(fullest);
  }

  // Without the mutex, by the one thread that made the partition busy.
  arrow::Status WriteBatch(size_t number, Partition* partition, const arrow::RecordBatch& batch) {
    for (int64_t done = 0; done < batch.num_rows();) {
      if (partition->writer == nullptr) ARROW_RETURN_NOT_OK(OpenFile(partition));
      const int64_t room = max_rows_per_file - partition->writer->rows();
      const int64_t part = std::min(batch.num_rows() - done, room);
      const bool whole = part == batch.num_rows();
      ARROW_RETURN_NOT_OK(partition->writer->Write(whole ? batch : *batch.Slice(done, part)));
      done += part;
      if (partition->writer->rows() >= max_rows_per_file) ARROW_RETURN_NOT_OK(CloseFile(number, partition));
    }
    return arrow::Status::OK();
  }

  arrow::Status OpenFile(Partition* partition) {
    ARROW_RETURN_NOT_OK(table->EnsureDirectory(partition->directory));
    int number = 0;
    bool parallel = false;
    {
      std::lock_guard lock(mutex);
      number = next_file++;
      // Handing the columns of few rows to other threads takes longer than encoding them.
      parallel = many_rows;
      if (format == nullptr) {
        ARROW_ASSIGN_OR_RAISE(format, table->FormatOf(schema, options));
      }
    }
    const std::string name = fmt::format("part-{:05}-{}.parquet", number, uuid);
    partition->relative_path =
        partition->directory.empty() ? name : file::JoinPath(partition->directory, name);
    ARROW_ASSIGN_OR_RAISE(
        partition->writer,
        pq::FileWriter::Open(table->fs, file::JoinPath(table->path, partition->relative_path), format,
                             parallel));
    return arrow::Status::OK();
  }

  arrow::Status CloseFile(size_t number, Partition* partition) {
    Written closed{number, partition->relative_path, {}};
    // Its place among the written ones is there before it has its name: nothing may come between the two.
    size_t place = 0;
    {
      std::lock_guard lock(mutex);
      place = written.size();
      written.emplace_back();
    }
    ARROW_ASSIGN_OR_RAISE(closed.file, partition->writer->Close());
    std::lock_guard lock(mutex);
    written[place] = std::move(closed);
    partition->writer.reset();
    if (on_file) on_file(written[place].file);
    return arrow::Status::OK();
  }

  void Join() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
      changed.notify_all();
    }
    threads.clear();  // each waits for its end; what they failed at is in `status`
    stopping = false;
  }
};

PartitionWriter::PartitionWriter(std::shared_ptr<TableState> table, std::shared_ptr<arrow::Schema> schema,
                                 pq::WriteOptions options, int64_t max_rows_per_file, int max_threads,
                                 std::function<void(const pq::WrittenFile&)> on_file)
    : impl_(std::make_unique<Impl>()) {
  impl_->table = std::move(table);
  impl_->schema = std::move(schema);
  impl_->options = std::move(options);
  impl_->max_rows_per_file = std::max<int64_t>(max_rows_per_file, 1);
  impl_->max_threads = max_threads;
  impl_->on_file = std::move(on_file);
}

PartitionWriter::~PartitionWriter() {
  BestEffort([&] { return Abort(); });
  if (!impl_->home.IsThis()) static_cast<void>(impl_.release());  // its threads are another process's
}

arrow::Status PartitionWriter::Write(size_t number, const std::function<std::string()>& directory,
                                     std::shared_ptr<arrow::RecordBatch> rows, int64_t bytes) {
  Impl& impl = *impl_;
  ARROW_RETURN_NOT_OK(impl.CheckHome());
  std::unique_lock lock(impl.mutex);
  ARROW_RETURN_NOT_OK(impl.status);
  while (impl.partitions.size() <= number) impl.partitions.push_back(std::make_unique<Impl::Partition>());
  Impl::Partition& partition = *impl.partitions[number];
  if (partition.directory.empty()) partition.directory = directory();
  impl.rows += rows->num_rows();
  impl.queued_bytes += bytes;
  partition.queued_rows += rows->num_rows();
  partition.queued_bytes += bytes;
  partition.queue.push_back({std::move(rows), bytes});
  if (impl.rows < kLeastParallelRows && impl.queued_bytes < impl.options.memory / 4)
    return arrow::Status::OK();
  if (impl.threads.empty()) {
    impl.many_rows = true;
    impl.StartThreads();
    for (size_t i = 0; i < impl.partitions.size(); ++i) {
      if (impl.HasWork(*impl.partitions[i])) impl.MakeReady(i);
    }
  }
  if (impl.HasWork(partition)) impl.MakeReady(number);
  if (impl.threads.empty()) impl.WriteAllReady(&lock);
  const auto is_far_ahead = [&] {
    return (partition.busy || partition.ready) && partition.queued_bytes > kMostAheadBytes;
  };
  if (is_far_ahead()) {
    impl.changed.wait(lock, [&] { return !impl.status.ok() || !is_far_ahead(); });
  }
  if (impl.queued_bytes > impl.options.memory / 4) {
    // The caller waits for the threads, so that what it brings does not pile up.
    impl.caller_waits = true;
    for (size_t i = 0; i < impl.partitions.size(); ++i) {
      if (impl.HasWork(*impl.partitions[i])) impl.MakeReady(i);
    }
    if (impl.threads.empty()) impl.WriteAllReady(&lock);
    impl.changed.wait(lock,
                      [&] { return !impl.status.ok() || impl.queued_bytes <= impl.options.memory / 8; });
    impl.caller_waits = false;
  }
  return impl.status;
}

arrow::Result<std::vector<PartitionWriter::Written>> PartitionWriter::Finish() {
  Impl& impl = *impl_;
  ARROW_RETURN_NOT_OK(impl.CheckHome());
  {
    std::unique_lock lock(impl.mutex);
    size_t open = 0;
    for (size_t i = 0; i < impl.partitions.size(); ++i) {
      Impl::Partition& partition = *impl.partitions[i];
      if (partition.queue.empty() && partition.writer == nullptr && !partition.busy) continue;
      partition.close = true;
      ++open;
      impl.MakeReady(i);
    }
    // Files are closed side by side: each waits for the disk.
    if (open > 1) impl.StartThreads(open);
    if (impl.threads.empty()) {
      impl.WriteAllReady(&lock);
    } else {
      impl.changed.wait(lock, [&] {
        return impl.ready.empty() && std::none_of(impl.partitions.begin(), impl.partitions.end(),
                                                  [](const auto& partition) { return partition->busy; });
      });
    }
  }
  impl.Join();
  ARROW_RETURN_NOT_OK(impl.status);
  std::sort(impl.written.begin(), impl.written.end(),
            [](const Written& a, const Written& b) { return a.relative_path < b.relative_path; });
  return impl.written;
}

void PartitionWriter::Release() noexcept { impl_->released = true; }
void PartitionWriter::TakeBack() noexcept { impl_->released = false; }

arrow::Status PartitionWriter::Abort() {
  Impl& impl = *impl_;
  if (impl.released) return arrow::Status::OK();        // all were finished
  if (!impl.home.IsThis()) return arrow::Status::OK();  // the first process goes on with all of it
  {
    std::lock_guard lock(impl.mutex);
    if (impl.status.ok()) impl.status = arrow::Status::Cancelled("the append was aborted");
  }
  impl.Join();
  arrow::Status first;
  for (const auto& partition : impl.partitions) {
    if (partition->writer == nullptr) continue;
    const arrow::Status aborted = Caught(impl.table->path, [&] { return partition->writer->Abort(); });
    if (first.ok()) first = aborted;
    partition->writer.reset();
  }
  for (const Written& written : impl.written) {
    if (written.relative_path.empty()) continue;  // it did not come to its name
    const arrow::Status removed = Caught(impl.table->path, [&] {
      return impl.table->fs->Remove(file::JoinPath(impl.table->path, written.relative_path));
    });
    if (first.ok() && !IsKind(removed, ErrorKind::kNotFound)) first = removed;
  }
  impl.written.clear();
  return first;
}

}  // namespace marquet::table
