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
#include "marquet/parquet/write/writer.h"
#include "spdlog/logger.h"

namespace marquet::table {
namespace {

// Rows below which no thread is started: encoding them takes less than a thread's start and hand-over.
constexpr int64_t kLeastParallelRows = 1 << 16;
// Rows worth handing over at once.
constexpr int64_t kHandOverRows = 1 << 14;
// Bytes that wait for a partition whose turn has come. More would only be colder when they are written.
constexpr int64_t kMostAheadBytes = int64_t{8} << 20;
// Rows that are encoded between two looks at the budget; fewer where they take much of it.
constexpr int64_t kRowsAtOnce = 1 << 16;
constexpr int64_t kLeastAtOnce = 1 << 10;
// Of the format: less is refused, as what it is.
constexpr int64_t kLeastFileMemory = int64_t{1} << 20;
// Files that stay open when memory is short. A process may have 1,024 where nobody asked for more.
constexpr int kMostOpen = 256;
// What a batch of new values adds to a column in the worst case, tables of dictionaries included.
constexpr int64_t kColumnInTheMaking = int64_t{256} << 10;
// What tells of a column's rows in a batch, without the rows themselves.
constexpr int64_t kArrayBytes = 256;

}  // namespace

struct PartitionWriter::Impl {
  struct Queued {
    std::shared_ptr<arrow::RecordBatch> rows;
    std::shared_ptr<SharedMemory> memory;
    int64_t bytes = 0;  // these rows' part of it

    // Besides: what tells of the rows.
    int64_t own_bytes() const { return rows->num_columns() * kArrayBytes; }
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
    // Of the writer, as of its last use: what it holds, and what of that ending its row group frees.
    int64_t held = 0;
    int64_t buffered = 0;
    int64_t rows_flushed = 0;  // of the file, when its last row group was ended
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
  int64_t writers = 1;  // threads that write, at most
  bool stopping = false;
  bool caller_waits = false;  // for queues to be written, however few rows they hold
  arrow::Status status;
  arrow::Status no_words = arrow::Status::OutOfMemory("memory ran out");  // also for those of an error
  int64_t rows = 0;
  bool many_rows = false;  // so many, or such large ones, that threads write them
  int64_t queued_bytes = 0;
  int64_t held_bytes = 0;  // by all writers
  int open_files = 0;
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
    const size_t wanted = max_threads > 0 ? static_cast<size_t>(max_threads)
                                          : std::max<size_t>(1, std::thread::hardware_concurrency());
    // What a thread has in the making cannot be freed before it has made it.
    const int64_t each = std::max(schema->num_fields(), 1) * kColumnInTheMaking;
    const size_t limit =
        std::min(wanted, static_cast<size_t>(std::max<int64_t>(options.memory / 2 / each, 1)));
    const arrow::Status started = marquet::StartThreads(
        "write " + table->path, std::min(limit, most), [this] { return Run(); }, &threads);
    writers = std::max<int64_t>(static_cast<int64_t>(threads.size()), 1);
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
    int64_t unseen = 0;  // bytes since the last look at the budget
    while (!batches.empty()) {
      if (!skip && outcome.ok()) outcome = WriteBatch(number, &partition, batches.front(), lock);
      const std::shared_ptr<SharedMemory> memory = batches.front().memory;
      const int64_t own = batches.front().own_bytes();
      unseen += batches.front().bytes;
      batches.pop_front();  // its memory is free for what comes next
      lock->lock();
      queued_bytes -= own;
      if (--memory->waiting == 0) queued_bytes -= memory->bytes;
      if (caller_waits) changed.notify_all();
      if (!skip && outcome.ok() && unseen > LookEvery()) {
        outcome = KeepWithinBudget(number, lock);
        unseen = 0;
      }
      lock->unlock();
    }
    if (!skip && outcome.ok() && close && partition.writer != nullptr)
      outcome = CloseFile(number, &partition);
    lock->lock();
    if (!skip && outcome.ok()) outcome = KeepWithinBudget(number, lock);
    LookAt(&partition);
    partition.busy = false;
    if (!outcome.ok() && status.ok()) status = outcome;
    if (HasWork(partition)) MakeReady(number);
    changed.notify_all();
  }

  // Bytes of rows between two looks at the budget: so few that what all threads have added since is little.
  int64_t LookEvery() const { return options.memory / 64 / writers; }

  // What the partition's writer holds by now.
  void LookAt(Partition* partition) {
    const pq::FileWriter* const writer = partition->writer.get();
    const int64_t held = writer == nullptr ? 0 : writer->held_bytes();
    held_bytes += held - partition->held;
    partition->held = held;
    partition->buffered = writer == nullptr ? 0 : writer->buffered_bytes();
  }

  // Frees memory, of the file that holds most first, until all together are within the budget; the lock is
  // given up meanwhile. What other threads are writing is left to them. `own` is the caller's partition.
  arrow::Status KeepWithinBudget(size_t own, std::unique_lock<std::mutex>* lock) {
    LookAt(partitions[own].get());
    while (held_bytes > options.memory / 2 && status.ok()) {
      size_t fullest = own;
      for (size_t i = 0; i < partitions.size(); ++i) {
        if (!partitions[i]->busy && partitions[i]->held > partitions[fullest]->held) fullest = i;
      }
      Partition& partition = *partitions[fullest];
      // Most is held by those that others are writing, who look at it themselves.
      if (partition.held < held_bytes / (4 * std::max(open_files, 1)) || partition.held == 0) break;
      if (fullest == own) {
        ARROW_RETURN_NOT_OK(FreeMemory(fullest, lock));
        continue;
      }
      const Taken taken(this, &partition, lock);
      ARROW_RETURN_NOT_OK(FreeMemory(fullest, lock));
      partition.busy = false;
      if (HasWork(partition)) MakeReady(fullest);
      changed.notify_all();
    }
    return arrow::Status::OK();
  }

  // Makes a partition busy that is not, to its end. The lock is held again then.
  class Taken {
   public:
    Taken(Impl* impl, Partition* partition, std::unique_lock<std::mutex>* lock)
        : impl_(impl), partition_(partition), lock_(lock) {
      if (partition->ready) {
        std::erase_if(impl->ready, [&](size_t i) { return impl->partitions[i].get() == partition; });
      }
      partition->ready = false;
      partition->busy = true;
    }
    ~Taken() {
      if (!lock_->owns_lock()) lock_->lock();
      if (!partition_->busy) return;
      partition_->busy = false;
      impl_->changed.notify_all();
    }
    Taken(const Taken&) = delete;

   private:
    Impl* const impl_;
    Partition* const partition_;
    std::unique_lock<std::mutex>* const lock_;
  };

  // Ends the row group of a busy partition's file; closes the file where that frees little, or too many are
  // open.
  arrow::Status FreeMemory(size_t number, std::unique_lock<std::mutex>* lock) {
    Partition& partition = *partitions[number];
    const bool close = partition.buffered < partition.held / 2 || open_files > kMostOpen ||
                       partition.writer->rows() == partition.rows_flushed;
    lock->unlock();
    arrow::Status outcome;
    if (close) {
      outcome = CloseFile(number, &partition);
    } else {
      outcome = partition.writer->Flush();
      partition.rows_flushed = partition.writer->rows();
    }
    lock->lock();
    LookAt(&partition);
    return outcome;
  }

  // Without the mutex, by the one thread that made the partition busy.
  arrow::Status WriteBatch(size_t number, Partition* partition, const Queued& queued,
                           std::unique_lock<std::mutex>* lock) {
    const arrow::RecordBatch& batch = *queued.rows;
    const int64_t each = queued.bytes / batch.num_rows() + 1;
    const int64_t at_once = std::clamp(options.memory / 8 / each, kLeastAtOnce, kRowsAtOnce);
    for (int64_t done = 0; done < batch.num_rows();) {
      if (partition->writer == nullptr) ARROW_RETURN_NOT_OK(OpenFile(partition));
      const int64_t room = max_rows_per_file - partition->writer->rows();
      const int64_t part = std::min({batch.num_rows() - done, room, at_once});
      const bool whole = part == batch.num_rows();
      ARROW_RETURN_NOT_OK(partition->writer->Write(whole ? batch : *batch.Slice(done, part)));
      done += part;
      if (partition->writer->rows() >= max_rows_per_file) ARROW_RETURN_NOT_OK(CloseFile(number, partition));
      if (done == batch.num_rows()) break;  // what follows is looked at with the next rows, or after them
      lock->lock();
      const arrow::Status kept = KeepWithinBudget(number, lock);
      lock->unlock();
      ARROW_RETURN_NOT_OK(kept);
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
      ++open_files;
      partition->rows_flushed = 0;
      // Handing the columns of few rows to other threads takes longer than encoding them.
      parallel = many_rows;
      if (format == nullptr) {
        pq::WriteOptions of_files = options;
        of_files.memory = std::max(options.memory / 2, std::min(options.memory, kLeastFileMemory));
        ARROW_ASSIGN_OR_RAISE(format, table->FormatOf(schema, of_files));
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
    --open_files;
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
                                     std::shared_ptr<arrow::RecordBatch> rows,
                                     std::shared_ptr<SharedMemory> memory) {
  Impl& impl = *impl_;
  ARROW_RETURN_NOT_OK(impl.CheckHome());
  std::unique_lock lock(impl.mutex);
  ARROW_RETURN_NOT_OK(impl.status);
  while (impl.partitions.size() <= number) impl.partitions.push_back(std::make_unique<Impl::Partition>());
  Impl::Partition& partition = *impl.partitions[number];
  if (partition.directory.empty()) partition.directory = directory();
  impl.rows += rows->num_rows();
  const int64_t bytes = memory->bytes / memory->rows * rows->num_rows();
  partition.queued_rows += rows->num_rows();
  partition.queued_bytes += bytes;
  partition.queue.push_back({std::move(rows), std::move(memory), bytes});
  Impl::Queued& queued = partition.queue.back();
  impl.queued_bytes += queued.own_bytes();
  if (queued.memory->waiting++ == 0) impl.queued_bytes += queued.memory->bytes;
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
