// The rows of one data file, with the columns that its partition tells.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/dbn/reader.h"
#include "marquet/delta/log.h"
#include "marquet/file/file_system.h"

namespace marquet::ledger {

// What the rows of a file are records of.
struct FileRecords {
  dbn::RecordKind kind;
  int version;  // of DBN
};

// All rows of a file of the snapshot, in its order: the columns that it holds, behind them those that the
// table is partitioned by, which it does not hold. Of both only those that `wants` is true of. The log spells
// the empty text and null alike: where a file is of no text of such a column, its rows have the empty text if
// their records have that field.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadDataFile(
    const std::shared_ptr<file::FileSystem>& fs, const std::string& table, const delta::Snapshot& snapshot,
    const delta::AddFile& file, const FileRecords& records,
    const std::function<bool(const std::string& column)>& wants, int64_t batch_rows);

}  // namespace marquet::ledger
