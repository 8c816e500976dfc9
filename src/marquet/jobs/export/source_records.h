// The records of one source as they stood in its file, out of the files of a table.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "marquet/delta/log.h"
#include "marquet/file/file_system.h"
#include "marquet/ledger/data_file.h"

namespace marquet::jobs {

// Calls `sink` with batches that hold all rows of the files, which are `records`, in the order of
// `source_row`, with the columns of their records, whatever the table is partitioned by; without symbol and
// date. Memory: a batch of each file; where `sorted` is false, each file as a whole.
arrow::Status ForEachInSourceOrder(const std::shared_ptr<file::FileSystem>& fs, const std::string& table,
                                   const delta::Snapshot& snapshot,
                                   const std::vector<std::shared_ptr<const delta::AddFile>>& files,
                                   const ledger::FileRecords& records, bool sorted,
                                   const std::function<arrow::Status(const arrow::RecordBatch&)>& sink);

}  // namespace marquet::jobs
