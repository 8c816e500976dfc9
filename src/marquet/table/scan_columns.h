// From the columns of a data file to the columns that a scan gives out: absent ones become null, partition
// values become columns, integers become times and prices.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/table/scan.h"

namespace marquet::table {

// The columns that a scan needs of every file, as the table's schema has them: what it gives out, then what
// only its filter and its order ask for.
struct ScanColumns {
  std::shared_ptr<arrow::Schema> stored;  // all of them, in the table's types
  std::shared_ptr<arrow::Schema> output;  // the first ones, in the types given out
  std::vector<std::string> filter;        // names of those that the filter needs
};

// kNotFound for a column that the table lacks.
arrow::Result<ScanColumns> ColumnsOfScan(const arrow::Schema& table, const ScanOptions& options);

// The stored columns of one file's batch. `partition` holds the scalars of partition columns by name.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> StoredColumns(
    const arrow::RecordBatch& from_file, const std::shared_ptr<arrow::Schema>& stored,
    const std::map<std::string, std::shared_ptr<arrow::Scalar>>& partition);

// The first columns of a stored batch in the types of `output`. Times are reinterpreted without a copy.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> OutputColumns(
    const arrow::RecordBatch& stored, const std::shared_ptr<arrow::Schema>& output);

}  // namespace marquet::table
