// A scan: which rows and columns of one version of a table, as a stream of record batches.
//
// Files are pruned by partition values and the log's statistics, row groups by the footer's, pages by the
// page index; what is left is filtered exactly. No directory is listed. Immutable; each stream belongs to one
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/base/progress.h"
#include "marquet/predicate/predicate.h"
#include "marquet/schema/units.h"

namespace marquet::table {

struct ScanOptions {
  std::vector<std::string> columns = {};  // empty: all of them, in the table's order
  predicate::Predicate where = {};
  std::optional<int64_t> start_ns = {};  // half-open range on the time column, the end after the start
  std::optional<int64_t> end_ns = {};
  std::string time_column = {};           // default: "ts" where present, else the first timestamp column
  std::vector<std::string> sort_by = {};  // ascending, nulls last, stable; empty: as stored
  std::optional<int64_t> limit = {};
  int64_t batch_rows = 0;  // at most; 0: MARQUET_SCAN_BATCH_SIZE, else 262,144
  // Bytes that a stream holds at most: what is being decoded, and what waits for its reader. Where they are
  // short, batches have fewer rows, and fewer threads run ahead; one batch of 1,024 rows always gets through.
  // What the reader has taken is its own, as are all the rows of ToTable() and of a sorted scan.
  int64_t memory = int64_t{512} << 20;
  schema::PriceForm price = schema::PriceForm::kStored;  // in the rows, and of numbers in `where`
  bool stored_types = false;  // leave int64 unit=ns columns as they are instead of timestamp[ns, UTC]
  bool use_threads = true;
  const StopFlag* stop = nullptr;
};

// What pruning left of the table, for `explain`, tests and reports.
struct ScanStatistics {
  int64_t files = 0, files_read = 0;
  int64_t row_groups = 0, row_groups_read = 0;
  int64_t rows_decoded = 0, rows_returned = 0;
  int64_t peak_bytes = 0;  // held at a time, of ScanOptions::memory
};

class Table;

class Scan {
 public:
  const std::shared_ptr<arrow::Schema>& schema() const;  // of the batches
  arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ToReader() const;
  arrow::Result<std::shared_ptr<arrow::Table>> ToTable() const;  // read in parallel
  arrow::Result<int64_t> Count() const;                          // out of statistics where they suffice
  // As of the last stream of this scan that ended.
  ScanStatistics statistics() const;

 private:
  friend class Table;
  struct Impl;
  explicit Scan(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace marquet::table
