#include "marquet/sampling/book_sequence.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/parquet/decode/reader.h"
#include "marquet/schema/units.h"
#include "marquet/table/scan_columns.h"

namespace marquet::sampling {

std::set<std::string> BookSources(const table::Table& book) {
  std::set<std::string> sources;
  for (const auto& file : book.snapshot()->files) sources.insert(SourceOf(*file));
  return sources;
}

arrow::Result<std::string> TimeColumn(const table::Table& book) {
  for (const char* name : {"ts_recv", "ts_event"}) {
    const auto field = book.schema()->GetFieldByName(name);
    if (field && field->type()->id() == arrow::Type::INT64) return name;
  }
  return SchemaError(
      fmt::format("{}: there is neither ts_recv nor ts_event; expected order-book rows", book.path()));
}

arrow::Result<std::vector<std::string>> BookSymbols(const table::Table& book,
                                                    const std::vector<std::string>& filter) {
  const auto snapshot = book.snapshot();
  std::set<std::string> symbols;
  if (PartitionedBySymbol(*snapshot)) {
    for (const auto& file : snapshot->files) {
      const auto value = file->partition_values.find("symbol");
      if (value != file->partition_values.end() && value->second) symbols.insert(*value->second);
    }
  } else {
    table::ScanOptions options;
    options.columns = {"symbol"};
    ARROW_ASSIGN_OR_RAISE(const auto scan, book.NewScan(std::move(options)));
    ARROW_ASSIGN_OR_RAISE(const auto reader, scan.ToReader());
    for (;;) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
      if (!batch) break;
      ARROW_ASSIGN_OR_RAISE(const auto column, arrow::compute::Cast(*batch->column(0), arrow::utf8()));
      const auto& text = static_cast<const arrow::StringArray&>(*column);
      for (int64_t i = 0; i < text.length(); ++i) {
        if (text.IsValid(i) && (i == 0 || text.IsNull(i - 1) || text.GetView(i) != text.GetView(i - 1))) {
          symbols.insert(text.GetString(i));
        }
      }
    }
  }
  if (filter.empty()) return std::vector<std::string>(symbols.begin(), symbols.end());
  for (const std::string& wanted : filter) {
    if (!symbols.count(wanted)) {
      return NotFound(fmt::format(
          "{}: no rows of the symbol {}; there are {} symbols{}", book.path(), Quoted(wanted), symbols.size(),
          symbols.empty() ? std::string() : ", " + Quoted(*symbols.begin()) + " the first"));
    }
  }
  const std::set<std::string> wanted(filter.begin(), filter.end());
  return std::vector<std::string>(wanted.begin(), wanted.end());
}

arrow::Result<BookSequence> BookSequence::Open(const table::Table& book, const std::string& symbol,
                                               std::vector<std::string> columns, const StopFlag* stop,
                                               const predicate::Predicate& where) {
  ARROW_ASSIGN_OR_RAISE(auto files, BookFiles::Of(book));
  return Open(book, std::move(files), symbol, std::move(columns), stop, where);
}

arrow::Result<BookSequence> BookSequence::Open(const table::Table& book, std::shared_ptr<BookFiles> files,
                                               const std::string& symbol, std::vector<std::string> columns,
                                               const StopFlag* stop, const predicate::Predicate& where) {
  BookSequence sequence;
  sequence.book_files_ = std::move(files);
  sequence.symbol_ = symbol;
  sequence.stop_ = stop;
  sequence.filter_symbol_ = !PartitionedBySymbol(*book.snapshot());
  if (std::find(columns.begin(), columns.end(), "source_row") == columns.end())
    columns.push_back("source_row");
  std::vector<std::string> needed = columns;
  if (sequence.filter_symbol_) needed.emplace_back("symbol");
  for (const std::string& column : needed) {
    if (!book.schema()->GetFieldByName(column)) {
      return SchemaError(
          fmt::format("{}: there is no column {}", book.path(), column),
          "Depth samples are made of ten-level book rows (Databento's mbp-10) that Marquet ingested.");
    }
  }
  if (book.schema()->GetFieldByName("source_row")->type()->id() != arrow::Type::INT64) {
    return SchemaError(fmt::format("{}: source_row is of type {}; expected int64", book.path(),
                                   book.schema()->GetFieldByName("source_row")->type()->ToString()));
  }
  ARROW_ASSIGN_OR_RAISE(sequence.where_,
                        where.Bind(*book.schema(), schema::PriceForm::kStored, predicate::Doubt::kTaken));
  sequence.Choose(book, std::move(columns));
  ARROW_ASSIGN_OR_RAISE(const auto with, sequence.book_files_->With(symbol, stop));
  for (const BookFile* const file : with) {
    sequence.rows_at_most_ += file->rows.value_or(0);
    sequence.files_.push_back({file, file->first_time, file->first_row});
  }
  sequence.SortFiles();
  // Else all rows of a file are part of the sequence, and its statistics are theirs.
  const bool partly = sequence.filter_symbol_ || !sequence.where_.trivial();
  if (partly) ARROW_RETURN_NOT_OK(sequence.PlaceInterleaved(book));
  return sequence;
}

void BookSequence::Choose(const table::Table& book, std::vector<std::string> columns) {
  columns_ = columns;
  for (const std::string& column : where_.columns()) columns.push_back(column);
  if (filter_symbol_) columns.push_back("symbol");
  const auto& partition = book.snapshot()->metadata.partition_columns;
  arrow::FieldVector fields;
  read_.clear();
  for (const std::string& column : columns) {
    const auto known = [&](const auto& field) { return field->name() == column; };
    if (std::any_of(fields.begin(), fields.end(), known)) continue;
    fields.push_back(book.schema()->GetFieldByName(column));
    if (std::find(partition.begin(), partition.end(), column) == partition.end()) read_.push_back(column);
  }
  stored_ = arrow::schema(std::move(fields));
}

void BookSequence::SortFiles() {
  std::sort(files_.begin(), files_.end(), [](const File& a, const File& b) {
    return std::tie(a.first_time, a.told->source, a.first_row, a.told->path) <
           std::tie(b.first_time, b.told->source, b.first_row, b.told->path);
  });
}

// Statistics are those of all rows of a file: of two that interleave, the one that begins first may hold the
// later rows of the symbol. Only such files are looked into, as far as their first row of the sequence.
arrow::Status BookSequence::PlaceInterleaved(const table::Table& book) {
  auto columns = columns_;
  Choose(book, {book_files_->time_column(), "source_row"});
  for (size_t begin = 0, end = 0; begin < files_.size(); begin = end) {
    int64_t reach = files_[begin].told->last_time;
    for (end = begin + 1; end < files_.size() && files_[end].told->first_time <= reach; ++end) {
      reach = std::max(reach, files_[end].told->last_time);
    }
    if (end - begin == 1) continue;
    for (next_ = begin; next_ < end; ++next_) {
      ARROW_RETURN_NOT_OK(OpenFile());
      std::shared_ptr<arrow::RecordBatch> rows;
      do {
        if (stop_) ARROW_RETURN_NOT_OK(stop_->Check());
        ARROW_RETURN_NOT_OK(reader_->ReadNext(&rows));
        if (!rows) break;
        ARROW_ASSIGN_OR_RAISE(rows, Select(std::move(rows)));
      } while (rows->num_rows() == 0);
      if (!rows) continue;  // it has no row of the sequence
      const auto first = [&](int column, int64_t* value) {
        const auto& values = *rows->column(column);
        if (values.type_id() != arrow::Type::INT64 || values.IsNull(0)) return;  // Next() tells
        *value = static_cast<const arrow::Int64Array&>(values).Value(0);
      };
      first(0, &files_[next_].first_time);
      first(1, &files_[next_].first_row);
    }
  }
  next_ = 0;
  reader_.reset();
  Choose(book, std::move(columns));
  SortFiles();
  return arrow::Status::OK();
}

arrow::Status BookSequence::OpenFile() {
  ARROW_ASSIGN_OR_RAISE(const auto opened, book_files_->Open(*files_[next_].told));
  pq::ReadRequest request;
  request.columns = read_;
  request.batch_rows = 131'072;
  for (int group = 0; group < opened->num_row_groups(); ++group) {
    if (filter_symbol_) {
      ARROW_ASSIGN_OR_RAISE(const auto bounds, opened->Statistics(group, "symbol"));
      const arrow::StringScalar wanted(symbol_);
      const auto text = [](const arrow::Scalar& scalar) {
        return static_cast<const arrow::BaseBinaryScalar&>(scalar).view();
      };
      if (bounds.min && bounds.max && arrow::is_base_binary_like(bounds.min->type->id()) &&
          (text(*bounds.max) < symbol_ || text(*bounds.min) > symbol_)) {
        continue;
      }
    }
    request.parts.push_back({group, {}});
  }
  last_source_row_ = -1;
  ARROW_ASSIGN_OR_RAISE(reader_, opened->Read(std::move(request)));
  return arrow::Status::OK();
}

// The rows of the symbol for which the filter is true, in columns_ and the table's types.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> BookSequence::Select(
    std::shared_ptr<arrow::RecordBatch> rows) const {
  const BookFile& file = *files_[next_].told;
  auto stored = table::StoredColumns(*rows, stored_, file.partition);
  if (!stored.ok()) return WithContext(stored.status(), file.path);
  rows = *std::move(stored);
  if (filter_symbol_) {
    const auto symbols = rows->GetColumnByName("symbol");
    ARROW_ASSIGN_OR_RAISE(const auto text, arrow::compute::Cast(*symbols, arrow::utf8()));
    ARROW_ASSIGN_OR_RAISE(const auto chosen,
                          arrow::compute::CallFunction("equal", {text, arrow::MakeScalar(symbol_)}));
    ARROW_ASSIGN_OR_RAISE(const auto filtered, arrow::compute::Filter(rows, chosen));
    rows = filtered.record_batch();
  }
  if (!where_.trivial() && rows->num_rows() > 0) {
    std::vector<uint8_t> selected;
    ARROW_RETURN_NOT_OK(where_.Evaluate(*rows, &selected));
    arrow::BooleanBuilder builder;
    ARROW_RETURN_NOT_OK(builder.AppendValues(selected.data(), static_cast<int64_t>(selected.size())));
    ARROW_ASSIGN_OR_RAISE(const auto mask, builder.Finish());
    ARROW_ASSIGN_OR_RAISE(const auto filtered, arrow::compute::Filter(rows, mask));
    rows = filtered.record_batch();
  }
  std::vector<int> wanted;
  for (const std::string& column : columns_) wanted.push_back(rows->schema()->GetFieldIndex(column));
  return rows->SelectColumns(wanted);
}

arrow::Result<std::optional<SequenceBatch>> BookSequence::Next() {
  for (;;) {
    if (stop_) ARROW_RETURN_NOT_OK(stop_->Check());
    if (!reader_) {
      if (next_ == files_.size()) return std::nullopt;
      ARROW_RETURN_NOT_OK(OpenFile());
    }
    std::shared_ptr<arrow::RecordBatch> rows;
    ARROW_RETURN_NOT_OK(reader_->ReadNext(&rows));
    if (!rows) {
      reader_.reset();
      ++next_;
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(rows, Select(std::move(rows)));
    if (rows->num_rows() == 0) continue;
    const auto order = rows->GetColumnByName("source_row");
    if (order->null_count() > 0) {
      return CorruptData(fmt::format("{}: source_row is null in {} rows of {}", files_[next_].told->path,
                                     order->null_count(), Quoted(symbol_)),
                         "It names a row for good: ingest the source anew.");
    }
    const int64_t* numbers = static_cast<const arrow::Int64Array&>(*order).raw_values();
    for (int64_t i = 0; i < rows->num_rows(); ++i) {
      if (numbers[i] <= last_source_row_) {
        return Unsupported(
            fmt::format("{}: source_row {} of {} follows {}; expected the rows of a file in the "
                        "order of their source",
                        files_[next_].told->path, numbers[i], Quoted(symbol_), last_source_row_));
      }
      last_source_row_ = numbers[i];
    }
    return SequenceBatch{std::move(rows), files_[next_].told->source};
  }
}

}  // namespace marquet::sampling
