// Whether a table is there, fresh and full enough: what a scheduler asks again and again.
//
// Of the log and, for the exact latest time, of the footers of few files. Data files are not read: that is
// Verify() (verify.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/file/file_system.h"

namespace marquet::jobs {

struct CheckTableOptions {
  std::string table;
  std::optional<int64_t> max_age_ms;  // of the latest time
  std::optional<int64_t> min_rows;
  std::string column;  // whose latest time counts; empty: "ts", or else the first timestamp column
};

struct TableCheck {
  std::string table;
  std::vector<std::string> problems;  // one sentence each; none: the table is as it should be
  bool opened = false;                // what follows is known where it is true
  int64_t version = -1;
  int64_t rows = 0, files = 0, bytes = 0;
  std::optional<__int128> latest_ns;  // nothing without a time column, or rows in it
  std::optional<double> age_seconds;  // of it; below 0 for a time that is to come

  bool ok() const { return problems.empty(); }
};

// What is wrong with the table is a problem and no error: that it is not there, cannot be read, holds fewer
// rows, or that its latest time is older than the age given. So is a latest time that lies further in the
// future than that age, or than a day: as long as it is there, no age says anything. `now_ns`: the time that
// ages are counted from. Errors: kInvalidInput for limits below 0, and for a column that the table lacks or
// that holds no times.
arrow::Result<TableCheck> CheckTable(const std::shared_ptr<file::FileSystem>& fs,
                                     const CheckTableOptions& options, int64_t now_ns);

std::string ToText(const TableCheck& check);  // one line
std::string ToJson(const TableCheck& check);
// Gauges in Prometheus' text format, each with the label `table`: marquet_table_up (opened),
// marquet_table_ok, and for a table that could be opened _version, _rows, _files, _bytes and, where there is
// a latest time, _latest_timestamp_seconds and _age_seconds.
std::string ToMetrics(const TableCheck& check);

}  // namespace marquet::jobs
