// Joins columns that are decoded each on its own into record batches.
#pragma once

#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/column_stream_internal.h"

namespace marquet::pq {

// The batches that a read gives out: of one part each, at most `batch_rows` long, without rows not asked for.
// kInvalidInput for ranges that overlap, descend, or leave their row group.
arrow::Result<std::vector<Piece>> PlanPieces(const ReadSource& source);

// With `use_threads` every column runs ahead of the reader by a batch or two, each on one thread at a
// time, so that columns of different cost keep all threads busy and decoding overlaps the caller's own work.
std::shared_ptr<arrow::RecordBatchReader> MakeBatchStream(std::shared_ptr<const ReadSource> source,
                                                          std::shared_ptr<arrow::Schema> schema,
                                                          std::vector<std::unique_ptr<ColumnStream>> columns,
                                                          std::vector<Piece> pieces, bool use_threads);

}  // namespace marquet::pq
