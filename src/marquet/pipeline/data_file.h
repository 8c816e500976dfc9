// The rows of one data file, with the columns that its partition tells.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/delta/log.h"
#include "marquet/file/file_system.h"

namespace marquet::pipeline {

// All rows of a file of the snapshot, in its order: the columns that it holds, behind them those that the
// table is partitioned by, which it does not hold. Of both only those that `wants` is true of. The table
// holds records: where a file is of no text of such a column but `symbol`, its rows have the empty text.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadDataFile(
    const std::shared_ptr<file::FileSystem>& fs, const std::string& table, const delta::Snapshot& snapshot,
    const delta::AddFile& file, const std::function<bool(const std::string& column)>& wants,
    int64_t batch_rows);

}  // namespace marquet::pipeline
