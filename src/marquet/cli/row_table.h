// Rows as an aligned table for people.
#pragma once

#include "arrow/status.h"
#include "marquet/cli/session.h"
#include "marquet/table/table.h"

namespace marquet::cli {

// Prints the first rows of a scan, 20 unless `options` has a limit, with a last line that says how many rows
// there are. Wide values are cut, and on a terminal columns that do not fit are left out, both marked with
// "...".
arrow::Status PrintRowTable(Session& session, const table::Table& table, table::ScanOptions options);

}  // namespace marquet::cli
