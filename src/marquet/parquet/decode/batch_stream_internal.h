// Joins columns that are decoded each on its own into record batches.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/decode/column_stream_internal.h"

namespace marquet::pq {

// Rows cut into pieces, each made when it is asked for: how many rows there are is no more than a footer's
// claim.
class PiecePlan {
 public:
  // Of at most `batch_rows`, and kMostBatchRows.
  explicit PiecePlan(int64_t batch_rows) : batch_rows_(std::min(batch_rows, kMostBatchRows)) {}

  // Rows of a part, behind those that were added before.
  void Add(int part, RowRange rows);

  int64_t size() const { return size_; }
  Piece At(int64_t number) const;  // from 0 to size

 private:
  struct Stretch {
    int64_t first = 0;  // number of its first piece
    int part = 0;
    RowRange rows;
  };

  int64_t batch_rows_;
  int64_t size_ = 0;
  std::vector<Stretch> stretches_;
};

// The batches that a read gives out: of one part each, without rows not asked for. kInvalidInput for ranges
// that overlap, descend, or leave their row group.
arrow::Result<PiecePlan> PlanPieces(const ReadSource& source);

// With `use_threads` every column runs ahead of the reader by a batch or two, each on one thread at a
// time, so that columns of different cost keep all threads busy and decoding overlaps the caller's own work.
std::shared_ptr<arrow::RecordBatchReader> MakeBatchStream(std::shared_ptr<const ReadSource> source,
                                                          std::shared_ptr<arrow::Schema> schema,
                                                          std::vector<std::unique_ptr<ColumnStream>> columns,
                                                          PiecePlan pieces, bool use_threads);

}  // namespace marquet::pq
