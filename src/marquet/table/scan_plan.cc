#include "marquet/table/scan_plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "arrow/array.h"
#include "arrow/compute/api_vector.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/schema/coercion.h"
#include "marquet/table/late_columns.h"
#include "marquet/table/predicate_node.h"

namespace marquet::table {
namespace {

// Bounds for pruning, of one row group: partition values are exact, columns that the file lacks are null.
class RowGroupBounds {
 public:
  RowGroupBounds(const ScanSpec& spec, const ScanFile& file, int row_group, int64_t rows)
      : spec_(spec), file_(file), row_group_(row_group), rows_(rows) {}

  const pq::ColumnStatistics* operator()(const std::string& name) {
    if (const auto known = known_.find(name); known != known_.end()) return &known->second;
    pq::ColumnStatistics statistics;
    statistics.name = name;
    if (const auto value = file_.partition.find(name); value != file_.partition.end()) {
      statistics.null_count = value->second->is_valid ? 0 : rows_;
      statistics.min = statistics.max = value->second;
      statistics.has_nan = IsNan(*value->second);
    } else if (file_.reader->schema()->GetFieldIndex(name) < 0) {
      statistics.null_count = rows_;
    } else {
      auto found = file_.reader->Statistics(row_group_, name);
      if (!found.ok()) return nullptr;  // damaged statistics only spare no work
      statistics = *std::move(found);
      if (!TypeIsStored(name)) statistics.min = statistics.max = nullptr;
    }
    return &known_.emplace(name, std::move(statistics)).first->second;
  }

  // A file may hold a column in a narrower type than the table: then its bounds say nothing here.
  bool TypeIsStored(const std::string& name) const {
    const auto stored = spec_.columns.stored->GetFieldByName(name);
    const auto in_file = file_.reader->schema()->GetFieldByName(name);
    return stored != nullptr && in_file != nullptr && stored->type()->Equals(*in_file->type());
  }

 private:
  const ScanSpec& spec_;
  const ScanFile& file_;
  const int row_group_;
  const int64_t rows_;
  std::map<std::string, pq::ColumnStatistics> known_;
};

// The rows of a row group that its page index cannot rule out; all of them as one range when it has none.
std::vector<pq::RowRange> MatchingRows(const ScanSpec& spec, const ScanPiece& piece) {
  const std::vector<pq::RowRange> everything = {{0, piece.rows}};
  RowGroupBounds whole(spec, *piece.file, piece.row_group, piece.rows);
  struct PagedColumn {
    std::vector<pq::PageBounds> pages;
    size_t at = 0;
  };
  std::map<std::string, PagedColumn> paged;
  std::vector<int64_t> borders = {0, piece.rows};
  for (const std::string& name : spec.columns.filter) {
    if (piece.file->partition.contains(name) || !whole.TypeIsStored(name)) continue;
    auto pages = piece.file->reader->Pages(piece.row_group, name);
    if (!pages.ok() || !*pages) continue;  // without an index, or with a damaged one, all rows are read
    for (const pq::PageBounds& page : **pages) borders.push_back(page.first_row);
    paged[name].pages = std::move(**pages);
  }
  if (paged.empty()) return everything;
  std::sort(borders.begin(), borders.end());
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());

  // Between two borders every column lies within one page.
  std::vector<pq::RowRange> ranges;
  for (size_t i = 0; i + 1 < borders.size(); ++i) {
    const int64_t begin = borders[i];
    const int64_t end = borders[i + 1];
    std::map<std::string, pq::ColumnStatistics> local;
    auto bounds = [&](const std::string& name) -> const pq::ColumnStatistics* {
      const auto found = paged.find(name);
      if (found == paged.end()) return whole(name);
      PagedColumn& column = found->second;
      while (column.at + 1 < column.pages.size() && column.pages[column.at + 1].first_row <= begin)
        ++column.at;
      const pq::PageBounds& page = column.pages[column.at];
      pq::ColumnStatistics& statistics = local[name];
      statistics = page.statistics;
      // Of the page's nulls, none or all or some may lie in this part of it.
      if (statistics.null_count == page.rows) {
        statistics.null_count = end - begin;
      } else if (statistics.null_count > 0) {
        statistics.null_count = -1;
      }
      return &statistics;
    };
    if (spec.where.Prune(bounds, end - begin) == Truth::kNever) continue;
    if (!ranges.empty() && ranges.back().end == begin) {
      ranges.back().end = end;
    } else {
      ranges.push_back({begin, end});
    }
  }
  return ranges;
}

// A column that a file lacks is null in its rows, since it came into the table later. But Marquet's files
// have no column that their table has not: where there is one, its name was damaged, and no null is the
// answer.
arrow::Status CheckMissing(const arrow::Schema& file, const arrow::Schema& table, const std::string& column,
                           const std::string& path) {
  for (const auto& field : file.fields()) {
    if (table.GetFieldByName(field->name()) != nullptr) continue;
    return CorruptData(
        fmt::format("{}: has no column {}, and one named {} that the table has not", path, Quoted(column),
                    Quoted(field->name())),
        "'marquet verify' tells whether the file is as it was written; bring it back from a copy.");
  }
  return arrow::Status::OK();
}

}  // namespace

ScanPieces::ScanPieces(std::shared_ptr<const ScanSpec> spec, std::shared_ptr<ScanCounters> counters)
    : ScanPieces(spec, std::move(counters), spec->index->Prune(spec->where)) {}

ScanPieces::ScanPieces(std::shared_ptr<const ScanSpec> spec, std::shared_ptr<ScanCounters> counters,
                       std::vector<FileIndex::Match> matches)
    : spec_(std::move(spec)), counters_(std::move(counters)), matches_(std::move(matches)) {
  counters_->files = static_cast<int64_t>(spec_->index->files().size());
}

int64_t ScanPieces::EstimatedRows() const {
  int64_t rows = 0;
  for (const FileIndex::Match& match : matches_) {
    if (match.file->add().stats.empty()) return INT64_MAX;
    rows += match.file->statistics(*spec_->index->data_schema()).rows.value_or(INT32_MAX);
  }
  return rows;
}

arrow::Status ScanPieces::OpenNextFile() {
  const FileIndex::Match& match = matches_[next_match_++];
  const delta::AddFile& add = match.file->add();
  auto file = std::make_shared<ScanFile>();
  ARROW_ASSIGN_OR_RAISE(const std::string path, DataFilePath(spec_->table->path, add.path));
  ARROW_ASSIGN_OR_RAISE(file->reader, spec_->table->readers.Open(path, add.size > 0 ? add.size : -1));
  const auto& partition_columns = spec_->index->snapshot().metadata.partition_columns;
  for (const auto& field : spec_->stored->fields()) {
    if (std::find(partition_columns.begin(), partition_columns.end(), field->name()) !=
        partition_columns.end()) {
      ARROW_ASSIGN_OR_RAISE(file->partition[field->name()],
                            spec_->index->PartitionValue(*match.file, field->name()));
    } else if (const auto in_file = file->reader->schema()->GetFieldByName(field->name());
               in_file != nullptr) {
      if (!schema::Convertible(*in_file->type(), *field)) {
        return CorruptData(path + ": column '" + field->name() + "' is " + in_file->type()->ToString() +
                           "; the table's is " + field->type()->ToString());
      }
      file->columns.push_back(field->name());
    } else if (file->reader->written_by_marquet()) {
      ARROW_RETURN_NOT_OK(
          CheckMissing(*file->reader->schema(), *spec_->index->snapshot().schema, field->name(), path));
    }
  }
  counters_->row_groups += file->reader->num_row_groups();
  file_ = std::move(file);
  file_truth_ = match.truth;
  file_counted_ = false;
  next_row_group_ = 0;
  return arrow::Status::OK();
}

arrow::Result<std::optional<ScanPiece>> ScanPieces::Next() {
  std::lock_guard lock(mutex_);
  while (true) {
    while (file_ == nullptr || next_row_group_ == file_->reader->num_row_groups()) {
      if (next_match_ == matches_.size()) return std::optional<ScanPiece>();
      ARROW_RETURN_NOT_OK(OpenNextFile());
    }
    ScanPiece piece;
    piece.file = file_;
    piece.row_group = next_row_group_++;
    piece.rows = file_->reader->row_group_rows(piece.row_group);
    piece.truth = file_truth_;
    if (piece.truth == Truth::kMaybe) {
      RowGroupBounds bounds(*spec_, *file_, piece.row_group, piece.rows);
      piece.truth = spec_->where.Prune([&](const std::string& name) { return bounds(name); }, piece.rows);
      // What another writer says of all rows is no reason to pass over them.
      if (piece.truth == Truth::kAlways && !file_->reader->written_by_marquet()) piece.truth = Truth::kMaybe;
    }
    if (piece.truth == Truth::kNever || piece.rows == 0) continue;
    ++counters_->row_groups_read;
    if (!file_counted_) ++counters_->files_read;
    file_counted_ = true;
    return std::optional<ScanPiece>(std::move(piece));
  }
}

arrow::Result<std::unique_ptr<PieceReader>> PieceReader::Open(std::shared_ptr<const ScanSpec> spec,
                                                              ScanPiece piece,
                                                              std::shared_ptr<ScanCounters> counters,
                                                              bool parallel) {
  std::unique_ptr<PieceReader> reader(
      new PieceReader(std::move(spec), std::move(piece), std::move(counters)));
  ARROW_RETURN_NOT_OK(reader->Start(parallel));
  return reader;
}

arrow::Status PieceReader::Start(bool parallel) {
  std::vector<pq::RowRange> ranges = {{0, piece_.rows}};
  if (piece_.truth == Truth::kMaybe) ranges = MatchingRows(*spec_, piece_);
  std::vector<std::string> columns;
  for (const std::string& name : piece_.file->columns) {
    if (spec_->stored->GetFieldIndex(name) >= 0) columns.push_back(name);
  }
  auto rows_in = [](const std::vector<pq::RowRange>& some) {
    int64_t rows = 0;
    for (const pq::RowRange& range : some) rows += range.end - range.begin;
    return rows;
  };
  if (piece_.truth == Truth::kMaybe && WorthNarrowing(*spec_, columns, rows_in(ranges))) {
    ARROW_ASSIGN_OR_RAISE(ranges, SelectedRanges(*spec_, piece_, ranges, parallel));
  }
  const int64_t rows = rows_in(ranges);
  counters_->rows_decoded += rows;
  if (columns.empty() || rows == 0) {
    rows_left_ = rows;
    return arrow::Status::OK();
  }
  pq::ReadRequest request;
  request.columns = std::move(columns);
  request.batch_rows = spec_->batch_rows;
  request.use_threads = parallel;
  if (rows == piece_.rows) ranges.clear();
  request.parts.push_back({piece_.row_group, std::move(ranges)});
  ARROW_ASSIGN_OR_RAISE(rows_, piece_.file->reader->Read(std::move(request)));
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> PieceReader::NextUnfiltered() {
  if (spec_->stop != nullptr) ARROW_RETURN_NOT_OK(spec_->stop->Check());
  std::shared_ptr<arrow::RecordBatch> batch;
  if (rows_ != nullptr) {
    do {
      ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch));
    } while (batch != nullptr && batch->num_rows() == 0);
  } else if (rows_left_ > 0) {
    const int64_t rows = std::min(rows_left_, spec_->batch_rows);
    rows_left_ -= rows;
    batch = arrow::RecordBatch::Make(arrow::schema({}), rows, arrow::ArrayVector{});
  }
  if (batch == nullptr) return batch;
  auto stored = StoredColumns(*batch, spec_->stored, piece_.file->partition);
  if (!stored.ok()) return WithContext(stored.status(), piece_.file->reader->path());
  return stored;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> PieceReader::Next() {
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto batch, NextUnfiltered());
    if (batch == nullptr || piece_.truth == Truth::kAlways) return batch;
    ARROW_RETURN_NOT_OK(spec_->where.Evaluate(*batch, &selected_));
    const int64_t kept = std::count(selected_.begin(), selected_.end(), uint8_t{1});
    if (kept == 0) continue;
    if (kept == batch->num_rows()) return batch;
    // Neighbours are sliced; anything else is gathered.
    const auto first = std::find(selected_.begin(), selected_.end(), uint8_t{1});
    if (std::find(first, selected_.end(), uint8_t{0}) - first >= kept) {
      return batch->Slice(first - selected_.begin(), kept);
    }
    arrow::Int32Builder indices;
    ARROW_RETURN_NOT_OK(indices.Reserve(kept));
    for (size_t i = 0; i < selected_.size(); ++i) {
      if (selected_[i] != 0) indices.UnsafeAppend(static_cast<int32_t>(i));
    }
    ARROW_ASSIGN_OR_RAISE(const auto taken, indices.Finish());
    ARROW_ASSIGN_OR_RAISE(const arrow::Datum gathered,
                          arrow::compute::Take(batch, taken, arrow::compute::TakeOptions::NoBoundsCheck()));
    return gathered.record_batch();
  }
}

arrow::Result<int64_t> PieceReader::Count() {
  int64_t count = 0;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, NextUnfiltered());
    if (batch == nullptr) return count;
    ARROW_RETURN_NOT_OK(spec_->where.Evaluate(*batch, &selected_));
    count += std::count(selected_.begin(), selected_.end(), uint8_t{1});
  }
}

}  // namespace marquet::table
