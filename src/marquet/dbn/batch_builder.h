// Records on their way into batches: sorted by kind, and by symbol and date when asked for, while they are
// still records, so that a row is moved once.
//
// What fills up is bounded: by ReadOptions::max_held_bytes over all batches, and by a number of groups; above
// either, batches are given out before they are full. Not thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "marquet/dbn/columns.h"
#include "marquet/dbn/reader.h"
#include "marquet/dbn/symbols.h"

namespace marquet::dbn {

// How the records of one kind look in this stream.
struct RecordFormat {
  RecordKind kind;
  int version;
  bool ts_out;
  int size;            // ts_out included
  int ts_recv_offset;  // -1: the kind has no receive time
};

// The time that a record's row goes by: ts_recv or, where its kind has none or it is undefined, ts_event.
// Nothing for a time that int64 cannot hold. `ts_recv_offset` as in RecordFormat.
inline std::optional<int64_t> TimeOf(const uint8_t* record, int ts_recv_offset) {
  constexpr uint64_t kTimeLimit = uint64_t{1} << 63;
  uint64_t nanos = kTimeLimit;
  if (ts_recv_offset >= 0) std::memcpy(&nanos, record + ts_recv_offset, sizeof(nanos));
  if (nanos >= kTimeLimit) std::memcpy(&nanos, record + 8, sizeof(nanos));
  if (nanos >= kTimeLimit) return std::nullopt;
  return static_cast<int64_t>(nanos);
}

class BatchBuilder {
 public:
  BatchBuilder(const ReadOptions& options, const SymbolIndex& symbols);

  // A record whose value no column can hold.
  struct Misfit {
    const uint8_t* record;
    int64_t source_row;
    std::string what;
  };

  // Adds a record; its bytes must stay where they are until the next Flush(). Once this returns true, Flush()
  // is due.
  arrow::Result<bool> Add(const uint8_t* record, const RecordFormat& format, int64_t source_row);
  // Moves the records added so far into columns. Nothing, or a record that does not fit, after which the
  // builder is of no use.
  arrow::Result<std::optional<Misfit>> Flush();
  // Gives out all that is filling up. To be called after Flush().
  arrow::Status Finish();

  // The next batch that is ready, if there is one.
  std::optional<Batch> Take();
  bool has_batch() const { return !ready_.empty(); }

  int64_t rows(RecordKind kind) const { return rows_[static_cast<int>(kind)]; }
  int64_t unmapped_rows() const { return unmapped_rows_; }
  int64_t nulled_times() const { return nulled_times_; }

 private:
  // Columns that are filling up, and the records of the current chunk that go there.
  struct Filling {
    ColumnSet columns;
    Chunk chunk;
    RecordKind kind;
    int32_t symbol, date;  // of its group
    bool touched = false;
  };
  struct Place {
    int64_t ts;
    int32_t date;
    int32_t symbol;
  };

  Place PlaceOf(const uint8_t* record, int ts_recv_offset);
  Filling* FillingFor(const RecordFormat& format, const Place& place);
  arrow::Status GiveOut(Filling& filling);
  arrow::Status HoldWithinBudget();

  const ReadOptions& options_;
  const SymbolIndex& symbols_;
  const size_t chunk_limit_;
  std::shared_ptr<BufferRecycler> recycler_;

  std::vector<std::unique_ptr<Filling>> fillings_;
  std::array<Filling*, 64> recent_{};  // by kind and symbol: what most records need
  std::unordered_map<uint64_t, std::vector<Filling*>> by_group_;
  std::vector<Filling*> touched_;
  size_t chunk_records_ = 0;
  int64_t held_bytes_ = 0;
  std::deque<Batch> ready_;

  std::array<int64_t, kKinds> rows_{};
  int64_t unmapped_rows_ = 0;
  int64_t nulled_times_ = 0;

  // The day of the last record, so that its date needs no division.
  int64_t day_start_ = 1, day_end_ = 0;
  int32_t day_ = 0;
};

}  // namespace marquet::dbn
