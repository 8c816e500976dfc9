// The statistics string of an add action, to and from column bounds. Source: the Delta Transaction Log
// Protocol, "Per-file Statistics".
//
// Written: numRecords, minValues, maxValues, nullCount. Bounds are truncated the way the protocol lets
// readers expect: timestamps to milliseconds (so a reader widens a max by one millisecond), strings to 32
// code points (max rounded up). Dates and times outside the years 0001 to 9999 have none.
//
// What another writer wrote is not taken at its word: its bounds are widened by what writers are known to
// lose (doubted_bounds.h), its null counts are not believed (deltalake writes 0 where a Parquet file has
// none; those of Parquet footers are not, either: pq::Doubted), and its statistics never decide about rows
// that nobody has looked at.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/delta/actions.h"
#include "marquet/schema/column_statistics.h"

namespace marquet::delta {

// The tag of an add action that holds the XXH3-128 of its file. Only Marquet writes it, and it stays with the
// statistics through the checkpoints of other engines.
inline constexpr const char* kDigestTag = "marquet.digest";

enum class StatisticsWriter { kMarquet, kOther };

struct FileStatistics {
  std::optional<int64_t> rows;
  // Whether "every row matches", a count of rows or an empty file may be concluded from these statistics.
  bool decide = false;
  // In the schema's order; columns without statistics are absent. Bounds are already widened for what was
  // truncated.
  std::vector<schema::ColumnStatistics> columns;
  // By the schema's columns: whether some row of the file is not null there, by a bound or by fewer nulls
  // than rows. Said by any writer: none tells it of a column that it did not write.
  std::vector<bool> holds_values;
};

std::string StatisticsToJson(int64_t rows, const std::vector<schema::ColumnStatistics>& columns);

// Those of a live file. Errors as below.
arrow::Result<FileStatistics> StatisticsOf(const AddFile& file, const arrow::Schema& schema);

// numRecords as the log spells it, where that is no number of rows that a file can have. Nothing when it is
// one, or is not there.
std::optional<std::string> WrongRowCount(const AddFile& file);

// Unknown or ill-typed entries are left out (no bound is always safe); kCorruptData when the text is not
// JSON.
arrow::Result<FileStatistics> StatisticsFromJson(std::string_view json, const arrow::Schema& schema,
                                                 StatisticsWriter writer);

}  // namespace marquet::delta
