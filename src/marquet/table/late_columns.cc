#include "marquet/table/late_columns.h"

#include <algorithm>

#include "arrow/type.h"

namespace marquet::table {
namespace {

constexpr int64_t kLeastRows = 1 << 15;
// Rows between two selected ones that are worth a range's end and another's start: about a page, below which
// no decoding is spared.
constexpr int64_t kGap = 1 << 14;

bool IsFilterColumn(const ScanSpec& spec, const std::string& name) {
  const auto& filter = spec.columns.filter;
  return std::find(filter.begin(), filter.end(), name) != filter.end();
}

}  // namespace

bool WorthNarrowing(const ScanSpec& spec, const std::vector<std::string>& columns, int64_t rows) {
  const auto of_filter = std::count_if(columns.begin(), columns.end(),
                                       [&](const std::string& name) { return IsFilterColumn(spec, name); });
  const auto others = static_cast<int64_t>(columns.size()) - of_filter;
  return rows >= kLeastRows && of_filter > 0 && others >= 3 * of_filter;
}

arrow::Result<std::vector<pq::RowRange>> SelectedRanges(const ScanSpec& spec, const ScanPiece& piece,
                                                        const std::vector<pq::RowRange>& ranges,
                                                        bool parallel) {
  pq::ReadRequest request;
  arrow::FieldVector fields;
  for (const std::string& name : spec.columns.filter)
    fields.push_back(spec.columns.stored->GetFieldByName(name));
  for (const std::string& name : piece.file->columns) {
    if (IsFilterColumn(spec, name)) request.columns.push_back(name);
  }
  request.parts.push_back({piece.row_group, ranges});
  request.batch_rows = spec.batch_rows;
  request.use_threads = parallel;
  const auto schema = arrow::schema(std::move(fields));
  ARROW_ASSIGN_OR_RAISE(const auto rows, piece.file->reader->Read(std::move(request)));

  std::vector<pq::RowRange> selected;
  std::vector<uint8_t> outcomes;
  size_t range = 0;
  int64_t row = ranges.empty() ? 0 : ranges[0].begin;  // of the next one that the stream gives
  while (true) {
    if (spec.stop != nullptr) ARROW_RETURN_NOT_OK(spec.stop->Check());
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
    if (batch == nullptr) return selected;
    ARROW_ASSIGN_OR_RAISE(batch, StoredColumns(*batch, schema, piece.file->partition));
    ARROW_RETURN_NOT_OK(spec.where.Evaluate(*batch, &outcomes));
    for (const uint8_t outcome : outcomes) {
      if (row == ranges[range].end) row = ranges[++range].begin;
      if (outcome != 0) {
        if (!selected.empty() && row - selected.back().end < kGap) {
          selected.back().end = row + 1;
        } else {
          selected.push_back({row, row + 1});
        }
      }
      ++row;
    }
  }
}

}  // namespace marquet::table
