// What the log says of a data file's columns, held against the file. Internal to the room.
//
// A scan passes over a file whose bounds exclude what it looks for: a bound that is too narrow makes rows
// vanish from results without a word.
#pragma once

#include <string>
#include <vector>

#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "marquet/base/progress.h"
#include "marquet/delta/statistics.h"
#include "marquet/parquet/decode/reader.h"
#include "marquet/parquet/verify/verify.h"

namespace marquet::table {

// Adds damage of the region "log" for each column with a row that `log` excludes, and for each that the file
// lacks although `log` tells of values in it. Rows are read only of row groups whose own statistics do not
// rule such rows out: a full verify, which comes before, has held those against the values. `name`: of the
// file, for the report; `columns`: the
// table's.
arrow::Status CheckLogBounds(const pq::FileReader& file, const std::string& name,
                             const delta::FileStatistics& log, const arrow::Schema& columns,
                             const StopFlag* stop, std::vector<pq::Damage>* damage);

}  // namespace marquet::table
