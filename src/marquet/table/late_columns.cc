#include "marquet/table/late_columns.h"

#include <algorithm>

#include <fmt/format.h>

#include "arrow/array/concatenate.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/table/scan_plan.h"

namespace marquet::table {
namespace {

constexpr int64_t kLeastRows = 1 << 15;
// Rows between two selected ones that are worth a range's end and another's start: about a page, below which
// no decoding is spared.
constexpr int64_t kGap = 1 << 14;

// The selected rows of a batch whose first row is `first` of the row group, as ranges.
std::vector<LateRange> RangesOf(const std::vector<uint8_t>& outcomes, int64_t first) {
  std::vector<LateRange> ranges;
  for (int64_t i = 0; i < static_cast<int64_t>(outcomes.size()); ++i) {
    if (outcomes[i] == 0) continue;
    const int64_t row = first + i;
    if (!ranges.empty() && row - ranges.back().rows.end < kGap) {
      ranges.back().rows.end = row + 1;
    } else {
      ranges.push_back({.rows = {row, row + 1}});
    }
  }
  return ranges;
}

// Rows of a batch without the memory of the others.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> Copied(const arrow::RecordBatch& rows) {
  arrow::ArrayVector columns;
  for (const auto& column : rows.columns()) {
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), arrow::Concatenate({column}));
  }
  return arrow::RecordBatch::Make(rows.schema(), rows.num_rows(), std::move(columns));
}

}  // namespace

bool IsFilterColumn(const ScanSpec& spec, const std::string& name) {
  const auto& filter = spec.columns.filter;
  return std::find(filter.begin(), filter.end(), name) != filter.end();
}

bool WorthNarrowing(const ScanSpec& spec, const std::vector<std::string>& columns, int64_t rows) {
  const auto of_filter = std::count_if(columns.begin(), columns.end(),
                                       [&](const std::string& name) { return IsFilterColumn(spec, name); });
  const auto others = static_cast<int64_t>(columns.size()) - of_filter;
  return rows >= kLeastRows && of_filter > 0 && others >= 3 * of_filter;
}

arrow::Result<std::vector<LateRange>> SelectedRanges(const ScanSpec& spec, const ScanPiece& piece,
                                                     const std::vector<pq::RowRange>& ranges,
                                                     int64_t batch_rows, bool parallel) {
  pq::ReadRequest request;
  arrow::FieldVector fields;
  for (const std::string& name : spec.columns.filter)
    fields.push_back(spec.columns.stored->GetFieldByName(name));
  for (const std::string& name : piece.file->columns) {
    if (IsFilterColumn(spec, name)) request.columns.push_back(name);
  }
  request.parts.push_back({piece.row_group, ranges});
  request.batch_rows = batch_rows;
  request.use_threads = parallel;
  const auto schema = arrow::schema(std::move(fields));
  ARROW_ASSIGN_OR_RAISE(const auto rows, piece.file->reader->Read(std::move(request)));

  std::vector<LateRange> selected;
  std::vector<uint8_t> outcomes;
  size_t range = 0;
  int64_t row = 0;  // of the next one that the stream gives
  while (true) {
    if (spec.stop != nullptr) ARROW_RETURN_NOT_OK(spec.stop->Check());
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
    if (batch == nullptr) return selected;
    if (batch->num_rows() == 0) continue;
    while (row >= ranges[range].end) ++range;
    row = std::max(row, ranges[range].begin);
    ARROW_ASSIGN_OR_RAISE(const auto stored, StoredColumns(*batch, schema, piece.file->partition));
    ARROW_RETURN_NOT_OK(spec.where.Evaluate(*stored, &outcomes));
    std::vector<LateRange> found = RangesOf(outcomes, row);
    int64_t kept = 0;
    for (const LateRange& one : found) kept += one.rows.end - one.rows.begin;
    const bool most = 2 * kept >= batch->num_rows();
    for (LateRange& one : found) {
      const int64_t begin = one.rows.begin - row;
      const int64_t end = one.rows.end - row;
      one.filter_columns = batch->Slice(begin, end - begin);
      if (!most) {
        ARROW_ASSIGN_OR_RAISE(one.filter_columns, Copied(*one.filter_columns));
      }
      one.selected.assign(outcomes.begin() + begin, outcomes.begin() + end);
      selected.push_back(std::move(one));
    }
    row += batch->num_rows();
  }
}

}  // namespace marquet::table
