#include "marquet/table/log_bounds_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "arrow/record_batch.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "marquet/base/text.h"
#include "marquet/predicate/predicate.h"
#include "marquet/schema/column_statistics.h"

namespace marquet::table {
namespace {

std::string TextOf(const std::shared_ptr<arrow::Scalar>& value) {
  return value == nullptr ? "unknown" : Quoted(value->ToString());
}

// The first row of a row group that the log excludes, as the end of a message; empty when there is none.
arrow::Result<std::string> FindExcluded(const pq::FileReader& file, int row_group, const std::string& column,
                                        const predicate::Predicate& excluded, const StopFlag* stop) {
  pq::ReadRequest request;
  request.columns = {column};
  request.parts = {{row_group, {}}};
  request.use_threads = false;  // files are checked side by side
  ARROW_ASSIGN_OR_RAISE(const auto rows, file.Read(std::move(request)));
  std::vector<uint8_t> outcomes;
  for (int64_t first = 0;;) {
    if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
    if (batch == nullptr) return std::string();
    ARROW_RETURN_NOT_OK(excluded.Evaluate(*batch, &outcomes));
    const auto found = std::find(outcomes.begin(), outcomes.end(), uint8_t{1});
    if (found != outcomes.end()) {
      const int64_t row = found - outcomes.begin();
      ARROW_ASSIGN_OR_RAISE(const auto value, batch->column(0)->GetScalar(row));
      return fmt::format("row {} of the row group holds {}", first + row,
                         value->is_valid ? TextOf(value) : "null");
    }
    first += batch->num_rows();
  }
}

}  // namespace

arrow::Status CheckLogBounds(const pq::FileReader& file, const std::string& name,
                             const delta::FileStatistics& log, const arrow::Schema& columns,
                             const StopFlag* stop, std::vector<pq::Damage>* damage) {
  for (size_t i = 0; i < log.holds_values.size(); ++i) {
    const std::string& column = columns.field(static_cast<int>(i))->name();
    if (!log.holds_values[i] || !file.schema()->GetAllFieldIndices(column).empty()) continue;
    damage->push_back({name, -1, column, -1, -1, 0, "log",
                       "the file has no such column, and the log tells of its values in the file"});
  }
  for (const schema::ColumnStatistics& said : log.columns) {
    const auto column = columns.GetFieldByName(said.name);
    const auto stored = file.schema()->GetFieldByName(said.name);
    // Bounds of a type that the file does not have are compared with what its values are read as.
    if (column == nullptr || stored == nullptr || !column->type()->Equals(*stored->type())) continue;
    const predicate::Predicate excluded = predicate::Predicate::Outside(*column, said);
    if (excluded.trivial()) continue;
    for (int group = 0; group < file.num_row_groups(); ++group) {
      const auto own = file.Statistics(group, said.name);
      const auto bounds = [&](const std::string&) { return own.ok() ? &*own : nullptr; };
      if (excluded.Prune(bounds, file.row_group_rows(group)) == predicate::Truth::kNever) continue;
      ARROW_ASSIGN_OR_RAISE(const std::string found, FindExcluded(file, group, said.name, excluded, stop));
      if (found.empty()) continue;
      damage->push_back(
          {name, group, said.name, -1, -1, 0, "log",
           fmt::format("{}; the log says that the file's values lie between {} and {}{}: a filter passes "
                       "over such rows",
                       found, TextOf(said.min), TextOf(said.max),
                       said.null_count == 0 ? ", and that none is null" : "")});
      break;
    }
  }
  return arrow::Status::OK();
}

}  // namespace marquet::table
