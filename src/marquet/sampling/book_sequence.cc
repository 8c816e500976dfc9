#include "marquet/sampling/book_sequence.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/schema.h"
#include "marquet/delta/statistics.h"
#include "marquet/parquet/reader.h"
#include "marquet/schema/coercion.h"
#include "marquet/table/table_state.h"

namespace marquet::sampling {
namespace {

constexpr const char* kSourceTag = "marquet.source";

bool PartitionedBySymbol(const delta::Snapshot& snapshot) {
  const auto& columns = snapshot.metadata.partition_columns;
  return std::find(columns.begin(), columns.end(), "symbol") != columns.end();
}

// Of a column of 64-bit integers; the widest where nothing is known.
std::pair<int64_t, int64_t> BoundsOf(const delta::FileStatistics& statistics, const std::string& column) {
  const auto value = [](const std::shared_ptr<arrow::Scalar>& scalar, int64_t otherwise) {
    if (!scalar || !scalar->is_valid || scalar->type->id() != arrow::Type::INT64) return otherwise;
    return static_cast<const arrow::Int64Scalar&>(*scalar).value;
  };
  for (const auto& bounds : statistics.columns) {
    if (bounds.name == column) return {value(bounds.min, INT64_MIN), value(bounds.max, INT64_MAX)};
  }
  return {INT64_MIN, INT64_MAX};
}

const std::string& SourceOf(const delta::AddFile& file) {
  const auto tag = file.tags.find(kSourceTag);
  return tag == file.tags.end() ? file.path : tag->second;
}

}  // namespace

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
                                               const table::Predicate& where) {
  const auto snapshot = book.snapshot();
  BookSequence sequence;
  sequence.fs_ = book.fs();
  sequence.symbol_ = symbol;
  sequence.stop_ = stop;
  sequence.filter_symbol_ = !PartitionedBySymbol(*snapshot);
  if (std::find(columns.begin(), columns.end(), "source_row") == columns.end())
    columns.push_back("source_row");
  for (const std::string& column : columns) {
    if (!book.schema()->GetFieldByName(column)) {
      return SchemaError(
          fmt::format("{}: there is no column {}", book.path(), column),
          "Depth samples are made of ten-level book rows (Databento's mbp-10) that Marquet ingested.");
    }
  }
  ARROW_ASSIGN_OR_RAISE(sequence.where_, where.Bind(*book.schema()));
  sequence.schema_ = book.schema();
  sequence.columns_ = columns;
  const auto& partition = snapshot->metadata.partition_columns;
  std::vector<std::string> constants;
  std::vector<std::string> looked_at = std::move(columns);
  for (const std::string& column : sequence.where_.columns()) looked_at.push_back(column);
  if (sequence.filter_symbol_) looked_at.push_back("symbol");
  for (const std::string& column : looked_at) {
    const bool is_constant = std::find(partition.begin(), partition.end(), column) != partition.end();
    auto& list = is_constant ? constants : sequence.read_;
    if (std::find(list.begin(), list.end(), column) == list.end()) list.push_back(column);
  }
  ARROW_ASSIGN_OR_RAISE(const std::string time, TimeColumn(book));
  for (const auto& add : snapshot->files) {
    if (!sequence.filter_symbol_) {
      const auto value = add->partition_values.find("symbol");
      if (value == add->partition_values.end() || value->second != symbol) continue;
    }
    File file;
    ARROW_ASSIGN_OR_RAISE(file.path, table::DataFilePath(book.path(), add->path));
    file.source = SourceOf(*add);
    file.size = add->size;
    ARROW_ASSIGN_OR_RAISE(const auto statistics, delta::StatisticsOf(*add, *book.schema()));
    std::tie(file.first_time, file.last_time) = BoundsOf(statistics, time);
    file.first_row = BoundsOf(statistics, "source_row").first;
    for (const std::string& column : constants) {
      const auto value = add->partition_values.find(column);
      const auto type = book.schema()->GetFieldByName(column)->type();
      auto scalar = arrow::MakeNullScalar(type);
      if (value != add->partition_values.end() && value->second) {
        ARROW_ASSIGN_OR_RAISE(scalar, delta::PartitionValueFromText(*value->second, type));
      }
      file.constants.emplace_back(column, std::move(scalar));
    }
    sequence.rows_at_most_ += statistics.rows.value_or(0);
    sequence.files_.push_back(std::move(file));
  }
  sequence.SortFiles();
  // Else all rows of a file are part of the sequence, and its statistics are theirs.
  const bool partly = sequence.filter_symbol_ || !sequence.where_.trivial();
  if (partly) ARROW_RETURN_NOT_OK(sequence.PlaceInterleaved(time));
  return sequence;
}

void BookSequence::SortFiles() {
  std::sort(files_.begin(), files_.end(), [](const File& a, const File& b) {
    return std::tie(a.first_time, a.source, a.first_row, a.path) <
           std::tie(b.first_time, b.source, b.first_row, b.path);
  });
}

// Statistics are those of all rows of a file: of two that interleave, the one that begins first may hold the
// later rows of the symbol. Only such files are looked into, as far as their first row of the sequence.
arrow::Status BookSequence::PlaceInterleaved(const std::string& time) {
  auto columns = std::exchange(columns_, {time, "source_row"});
  auto read = read_;
  for (const std::string& column : columns_) {
    if (std::find(read_.begin(), read_.end(), column) == read_.end()) read_.push_back(column);
  }
  for (size_t begin = 0, end = 0; begin < files_.size(); begin = end) {
    int64_t reach = files_[begin].last_time;
    for (end = begin + 1; end < files_.size() && files_[end].first_time <= reach; ++end) {
      reach = std::max(reach, files_[end].last_time);
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
  columns_ = std::move(columns);
  read_ = std::move(read);
  SortFiles();
  return arrow::Status::OK();
}

arrow::Status BookSequence::OpenFile() {
  const File& file = files_[next_];
  ARROW_ASSIGN_OR_RAISE(const auto opened, pq::FileReader::Open(fs_, file.path, nullptr, file.size));
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

// Files of other writers may hold the table's columns in other types: what reads them finds the table's.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> BookSequence::InTableTypes(
    std::shared_ptr<arrow::RecordBatch> rows) const {
  for (int i = 0; i < rows->num_columns(); ++i) {
    const auto field = schema_->GetFieldByName(rows->schema()->field(i)->name());
    if (rows->column(i)->type()->Equals(*field->type())) continue;
    auto column = schema::CoerceArray(rows->column(i), *field);
    if (!column.ok()) return WithContext(column.status(), files_[next_].path);
    ARROW_ASSIGN_OR_RAISE(rows, rows->SetColumn(i, field, *std::move(column)));
  }
  return rows;
}

// The rows of the symbol for which the filter is true, in columns_.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> BookSequence::Select(
    std::shared_ptr<arrow::RecordBatch> rows) const {
  ARROW_ASSIGN_OR_RAISE(rows, InTableTypes(std::move(rows)));
  if (filter_symbol_) {
    const auto symbols = rows->GetColumnByName("symbol");
    ARROW_ASSIGN_OR_RAISE(const auto text, arrow::compute::Cast(*symbols, arrow::utf8()));
    ARROW_ASSIGN_OR_RAISE(const auto chosen,
                          arrow::compute::CallFunction("equal", {text, arrow::MakeScalar(symbol_)}));
    ARROW_ASSIGN_OR_RAISE(const auto filtered, arrow::compute::Filter(rows, chosen));
    rows = filtered.record_batch();
  }
  for (const auto& [name, value] : files_[next_].constants) {
    ARROW_ASSIGN_OR_RAISE(const auto column, arrow::MakeArrayFromScalar(*value, rows->num_rows()));
    ARROW_ASSIGN_OR_RAISE(rows, rows->AddColumn(rows->num_columns(), name, column));
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
    if (order->type_id() != arrow::Type::INT64) {
      return SchemaError(fmt::format("{}: source_row is of type {}; expected int64", files_[next_].path,
                                     order->type()->ToString()));
    }
    if (order->null_count() > 0) {
      return SchemaError(
          fmt::format("{}: source_row is null in {} of {} rows; expected each row's place in "
                      "its source",
                      files_[next_].path, order->null_count(), order->length()));
    }
    const int64_t* numbers = static_cast<const arrow::Int64Array&>(*order).raw_values();
    for (int64_t i = 0; i < rows->num_rows(); ++i) {
      if (numbers[i] <= last_source_row_) {
        return Unsupported(
            fmt::format("{}: source_row {} of {} follows {}; expected the rows of a file in the "
                        "order of their source",
                        files_[next_].path, numbers[i], Quoted(symbol_), last_source_row_));
      }
      last_source_row_ = numbers[i];
    }
    return SequenceBatch{std::move(rows), files_[next_].source};
  }
}

}  // namespace marquet::sampling
