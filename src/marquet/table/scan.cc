#include "marquet/table/scan.h"

#include <condition_variable>
#include <deque>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "arrow/compute/api_vector.h"
#include "arrow/datum.h"
#include "arrow/record_batch.h"
#include "arrow/table.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/home_process.h"
#include "marquet/base/thread.h"
#include "marquet/table/scan_internal.h"

namespace marquet::table {
namespace {

// Rows for which starting threads costs more than they spare.
constexpr int64_t kInlineRows = 1 << 16;
// Batches that a piece may be ahead of the consumer.
constexpr size_t kBatchesAhead = 2;

using Batch = std::shared_ptr<arrow::RecordBatch>;

// Gives the batches of a scan, one piece after another.
class SerialSource {
 public:
  SerialSource(std::shared_ptr<const ScanSpec> spec, std::unique_ptr<ScanPieces> pieces,
               std::shared_ptr<ScanCounters> counters)
      : spec_(std::move(spec)), pieces_(std::move(pieces)), counters_(std::move(counters)) {}

  arrow::Result<Batch> Next() {
    while (true) {
      if (reader_ == nullptr) {
        ARROW_ASSIGN_OR_RAISE(auto piece, pieces_->Next());
        if (!piece) return Batch();
        const bool parallel = spec_->use_threads && piece->rows >= kInlineRows;
        ARROW_ASSIGN_OR_RAISE(reader_, PieceReader::Open(spec_, *std::move(piece), counters_, parallel));
      }
      ARROW_ASSIGN_OR_RAISE(Batch batch, reader_->Next());
      if (batch != nullptr) return batch;
      reader_.reset();
    }
  }

 private:
  const std::shared_ptr<const ScanSpec> spec_;
  const std::unique_ptr<ScanPieces> pieces_;
  const std::shared_ptr<ScanCounters> counters_;
  std::unique_ptr<PieceReader> reader_;
};

// The same with several threads, each at a piece of its own; batches come in the table's order. A thread that
// is ahead waits, so that what is buffered does not depend on the table's size.
class ParallelSource {
 public:
  ParallelSource(std::shared_ptr<const ScanSpec> spec, std::unique_ptr<ScanPieces> pieces,
                 std::shared_ptr<ScanCounters> counters, size_t batches_ahead)
      : spec_(std::move(spec)),
        pieces_(std::move(pieces)),
        counters_(std::move(counters)),
        batches_ahead_(batches_ahead),
        wanted_(std::max(1u, std::thread::hardware_concurrency())),
        slots_ahead_(4 * wanted_) {}

  // As many threads as can be had. An error when that is none.
  arrow::Status Start() {
    std::lock_guard lock(mutex_);  // they begin once it is known how many they are
    const arrow::Status started = StartThreads(
        "scan", wanted_, [this] { return Run(); }, &threads_);
    active_ = threads_.size();
    return threads_.empty() ? started : arrow::Status::OK();
  }

  ~ParallelSource() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    threads_.clear();  // each waits for its end
  }

  arrow::Result<Batch> Next() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] {
        return !failed_.ok() ||
               (slots_.empty() ? active_ == 0 : slots_.front()->done || !slots_.front()->batches.empty());
      });
      if (slots_.empty()) {
        ARROW_RETURN_NOT_OK(failed_);
        return Batch();
      }
      Slot& slot = *slots_.front();
      if (!slot.done && slot.batches.empty()) return failed_;  // it may be the slot of the thread that failed
      if (!slot.batches.empty()) {
        Batch batch = std::move(slot.batches.front());
        slot.batches.pop_front();
        changed_.notify_all();
        return batch;
      }
      if (!slot.status.ok()) return slot.status;
      slots_.pop_front();
      changed_.notify_all();
    }
  }

 private:
  struct Slot {  // what one piece gave
    std::deque<Batch> batches;
    arrow::Status status;
    bool done = false;
  };

  // Tells the reader that a thread has ended, also of one that had no memory to say why.
  struct Ending {
    ParallelSource& source;
    std::optional<arrow::Status> status = {};
    ~Ending() {
      std::lock_guard lock(source.mutex_);
      --source.active_;
      arrow::Status& told = status ? *status : source.no_memory_;
      if (!told.ok()) source.exhausted_ = true;
      if (source.failed_.ok()) source.failed_ = std::move(told);
      source.changed_.notify_all();
    }
  };

  arrow::Status Run() {
    Ending ending{*this};
    ending.status = Caught("scan", [&] { return ReadPieces(); });
    return arrow::Status::OK();  // the reader has it
  }

  arrow::Status ReadPieces() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || slots_.size() < slots_ahead_; });
      if (stopping_ || exhausted_) break;
      // Pieces are taken and their places queued in one step, so that both have the same order.
      auto piece = pieces_->Next();
      if (piece.ok() && !*piece) {
        exhausted_ = true;
        break;
      }
      arrow::Status status = piece.status();
      const auto slot = std::make_shared<Slot>();
      slots_.push_back(slot);  // waited for from here on, until it is done
      if (!piece.ok()) exhausted_ = true;
      if (status.ok()) {
        lock.unlock();
        status = Caught("scan", [&] { return Read(**std::move(piece), slot.get()); });
        lock.lock();
      }
      slot->status = std::move(status);
      slot->done = true;
      changed_.notify_all();
    }
    return arrow::Status::OK();
  }

  arrow::Status Read(ScanPiece piece, Slot* slot) {
    ARROW_ASSIGN_OR_RAISE(auto reader,
                          PieceReader::Open(spec_, std::move(piece), counters_, /*parallel=*/false));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(Batch batch, reader->Next());
      std::unique_lock lock(mutex_);
      if (batch == nullptr || stopping_) return arrow::Status::OK();
      changed_.wait(lock, [&] { return stopping_ || slot->batches.size() < batches_ahead_; });
      if (stopping_) return arrow::Status::OK();
      slot->batches.push_back(std::move(batch));
      changed_.notify_all();
    }
  }

  const std::shared_ptr<const ScanSpec> spec_;
  const std::unique_ptr<ScanPieces> pieces_;
  const std::shared_ptr<ScanCounters> counters_;
  const size_t batches_ahead_;
  const size_t wanted_;
  const size_t slots_ahead_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Slot>> slots_;
  size_t active_ = 0;     // threads that may still add slots or batches
  arrow::Status failed_;  // of one that could not even add a slot, or end its own
  arrow::Status no_memory_ = arrow::Status::OutOfMemory("scan: memory ran out");  // when it has run out
  bool stopping_ = false;
  bool exhausted_ = false;
  std::vector<Thread> threads_;
};

// A stream of stored columns in the types given out, ended by the limit.
template <typename Source>
class ScanReader final : public arrow::RecordBatchReader {
 public:
  ScanReader(std::shared_ptr<const ScanSpec> spec, std::unique_ptr<Source> source,
             std::shared_ptr<ScanCounters> counters, std::shared_ptr<LastStatistics> last,
             std::shared_ptr<arrow::Schema> schema)
      : source_(std::move(source)),
        counters_(std::move(counters)),
        last_(std::move(last)),
        schema_(std::move(schema)),
        left_(spec->limit.value_or(INT64_MAX)) {}

  ~ScanReader() override { End(); }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(Batch* out) override {
    out->reset();
    if (source_ == nullptr) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(home_.Check("the rows of a scan", "Begin to read them in each process."));
    Batch batch;
    if (left_ > 0) {
      ARROW_ASSIGN_OR_RAISE(batch, source_->Next());
    }
    if (batch == nullptr) {
      End();
      return arrow::Status::OK();
    }
    if (batch->num_rows() > left_) batch = batch->Slice(0, left_);
    left_ -= batch->num_rows();
    counters_->rows_returned += batch->num_rows();
    ARROW_ASSIGN_OR_RAISE(*out, OutputColumns(*batch, schema_));
    return arrow::Status::OK();
  }

  arrow::Status Close() override {
    if (home_.IsThis()) End();
    return arrow::Status::OK();
  }

 private:
  void End() {
    if (source_ == nullptr) return;
    source_.reset();  // its threads are gone when the numbers are read
    last_->Set(counters_->Read());
  }

  std::unique_ptr<Source> source_;
  const std::shared_ptr<ScanCounters> counters_;
  const std::shared_ptr<LastStatistics> last_;
  const std::shared_ptr<arrow::Schema> schema_;
  int64_t left_;
  const HomeProcess home_;
};

std::shared_ptr<arrow::RecordBatchReader> OpenStream(std::shared_ptr<const ScanSpec> spec,
                                                     std::shared_ptr<LastStatistics> last,
                                                     std::shared_ptr<arrow::Schema> schema,
                                                     size_t batches_ahead) {
  auto counters = std::make_shared<ScanCounters>();
  auto pieces = std::make_unique<ScanPieces>(spec, counters);
  const int64_t rows = pieces->EstimatedRows();
  if (spec->use_threads && rows >= kInlineRows && spec->limit.value_or(INT64_MAX) >= kInlineRows) {
    auto source = std::make_unique<ParallelSource>(spec, std::move(pieces), counters, batches_ahead);
    if (source->Start().ok()) {
      using Reader = ScanReader<ParallelSource>;
      return std::shared_ptr<Reader>(new Reader(spec, std::move(source), counters, last, std::move(schema)),
                                     HomeDelete());
    }
    // No thread can be had: the caller's reads.
    counters = std::make_shared<ScanCounters>();
    pieces = std::make_unique<ScanPieces>(spec, counters);
  }
  auto source = std::make_unique<SerialSource>(spec, std::move(pieces), counters);
  using Reader = ScanReader<SerialSource>;
  return std::shared_ptr<Reader>(new Reader(spec, std::move(source), counters, last, std::move(schema)),
                                 HomeDelete());
}

arrow::Result<std::shared_ptr<arrow::Table>> ReadAll(arrow::RecordBatchReader& stream) {
  std::vector<Batch> batches;
  while (true) {
    Batch batch;
    ARROW_RETURN_NOT_OK(stream.ReadNext(&batch));
    if (batch == nullptr) return arrow::Table::FromRecordBatches(stream.schema(), std::move(batches));
    batches.push_back(std::move(batch));
  }
}

// All rows in order. The columns that only the order needs are read and dropped.
arrow::Result<std::shared_ptr<arrow::Table>> ReadSorted(const std::shared_ptr<const ScanSpec>& spec,
                                                        const std::shared_ptr<LastStatistics>& last) {
  auto all = std::make_shared<ScanSpec>(*spec);
  all->limit.reset();
  ARROW_ASSIGN_OR_RAISE(auto rows, ReadAll(*OpenStream(all, last, spec->columns.stored, SIZE_MAX)));
  std::vector<arrow::compute::SortKey> keys;
  for (const std::string& name : spec->sort_by) keys.emplace_back(name);
  ARROW_ASSIGN_OR_RAISE(auto order, arrow::compute::SortIndices(
                                        arrow::Datum(rows), arrow::compute::SortOptions(std::move(keys))));
  if (spec->limit && *spec->limit < order->length()) order = order->Slice(0, *spec->limit);
  std::vector<int> given_out(static_cast<size_t>(spec->columns.output->num_fields()));
  for (size_t i = 0; i < given_out.size(); ++i) given_out[i] = static_cast<int>(i);
  ARROW_ASSIGN_OR_RAISE(rows, rows->SelectColumns(given_out));
  ARROW_ASSIGN_OR_RAISE(const arrow::Datum sorted,
                        arrow::compute::Take(rows, order, arrow::compute::TakeOptions::NoBoundsCheck()));
  std::vector<Batch> batches;
  arrow::TableBatchReader chunks(*sorted.table());
  for (Batch batch;;) {
    ARROW_RETURN_NOT_OK(chunks.ReadNext(&batch));
    if (batch == nullptr) break;
    ARROW_ASSIGN_OR_RAISE(batch, OutputColumns(*batch, spec->columns.output));
    batches.push_back(std::move(batch));
  }
  ScanStatistics statistics = last->Get();
  statistics.rows_returned = sorted.length();
  last->Set(statistics);
  return arrow::Table::FromRecordBatches(spec->columns.output, std::move(batches));
}

// A table as a stream that keeps it alive.
class SortedReader final : public arrow::RecordBatchReader {
 public:
  SortedReader(std::shared_ptr<arrow::Table> rows, int64_t batch_rows)
      : rows_(std::move(rows)), batches_(*rows_) {
    batches_.set_chunksize(batch_rows);
  }
  std::shared_ptr<arrow::Schema> schema() const override { return rows_->schema(); }
  arrow::Status ReadNext(Batch* out) override { return batches_.ReadNext(out); }

 private:
  const std::shared_ptr<arrow::Table> rows_;
  arrow::TableBatchReader batches_;
};

}  // namespace

Scan::Scan(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

const std::shared_ptr<arrow::Schema>& Scan::schema() const { return impl_->spec->columns.output; }

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> Scan::ToReader() const {
  if (!impl_->spec->sort_by.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto rows, ReadSorted(impl_->spec, impl_->last));
    return std::make_shared<SortedReader>(std::move(rows), impl_->spec->batch_rows);
  }
  return OpenStream(impl_->spec, impl_->last, schema(), kBatchesAhead);
}

arrow::Result<std::shared_ptr<arrow::Table>> Scan::ToTable() const {
  if (!impl_->spec->sort_by.empty()) return ReadSorted(impl_->spec, impl_->last);
  return ReadAll(*OpenStream(impl_->spec, impl_->last, schema(), SIZE_MAX));
}

arrow::Result<int64_t> Scan::Count() const {
  // Only the filter's columns are read, and no file at all where the log's statistics decide.
  auto spec = std::make_shared<ScanSpec>(*impl_->spec);
  arrow::FieldVector fields;
  for (const std::string& name : spec->columns.filter)
    fields.push_back(spec->columns.stored->GetFieldByName(name));
  spec->stored = arrow::schema(std::move(fields));
  const auto counters = std::make_shared<ScanCounters>();
  int64_t count = 0;
  std::vector<FileIndex::Match> undecided;
  for (FileIndex::Match& match : spec->index->Prune(spec->where)) {
    const delta::FileStatistics* const statistics =
        match.truth == Truth::kAlways ? &match.file->statistics(*spec->index->data_schema()) : nullptr;
    if (statistics != nullptr && statistics->decide && statistics->rows) {
      count += *statistics->rows;
    } else {
      undecided.push_back(std::move(match));
    }
  }
  const int64_t limit = spec->limit.value_or(INT64_MAX);
  ScanPieces pieces(spec, counters, std::move(undecided));
  while (count < limit) {
    ARROW_ASSIGN_OR_RAISE(auto piece, pieces.Next());
    if (!piece) break;
    if (piece->truth == Truth::kAlways) {
      count += piece->rows;
      continue;
    }
    const bool parallel = spec->use_threads && piece->rows >= kInlineRows;
    ARROW_ASSIGN_OR_RAISE(auto reader, PieceReader::Open(spec, *std::move(piece), counters, parallel));
    ARROW_ASSIGN_OR_RAISE(const int64_t rows, reader->Count());
    count += rows;
  }
  impl_->last->Set(counters->Read());
  return std::min(count, limit);
}

ScanStatistics Scan::statistics() const { return impl_->last->Get(); }

}  // namespace marquet::table
