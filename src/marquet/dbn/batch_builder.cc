#include "marquet/dbn/batch_builder.h"

#include "arrow/api.h"
#include "marquet/base/time.h"
#include "marquet/dbn/layout.h"
#include "marquet/dbn/load_internal.h"

namespace marquet::dbn {
namespace {

constexpr int64_t kIdleBytes = int64_t{96} << 20;
constexpr size_t kMaxFillings = 1024;
// Four times these, and again, meets the default of batch_rows. Groups may be many and small.
constexpr int64_t kInitialRows = 2'048;
constexpr int64_t kInitialGroupRows = 32;

}  // namespace

BatchBuilder::BatchBuilder(const ReadOptions& options, const SymbolIndex& symbols)
    : options_(options),
      symbols_(symbols),
      chunk_limit_(static_cast<size_t>(std::min<int64_t>(kChunkRecords, options.batch_rows))),
      recycler_(std::make_shared<BufferRecycler>(kIdleBytes)) {}

BatchBuilder::Place BatchBuilder::PlaceOf(const uint8_t* record, int ts_recv_offset) {
  const std::optional<int64_t> known = TimeOf(record, ts_recv_offset);
  if (!known) return {Chunk::kNoTime, SymbolIndex::kNoDate, SymbolIndex::kUnmapped};
  const int64_t time = *known;
  if (time < day_start_ || time >= day_end_) {
    day_ = DateOfNanos(time);
    day_start_ = day_ * kNanosPerDay;
    day_end_ = day_start_ > INT64_MAX - kNanosPerDay ? INT64_MAX : day_start_ + kNanosPerDay;
  }
  return {time / 1000, day_, symbols_.Resolve(Load<uint32_t>(record + 4), day_)};
}

BatchBuilder::Filling* BatchBuilder::FillingFor(const RecordFormat& format, const Place& place) {
  const bool split = options_.split_by_symbol_and_date;
  const auto kind = static_cast<size_t>(format.kind);
  Filling*& recent =
      recent_[(split ? static_cast<size_t>(place.symbol) * kKinds + kind : kind) % recent_.size()];
  if (recent && recent->kind == format.kind &&
      (!split || (recent->symbol == place.symbol && recent->date == place.date))) {
    return recent;
  }
  // Without splitting there is one group.
  const uint64_t group = split ? static_cast<uint64_t>(static_cast<uint32_t>(place.symbol)) << 32 |
                                     static_cast<uint32_t>(place.date)
                               : 0;
  std::vector<Filling*>& same = by_group_[group];
  for (Filling* filling : same) {
    if (filling->kind == format.kind) return recent = filling;
  }
  const int64_t first_rows = std::min<int64_t>(options_.batch_rows, split ? kInitialGroupRows : kInitialRows);
  fillings_.push_back(std::unique_ptr<Filling>(
      new Filling{ColumnSet({format.kind, format.version, format.ts_out, options_.on_time_overflow,
                             first_rows, options_.batch_rows},
                            recycler_),
                  {},
                  format.kind,
                  place.symbol,
                  place.date}));
  same.push_back(fillings_.back().get());
  return recent = same.back();
}

arrow::Result<bool> BatchBuilder::Add(const uint8_t* record, const RecordFormat& format, int64_t source_row) {
  const Place place = PlaceOf(record, format.ts_recv_offset);
  Filling* filling = FillingFor(format, place);
  Chunk& chunk = filling->chunk;
  const size_t at = chunk.size++;
  chunk.records[at] = record;
  chunk.ts[at] = place.ts;
  chunk.date[at] = place.date;
  chunk.symbol[at] = place.symbol;
  chunk.source_row[at] = source_row;
  if (!filling->touched) {
    filling->touched = true;
    touched_.push_back(filling);
  }
  unmapped_rows_ += place.symbol == SymbolIndex::kUnmapped;
  return ++chunk_records_ >= chunk_limit_ || fillings_.size() >= kMaxFillings;
}

arrow::Result<std::optional<BatchBuilder::Misfit>> BatchBuilder::Flush() {
  for (Filling* filling : touched_) {
    Chunk& chunk = filling->chunk;
    ColumnSet& columns = filling->columns;
    const auto added = static_cast<int64_t>(chunk.size);
    if (columns.rows() + added > options_.batch_rows) ARROW_RETURN_NOT_OK(GiveOut(*filling));
    const int64_t nulled = columns.nulled_times();
    const int64_t bytes = columns.bytes();
    ARROW_ASSIGN_OR_RAISE(auto misfit, columns.Append(chunk));
    if (misfit) {
      return Misfit{chunk.records[misfit->record], chunk.source_row[misfit->record], std::move(misfit->what)};
    }
    held_bytes_ += columns.bytes() - bytes;
    nulled_times_ += columns.nulled_times() - nulled;
    rows_[static_cast<int>(filling->kind)] += added;
    chunk.size = 0;
    filling->touched = false;
  }
  touched_.clear();
  chunk_records_ = 0;
  if (fillings_.size() >= kMaxFillings) {
    ARROW_RETURN_NOT_OK(Finish());
  } else if (fillings_.size() > 1 && held_bytes_ > options_.max_held_bytes) {
    ARROW_RETURN_NOT_OK(HoldWithinBudget());
  }
  return std::nullopt;
}

arrow::Status BatchBuilder::GiveOut(Filling& filling) {
  if (filling.columns.rows() == 0) return arrow::Status::OK();
  held_bytes_ -= filling.columns.bytes();
  Batch batch{filling.kind, nullptr, std::nullopt};
  ARROW_ASSIGN_OR_RAISE(batch.rows, filling.columns.Finish(symbols_));
  if (options_.split_by_symbol_and_date) {
    batch.group.emplace();
    if (filling.symbol != SymbolIndex::kUnmapped) batch.group->symbol = symbols_.symbol(filling.symbol);
    if (filling.date != SymbolIndex::kNoDate) batch.group->date = filling.date;
  }
  ready_.push_back(std::move(batch));
  return arrow::Status::OK();
}

// Gives out the larger half: one by one, the next chunk would be over the budget again.
arrow::Status BatchBuilder::HoldWithinBudget() {
  std::vector<Filling*> by_size;
  for (const auto& filling : fillings_) by_size.push_back(filling.get());
  std::sort(by_size.begin(), by_size.end(),
            [](const Filling* a, const Filling* b) { return a->columns.bytes() > b->columns.bytes(); });
  for (Filling* filling : by_size) {
    if (held_bytes_ <= options_.max_held_bytes / 2) break;
    ARROW_RETURN_NOT_OK(GiveOut(*filling));
  }
  return arrow::Status::OK();
}

arrow::Status BatchBuilder::Finish() {
  for (const auto& filling : fillings_) ARROW_RETURN_NOT_OK(GiveOut(*filling));
  fillings_.clear();
  recent_.fill(nullptr);
  by_group_.clear();
  return arrow::Status::OK();
}

std::optional<Batch> BatchBuilder::Take() {
  if (ready_.empty()) return std::nullopt;
  Batch batch = std::move(ready_.front());
  ready_.pop_front();
  return batch;
}

}  // namespace marquet::dbn
