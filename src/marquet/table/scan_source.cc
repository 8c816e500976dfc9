#include "marquet/table/scan_source.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include "marquet/base/exceptions.h"
#include "marquet/base/thread.h"
#include "marquet/table/batch_bytes_internal.h"

namespace marquet::table {
namespace {

using Batch = std::shared_ptr<arrow::RecordBatch>;

// Batches that decoding a piece on several threads holds: pq::FileReader::Read tells.
constexpr int64_t kBatchesOfParallelPiece = 4;

// Batches of a piece that may wait for a reader that takes them one by one, whatever the memory has room for:
// to decode into memory that it gave back is faster than to touch fresh memory.
constexpr size_t kBatchesAhead = 2;

// One piece after another, on the caller's thread.
class SerialSource final : public ScanSource {
 public:
  SerialSource(std::shared_ptr<const ScanSpec> spec, std::unique_ptr<ScanPieces> pieces,
               std::shared_ptr<ScanCounters> counters)
      : spec_(std::move(spec)), pieces_(std::move(pieces)), counters_(std::move(counters)) {}

  arrow::Result<Batch> Next() override {
    while (true) {
      if (reader_ == nullptr) {
        ARROW_ASSIGN_OR_RAISE(auto piece, pieces_->Next());
        if (!piece) return Batch();
        ARROW_RETURN_NOT_OK(Open(*std::move(piece)));
      }
      ARROW_ASSIGN_OR_RAISE(Batch batch, reader_->Next());
      if (batch != nullptr) return batch;
      reader_.reset();
    }
  }

 private:
  arrow::Status Open(ScanPiece piece) {
    const bool parallel = spec_->use_threads && piece.rows >= kInlineRows;
    ARROW_ASSIGN_OR_RAISE(reader_, PieceReader::Open(spec_, std::move(piece), counters_));
    const PieceCost& cost = reader_->cost();
    const int64_t batches = parallel ? kBatchesOfParallelPiece : 1;
    const int64_t rows = cost.RowsWithin((spec_->memory - cost.open_bytes) / batches, spec_->batch_rows);
    counters_->NotePeak(cost.open_bytes + std::min(rows, reader_->rows()) * cost.row_bytes * batches);
    return reader_->Start(rows, parallel);
  }

  const std::shared_ptr<const ScanSpec> spec_;
  const std::unique_ptr<ScanPieces> pieces_;
  const std::shared_ptr<ScanCounters> counters_;
  std::unique_ptr<PieceReader> reader_;
};

// Several threads, each at a piece of its own; batches come in the table's order.
//
// What is decoded and waits, and what is being decoded, is counted in bytes. A thread waits until there is
// room for its next batch; but for the piece whose turn it is: when none of its batches waits, it gets the
// next one whatever the others hold, so that the reader always comes on. The others leave a share of the
// memory to it.
class ParallelSource final : public ScanSource {
 public:
  ParallelSource(std::shared_ptr<const ScanSpec> spec, std::unique_ptr<ScanPieces> pieces,
                 std::shared_ptr<ScanCounters> counters, ScanReading reading)
      : spec_(std::move(spec)),
        pieces_(std::move(pieces)),
        counters_(std::move(counters)),
        reading_(reading),
        wanted_(std::max(1u, std::thread::hardware_concurrency())),
        slots_ahead_(4 * wanted_),
        share_(spec_->memory / static_cast<int64_t>(std::max<size_t>(4, 2 * wanted_))) {}

  // As many threads as can be had. An error when that is none.
  arrow::Status Start() {
    std::lock_guard lock(mutex_);  // they begin once it is known how many they are
    const arrow::Status started = StartThreads(
        "scan", wanted_, [this] { return Run(); }, &threads_);
    active_ = threads_.size();
    return threads_.empty() ? started : arrow::Status::OK();
  }

  ~ParallelSource() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    threads_.clear();  // each waits for its end
  }

  arrow::Result<Batch> Next() override {
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
        Waiting next = std::move(slot.batches.front());
        slot.batches.pop_front();
        held_bytes_ -= next.bytes;
        changed_.notify_all();
        return std::move(next.batch);
      }
      if (!slot.status.ok()) return slot.status;
      slots_.pop_front();
      changed_.notify_all();
    }
  }

 private:
  struct Waiting {
    Batch batch;
    int64_t bytes = 0;
  };

  // A file to be opened, or, in its place, a piece of it and what that gave.
  struct Slot {
    std::optional<ScanPiece> piece;  // until a thread takes it
    std::deque<Waiting> batches;
    arrow::Status status;
    bool done = false;
  };
  using Slots = std::list<std::shared_ptr<Slot>>;

  // Bytes that a thread holds for a piece.
  class Claim {
   public:
    explicit Claim(ParallelSource& source) : source_(source) {}
    ~Claim() {
      std::lock_guard lock(source_.mutex_);
      Set(0);
      source_.changed_.notify_all();
    }
    // Under the lock.
    void Set(int64_t bytes) {
      source_.held_bytes_ += bytes - bytes_;
      bytes_ = bytes;
      source_.counters_->NotePeak(source_.held_bytes_);
    }
    int64_t bytes() const { return bytes_; }

   private:
    ParallelSource& source_;
    int64_t bytes_ = 0;
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
    ending.status = Caught("scan", [&] { return Work(); });
    return arrow::Status::OK();  // the reader has it
  }

  arrow::Status Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      std::shared_ptr<Slot> to_read;
      changed_.wait(lock, [&] {
        bool pieces_wait = false;
        to_read = WaitingPiece(&pieces_wait);
        return stopping_ || to_read != nullptr || MayOpen() ||
               (NoFileLeft() && opening_ == 0 && !pieces_wait);
      });
      if (stopping_) return arrow::Status::OK();
      if (to_read != nullptr) {
        ReadSlot(*to_read, &lock);
      } else if (MayOpen()) {
        OpenNextFile(&lock);
      } else {
        return arrow::Status::OK();
      }
      changed_.notify_all();
    }
  }

  bool NoFileLeft() const { return exhausted_ || next_file_ == pieces_->files(); }
  bool MayOpen() const { return !NoFileLeft() && slots_.size() < slots_ahead_; }

  // The first piece that no thread has taken, when it may be read already; tells whether there is one at all.
  std::shared_ptr<Slot> WaitingPiece(bool* pieces_wait) const {
    size_t place = 0;
    for (const auto& slot : slots_) {
      const bool may_be_read = place++ < slots_ahead_;
      if (!slot->piece) continue;
      *pieces_wait = true;
      return may_be_read ? slot : nullptr;
    }
    return nullptr;
  }

  // Takes the next file's place in the order at once, opens it without the lock, and puts its pieces there.
  void OpenNextFile(std::unique_lock<std::mutex>* lock) {
    const auto place = slots_.insert(slots_.end(), std::make_shared<Slot>());
    const size_t file = next_file_++;
    ++opening_;
    lock->unlock();
    Slots found;
    const arrow::Status status = Caught("scan", [&]() -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(auto pieces, pieces_->Open(file));
      for (ScanPiece& piece : pieces) {
        found.push_back(std::make_shared<Slot>());
        found.back()->piece = std::move(piece);
      }
      return arrow::Status::OK();
    });
    lock->lock();
    --opening_;
    if (status.ok()) {
      slots_.splice(place, found);
      slots_.erase(place);
    } else {
      exhausted_ = true;
      (*place)->status = status;
      (*place)->done = true;
    }
  }

  void ReadSlot(Slot& slot, std::unique_lock<std::mutex>* lock) {
    ScanPiece piece = *std::move(slot.piece);
    slot.piece.reset();
    changed_.notify_all();  // another one may be the first that waits
    lock->unlock();
    arrow::Status status = Caught("scan", [&] { return Read(std::move(piece), &slot); });
    lock->lock();
    slot.status = std::move(status);
    slot.done = true;
  }

  // Waits until so many bytes may be held besides the claim's. False when nobody wants the rows any more.
  bool Wait(const Slot* slot, int64_t more, Claim* claim) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      if (stopping_) return true;
      const bool its_turn = slots_.front().get() == slot;
      if (its_turn && slot->batches.empty()) return true;
      if (reading_ == ScanReading::kOneByOne && slot->batches.size() > kBatchesAhead) return false;
      return held_bytes_ + more <= spec_->memory - (its_turn ? 0 : share_);
    });
    if (stopping_) return false;
    claim->Set(claim->bytes() + more);
    return true;
  }

  arrow::Status Read(ScanPiece piece, Slot* slot) {
    pieces_->Count(piece);
    Claim claim(*this);
    ARROW_ASSIGN_OR_RAISE(auto reader, PieceReader::Open(spec_, std::move(piece), counters_));
    PieceCost cost = reader->cost();
    cost.row_bytes = std::max(cost.row_bytes, row_bytes_.load());
    const int64_t batch_rows = std::min(cost.RowsWithin(share_, spec_->batch_rows), reader->rows());
    const int64_t batch_bytes = batch_rows * cost.row_bytes;
    if (!Wait(slot, cost.open_bytes + batch_bytes, &claim)) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(reader->Start(batch_rows, /*parallel=*/false));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(Batch batch, reader->Next());
      if (batch == nullptr) return arrow::Status::OK();
      ARROW_ASSIGN_OR_RAISE(const int64_t bytes, BytesOf(*batch));
      NoteRowBytes(reader->seen_row_bytes());
      {
        std::lock_guard lock(mutex_);
        if (stopping_) return arrow::Status::OK();
        const int64_t counted = reading_ == ScanReading::kWhole ? 0 : bytes;
        slot->batches.push_back({std::move(batch), counted});
        held_bytes_ += counted;
        claim.Set(cost.open_bytes);
        changed_.notify_all();
      }
      if (!Wait(slot, batch_bytes, &claim)) return arrow::Status::OK();
    }
  }

  // So that the next pieces are read by what rows were found to take, not by what a footer lets guess.
  void NoteRowBytes(int64_t bytes) {
    int64_t known = row_bytes_;
    while (known < bytes && !row_bytes_.compare_exchange_weak(known, bytes)) {
    }
  }

  const std::shared_ptr<const ScanSpec> spec_;
  const std::unique_ptr<ScanPieces> pieces_;
  const std::shared_ptr<ScanCounters> counters_;
  const ScanReading reading_;
  const size_t wanted_;
  const size_t slots_ahead_;  // so that what is read ahead of a limit does not depend on the table's size
  const int64_t share_;       // of the memory, for one batch
  std::atomic<int64_t> row_bytes_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  Slots slots_;
  size_t next_file_ = 0;
  int opening_ = 0;  // files, without the lock
  int64_t held_bytes_ = 0;
  size_t active_ = 0;     // threads that may still add slots or batches
  arrow::Status failed_;  // of one that could not even add a slot, or end its own
  arrow::Status no_memory_ = arrow::Status::OutOfMemory("scan: memory ran out");  // when it has run out
  bool stopping_ = false;
  bool exhausted_ = false;  // no further file is opened
  std::vector<Thread> threads_;
};

}  // namespace

std::unique_ptr<ScanSource> OpenScanSource(const std::shared_ptr<const ScanSpec>& spec,
                                           const std::shared_ptr<ScanCounters>& counters,
                                           ScanReading reading) {
  auto pieces = std::make_unique<ScanPieces>(spec, counters);
  const int64_t rows = pieces->EstimatedRows();
  if (spec->use_threads && rows >= kInlineRows && spec->limit.value_or(INT64_MAX) >= kInlineRows) {
    auto source = std::make_unique<ParallelSource>(spec, std::move(pieces), counters, reading);
    if (source->Start().ok()) return source;
    pieces = std::make_unique<ScanPieces>(spec, counters);  // no thread can be had: the caller's reads
  }
  return std::make_unique<SerialSource>(spec, std::move(pieces), counters);
}

}  // namespace marquet::table
