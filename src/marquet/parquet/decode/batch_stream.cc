#include "marquet/parquet/decode/batch_stream_internal.h"

#include <condition_variable>
#include <deque>

#include "arrow/util/thread_pool.h"
#include "fmt/format.h"
#include "marquet/base/column_threads.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/home_process.h"
#include "marquet/base/saturating.h"
#include "marquet/parquet/format/failures_internal.h"
#include "parquet/metadata.h"

namespace marquet::pq {
namespace {

using ArrayResult = arrow::Result<std::shared_ptr<arrow::Array>>;

// Batches of a column that may wait for the reader. Few columns need two to keep all threads busy; many do
// not, and would hold much memory.
constexpr size_t kFewColumns = 8;
size_t BatchesAhead(size_t columns) { return columns <= kFewColumns ? 2 : 1; }

class BatchStream final : public arrow::RecordBatchReader {
 public:
  BatchStream(std::shared_ptr<const ReadSource> source, std::shared_ptr<arrow::Schema> schema,
              std::vector<std::unique_ptr<ColumnStream>> columns, PiecePlan pieces,
              arrow::internal::Executor* threads)
      : source_(std::move(source)),
        schema_(std::move(schema)),
        pieces_(std::move(pieces)),
        threads_(threads),
        ahead_(BatchesAhead(columns.size())),
        columns_(columns.size()) {
    for (size_t i = 0; i < columns.size(); ++i) columns_[i].stream = std::move(columns[i]);
  }

  ~BatchStream() override {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    changed_.wait(lock, [&] { return running_ == 0; });
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    out->reset();
    ARROW_RETURN_NOT_OK(failed_);
    if (piece_ == pieces_.size()) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(home_.Check(source_->path, "Begin to read it in each process."));
    arrow::ArrayVector arrays;
    for (size_t i = 0; i < columns_.size(); ++i) {
      ArrayResult array = threads_ == nullptr ? DecodePiece(i, piece_) : Wait(i);
      if (!array.ok()) return failed_ = array.status();
      arrays.push_back(*std::move(array));
    }
    *out = arrow::RecordBatch::Make(schema_, pieces_.At(piece_).rows, std::move(arrays));
    ++piece_;
    return arrow::Status::OK();
  }

 private:
  struct Column {
    std::unique_ptr<ColumnStream> stream;
    // Guarded by mutex_:
    std::deque<ArrayResult> ready;
    int64_t next = 0;  // piece to decode
    bool running = false;
    arrow::Status thrown;  // by its thread: nothing more becomes ready
  };

  ArrayResult DecodePiece(size_t column, int64_t number) {
    const Piece piece = pieces_.At(number);
    const int row_group = source_->parts[piece.part].row_group;
    const std::string place =
        fmt::format("{}: row group {}, column {}", source_->path, row_group, schema_->field(column)->name());
    return GuardRead(place, [&]() -> ArrayResult {
      ARROW_ASSIGN_OR_RAISE(auto array, columns_[column].stream->Decode(piece));
      if (array->length() == piece.rows) return array;
      return arrow::Status::IOError(array->length(), " rows were decoded; expected ", piece.rows);
    });
  }

  ArrayResult Wait(size_t index) {
    Column& column = columns_[index];
    std::unique_lock lock(mutex_);
    for (size_t i = 0; i < columns_.size(); ++i) Start(i);
    changed_.wait(lock, [&] { return !column.ready.empty() || !column.thrown.ok(); });
    if (column.ready.empty()) return column.thrown;
    ArrayResult array = std::move(column.ready.front());
    column.ready.pop_front();
    Start(index);
    return array;
  }

  // With mutex_ held: gives the column to a thread when there is something to run ahead for.
  void Start(size_t index) {
    Column& column = columns_[index];
    if (column.running || !MayDecode(column)) return;
    column.running = true;
    ++running_;
    arrow::Status spawned =
        Caught(source_->path, [&] { return threads_->Spawn([this, index] { Run(index); }); });
    if (spawned.ok()) return;
    column.running = false;
    --running_;
    column.thrown = std::move(spawned);
    column.next = pieces_.size();
  }

  bool MayDecode(const Column& column) const {
    return !stopped_ && column.next < pieces_.size() && column.ready.size() < ahead_;
  }

  void Run(size_t index) {
    Column& column = columns_[index];
    std::unique_lock lock(mutex_);
    try {
      DecodeAhead(index, &lock);
    } catch (...) {
      if (!lock.owns_lock()) lock.lock();
      column.next = pieces_.size();
      column.thrown = StatusOfException(source_->path);
    }
    column.running = false;
    --running_;
    changed_.notify_all();
  }

  void DecodeAhead(size_t index, std::unique_lock<std::mutex>* lock) {
    Column& column = columns_[index];
    while (MayDecode(column)) {
      const int64_t piece = column.next++;
      lock->unlock();
      ArrayResult array = DecodePiece(index, piece);
      lock->lock();
      if (!array.ok()) column.next = pieces_.size();
      column.ready.push_back(std::move(array));
      changed_.notify_all();
    }
  }

  const std::shared_ptr<const ReadSource> source_;
  const std::shared_ptr<arrow::Schema> schema_;
  const PiecePlan pieces_;
  arrow::internal::Executor* const threads_;
  const size_t ahead_;
  int64_t piece_ = 0;  // next to give out
  arrow::Status failed_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Column> columns_;
  int running_ = 0;
  bool stopped_ = false;
  const HomeProcess home_;
};

}  // namespace

void PiecePlan::Add(int part, RowRange rows) {
  if (rows.begin == rows.end) return;
  stretches_.push_back({size_, part, rows});
  const int64_t length = rows.end - rows.begin;
  size_ = SaturatingSum(size_, length / batch_rows_ + (length % batch_rows_ == 0 ? 0 : 1));
}

Piece PiecePlan::At(int64_t number) const {
  const auto behind = std::upper_bound(stretches_.begin(), stretches_.end(), number,
                                       [](int64_t at, const Stretch& one) { return at < one.first; });
  const Stretch& stretch = *(behind - 1);
  const int64_t begin = stretch.rows.begin + (number - stretch.first) * batch_rows_;
  return {stretch.part, begin, std::min(batch_rows_, stretch.rows.end - begin)};
}

arrow::Result<PiecePlan> PlanPieces(const ReadSource& source) {
  PiecePlan pieces(source.batch_rows);
  for (size_t part = 0; part < source.parts.size(); ++part) {
    const int row_group = source.parts[part].row_group;
    const int64_t rows = source.footer->RowGroup(row_group)->num_rows();
    std::vector<RowRange> ranges = source.parts[part].rows;
    if (ranges.empty()) ranges.push_back({0, rows});
    int64_t previous = 0;
    for (const RowRange& range : ranges) {
      if (range.begin < previous || range.end < range.begin || range.end > rows) {
        return InvalidInput(
            fmt::format("{}: rows {} to {} of row group {} asked for; expected ascending ranges up to {}",
                        source.path, range.begin, range.end, row_group, rows));
      }
      previous = range.end;
      pieces.Add(static_cast<int>(part), range);
    }
  }
  return pieces;
}

std::shared_ptr<arrow::RecordBatchReader> MakeBatchStream(std::shared_ptr<const ReadSource> source,
                                                          std::shared_ptr<arrow::Schema> schema,
                                                          std::vector<std::unique_ptr<ColumnStream>> columns,
                                                          PiecePlan pieces, bool use_threads) {
  return std::shared_ptr<BatchStream>(
      new BatchStream(std::move(source), std::move(schema), std::move(columns), std::move(pieces),
                      use_threads ? ColumnThreads() : nullptr),
      HomeDelete());
}

}  // namespace marquet::pq
