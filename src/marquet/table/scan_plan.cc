#include "marquet/table/scan_plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "arrow/array.h"
#include "arrow/compute/api_vector.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/predicate/predicate_node.h"
#include "marquet/schema/coercion.h"
#include "marquet/schema/column_statistics.h"
#include "marquet/table/batch_bytes_internal.h"
#include "marquet/table/data_file_path.h"

namespace marquet::table {
namespace {

// Bounds for pruning, of one row group: partition values are exact, columns that the file lacks are null.
class RowGroupBounds {
 public:
  RowGroupBounds(const ScanSpec& spec, const ScanFile& file, int row_group, int64_t rows)
      : spec_(spec), file_(file), row_group_(row_group), rows_(rows) {}

  const schema::ColumnStatistics* operator()(const std::string& name) {
    if (const auto known = known_.find(name); known != known_.end()) return &known->second;
    schema::ColumnStatistics statistics;
    statistics.name = name;
    if (const auto value = file_.partition.find(name); value != file_.partition.end()) {
      statistics.null_count = value->second->is_valid ? 0 : rows_;
      statistics.min = statistics.max = value->second;
      statistics.has_nan = predicate::IsNan(*value->second);
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
  std::map<std::string, schema::ColumnStatistics> known_;
};

constexpr int64_t kLeastBatchRows = 1024;

int64_t RowsIn(const std::vector<pq::RowRange>& ranges) {
  int64_t rows = 0;
  for (const pq::RowRange& range : ranges) rows += range.end - range.begin;
  return rows;
}

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
    std::map<std::string, schema::ColumnStatistics> local;
    auto bounds = [&](const std::string& name) -> const schema::ColumnStatistics* {
      const auto found = paged.find(name);
      if (found == paged.end()) return whole(name);
      PagedColumn& column = found->second;
      while (column.at + 1 < column.pages.size() && column.pages[column.at + 1].first_row <= begin)
        ++column.at;
      const pq::PageBounds& page = column.pages[column.at];
      schema::ColumnStatistics& statistics = local[name];
      statistics = page.statistics;
      // Of the page's nulls, none or all or some may lie in this part of it.
      if (statistics.null_count == page.rows) {
        statistics.null_count = end - begin;
      } else if (statistics.null_count > 0) {
        statistics.null_count = -1;
      }
      return &statistics;
    };
    if (spec.where.Prune(bounds, end - begin) == predicate::Truth::kNever) continue;
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

// Whether the log says that not all rows of a file are null in a column.
bool ScanPieces::TellsOfValues(const FileIndex::Match& match, const std::string& column) const {
  const arrow::Schema& schema = *spec_->index->data_schema();
  const int place = schema.GetFieldIndex(column);
  const std::vector<bool>& holds_values = match.file->statistics(schema).holds_values;
  return place >= 0 && static_cast<size_t>(place) < holds_values.size() &&
         holds_values[static_cast<size_t>(place)];
}

arrow::Result<std::shared_ptr<const ScanFile>> ScanPieces::OpenFile(const FileIndex::Match& match) const {
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
    } else {
      if (file->reader->written_by_marquet()) {
        ARROW_RETURN_NOT_OK(
            CheckMissing(*file->reader->schema(), *spec_->index->snapshot().schema, field->name(), path));
      }
      if (TellsOfValues(match, field->name())) {
        return CorruptData(
            fmt::format("{}: has no column {}, and the log tells of its values in the file", path,
                        Quoted(field->name())),
            "'marquet verify' tells whether the file is as it was written; bring it back from a copy.");
      }
    }
  }
  counters_->row_groups += file->reader->num_row_groups();
  return file;
}

arrow::Result<std::vector<ScanPiece>> ScanPieces::Open(size_t number) const {
  const FileIndex::Match& match = matches_[number];
  ARROW_ASSIGN_OR_RAISE(const auto file, OpenFile(match));
  std::vector<ScanPiece> pieces;
  for (int group = 0; group < file->reader->num_row_groups(); ++group) {
    ScanPiece piece{file, group, file->reader->row_group_rows(group), match.truth};
    if (piece.truth == predicate::Truth::kMaybe) {
      RowGroupBounds bounds(*spec_, *file, group, piece.rows);
      piece.truth = spec_->where.Prune([&](const std::string& name) { return bounds(name); }, piece.rows);
      // What another writer says of all rows is no reason to pass over them.
      if (piece.truth == predicate::Truth::kAlways && !file->reader->written_by_marquet())
        piece.truth = predicate::Truth::kMaybe;
    }
    if (piece.truth != predicate::Truth::kNever && piece.rows > 0) pieces.push_back(std::move(piece));
  }
  return pieces;
}

void ScanPieces::Count(const ScanPiece& piece) const {
  ++counters_->row_groups_read;
  if (!piece.file->counted.exchange(true)) ++counters_->files_read;
}

arrow::Result<std::optional<ScanPiece>> ScanPieces::Next() {
  while (next_piece_ == pieces_.size()) {
    if (next_file_ == files()) return std::optional<ScanPiece>();
    ARROW_ASSIGN_OR_RAISE(pieces_, Open(next_file_++));
    next_piece_ = 0;
  }
  auto piece = std::optional<ScanPiece>(std::move(pieces_[next_piece_++]));
  Count(*piece);
  return piece;
}

int64_t PieceCost::RowsWithin(int64_t bytes, int64_t most) const {
  return std::min(most, std::max(kLeastBatchRows, bytes / std::max<int64_t>(row_bytes, 1)));
}

arrow::Result<std::unique_ptr<PieceReader>> PieceReader::Open(std::shared_ptr<const ScanSpec> spec,
                                                              ScanPiece piece,
                                                              std::shared_ptr<ScanCounters> counters) {
  std::unique_ptr<PieceReader> reader(
      new PieceReader(std::move(spec), std::move(piece), std::move(counters)));
  ARROW_RETURN_NOT_OK(reader->Plan());
  return reader;
}

arrow::Status PieceReader::Plan() {
  ranges_ = {{0, piece_.rows}};
  if (piece_.truth == predicate::Truth::kMaybe) ranges_ = MatchingRows(*spec_, piece_);
  for (const std::string& name : piece_.file->columns) {
    if (spec_->stored->GetFieldIndex(name) >= 0) columns_.push_back(name);
  }
  const int64_t rows = rows_at_most_ = RowsIn(ranges_);
  narrow_ = piece_.truth == predicate::Truth::kMaybe && WorthNarrowing(*spec_, columns_, rows);
  for (const std::string& name : columns_) {
    ARROW_ASSIGN_OR_RAISE(const pq::ColumnSize size, piece_.file->reader->SizeOf(piece_.row_group, name));
    const double part = static_cast<double>(rows) / static_cast<double>(piece_.rows);
    cost_.open_bytes += static_cast<int64_t>(static_cast<double>(size.compressed) * part);
    if (narrow_ && IsFilterColumn(*spec_, name)) {
      cost_.open_bytes +=
          static_cast<int64_t>(static_cast<double>(size.row_bytes) * static_cast<double>(rows));
    }
    cost_.row_bytes += size.row_bytes;
  }
  cost_.row_bytes += 1;
  if (piece_.truth == predicate::Truth::kMaybe)
    cost_.row_bytes *= 2;  // what is selected is gathered from what is decoded
  return arrow::Status::OK();
}

arrow::Status PieceReader::Start(int64_t batch_rows, bool parallel) {
  batch_rows_ = batch_rows;
  std::vector<std::string> columns = columns_;
  if (narrow_) {
    ARROW_ASSIGN_OR_RAISE(late_, SelectedRanges(*spec_, piece_, ranges_, batch_rows, parallel));
    ranges_.clear();
    for (const LateRange& late : late_) ranges_.push_back(late.rows);
    std::erase_if(columns, [&](const std::string& name) { return IsFilterColumn(*spec_, name); });
  }
  const int64_t rows = RowsIn(ranges_);
  counters_->rows_decoded += rows;
  if (columns.empty() || rows == 0) {
    rows_left_ = rows;
    return arrow::Status::OK();
  }
  pq::ReadRequest request;
  request.columns = std::move(columns);
  request.batch_rows = batch_rows;
  request.use_threads = parallel;
  // Each of the late ones is a batch, also where they are all of the rows.
  if (rows == piece_.rows && !narrow_) ranges_.clear();
  request.parts.push_back({piece_.row_group, std::move(ranges_)});
  ARROW_ASSIGN_OR_RAISE(rows_, piece_.file->reader->Read(std::move(request)));
  return arrow::Status::OK();
}

// The next rows as they lie in the file, with the outcomes of the filter where it was asked before.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> PieceReader::Decoded() {
  std::shared_ptr<arrow::RecordBatch> batch;
  if (rows_ == nullptr) {
    if (rows_left_ == 0) return batch;
    const int64_t rows = std::min(rows_left_, batch_rows_);
    rows_left_ -= rows;
    return arrow::RecordBatch::Make(arrow::schema({}), rows, arrow::ArrayVector{});
  }
  do {
    ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch));
  } while (batch != nullptr && batch->num_rows() == 0);
  if (batch == nullptr || !narrow_) return batch;
  LateRange late = std::move(late_[next_late_++]);
  arrow::FieldVector fields = batch->schema()->fields();
  arrow::ArrayVector columns = batch->columns();
  for (int i = 0; i < late.filter_columns->num_columns(); ++i) {
    fields.push_back(late.filter_columns->schema()->field(i));
    columns.push_back(late.filter_columns->column(i));
  }
  selected_ = std::move(late.selected);
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), batch->num_rows(), std::move(columns));
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> PieceReader::NextUnfiltered() {
  if (spec_->stop != nullptr) ARROW_RETURN_NOT_OK(spec_->stop->Check());
  ARROW_ASSIGN_OR_RAISE(const auto batch, Decoded());
  if (batch == nullptr) return batch;
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, BytesOf(*batch));
  seen_row_bytes_ = std::max(seen_row_bytes_, bytes / batch->num_rows());
  auto stored = StoredColumns(*batch, spec_->stored, piece_.file->partition);
  if (!stored.ok()) return WithContext(stored.status(), piece_.file->reader->path());
  return stored;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> PieceReader::Next() {
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto batch, NextUnfiltered());
    if (batch == nullptr || piece_.truth == predicate::Truth::kAlways) return batch;
    if (!narrow_) ARROW_RETURN_NOT_OK(spec_->where.Evaluate(*batch, &selected_));
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
