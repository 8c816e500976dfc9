// The largest time in a table, out of statistics. Internal to the room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "marquet/table/file_index.h"
#include "marquet/table/table_state.h"

namespace marquet::table {

// In nanoseconds, of any year; nothing when no row has one. The log's statistics say which files can hold it
// (they round times to milliseconds), the footers of those few say it exactly, or their rows where another
// writer made the file. kNotFound for an unknown column, kInvalidInput for one that holds no times.
arrow::Result<std::optional<__int128>> LatestOf(TableState& table, const FileIndex& index,
                                                const std::string& column);

}  // namespace marquet::table
