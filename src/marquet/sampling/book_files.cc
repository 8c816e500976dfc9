#include "marquet/sampling/book_files.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "marquet/base/error.h"
#include "marquet/delta/schema.h"
#include "marquet/delta/statistics.h"
#include "marquet/sampling/book_sequence.h"
#include "marquet/schema/column_statistics.h"
#include "marquet/table/data_file_path.h"

namespace marquet::sampling {
namespace {

constexpr const char* kSourceTag = "marquet.source";

const schema::ColumnStatistics* Find(const delta::FileStatistics& statistics, const std::string& column) {
  for (const auto& bounds : statistics.columns) {
    if (bounds.name == column) return &bounds;
  }
  return nullptr;
}

// Of a column of 64-bit integers; the widest where nothing is known.
std::pair<int64_t, int64_t> BoundsOf(const delta::FileStatistics& statistics, const std::string& column) {
  const auto value = [](const std::shared_ptr<arrow::Scalar>& scalar, int64_t otherwise) {
    if (!scalar || !scalar->is_valid || scalar->type->id() != arrow::Type::INT64) return otherwise;
    return static_cast<const arrow::Int64Scalar&>(*scalar).value;
  };
  const auto* const bounds = Find(statistics, column);
  if (bounds == nullptr) return {INT64_MIN, INT64_MAX};
  return {value(bounds->min, INT64_MIN), value(bounds->max, INT64_MAX)};
}

std::optional<std::string> TextOf(const std::shared_ptr<arrow::Scalar>& scalar) {
  if (!scalar || !scalar->is_valid || scalar->type->id() != arrow::Type::STRING) return std::nullopt;
  return std::string(static_cast<const arrow::StringScalar&>(*scalar).view());
}

}  // namespace

const std::string& SourceOf(const delta::AddFile& file) {
  const auto tag = file.tags.find(kSourceTag);
  return tag == file.tags.end() ? file.path : tag->second;
}

bool PartitionedBySymbol(const delta::Snapshot& snapshot) {
  const auto& columns = snapshot.metadata.partition_columns;
  return std::find(columns.begin(), columns.end(), "symbol") != columns.end();
}

arrow::Result<std::shared_ptr<BookFiles>> BookFiles::Of(const table::Table& book) {
  const auto snapshot = book.snapshot();
  std::shared_ptr<BookFiles> files(new BookFiles(book));
  ARROW_ASSIGN_OR_RAISE(files->time_column_, TimeColumn(book));
  files->partitioned_ = PartitionedBySymbol(*snapshot);
  for (const auto& add : snapshot->files) {
    BookFile file;
    ARROW_ASSIGN_OR_RAISE(file.path, table::DataFilePath(book.path(), add->path));
    file.source = SourceOf(*add);
    file.size = add->size;
    ARROW_ASSIGN_OR_RAISE(const auto statistics, delta::StatisticsOf(*add, *snapshot->schema));
    file.rows = statistics.rows;
    std::tie(file.first_time, file.last_time) = BoundsOf(statistics, files->time_column_);
    file.first_row = BoundsOf(statistics, "source_row").first;
    if (const auto* const bounds = Find(statistics, "symbol")) {
      file.least_symbol = TextOf(bounds->min);
      file.greatest_symbol = TextOf(bounds->max);
    }
    for (const std::string& column : snapshot->metadata.partition_columns) {
      const auto field = snapshot->schema->GetFieldByName(column);
      if (field == nullptr) continue;
      const auto value = add->partition_values.find(column);
      auto scalar = arrow::MakeNullScalar(field->type());
      if (value != add->partition_values.end() && value->second) {
        ARROW_ASSIGN_OR_RAISE(scalar, delta::PartitionValueFromText(*value->second, field->type()));
        if (column == "symbol") files->of_partition_[*value->second].push_back(files->files_.size());
      }
      file.partition[column] = std::move(scalar);
    }
    files->files_.push_back(std::move(file));
  }
  return files;
}

arrow::Result<std::shared_ptr<pq::FileReader>> BookFiles::Open(const BookFile& file) {
  return readers_.Open(file.path, file.size > 0 ? file.size : -1);
}

arrow::Status BookFiles::LookForSymbols(BookFile& file, const StopFlag* stop) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, Open(file));
  pq::ReadRequest request;
  request.columns = {"symbol"};
  for (int group = 0; group < reader->num_row_groups(); ++group) request.parts.push_back({group, {}});
  ARROW_ASSIGN_OR_RAISE(const auto rows, reader->Read(std::move(request)));
  std::set<uint32_t> found;
  for (;;) {
    if (stop) ARROW_RETURN_NOT_OK(stop->Check());
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
    if (!batch) break;
    ARROW_ASSIGN_OR_RAISE(const auto unique, arrow::compute::Unique(batch->column(0)));
    ARROW_ASSIGN_OR_RAISE(const auto column, arrow::compute::Cast(*unique, arrow::utf8()));
    const auto& names = static_cast<const arrow::StringArray&>(*column);
    for (int64_t i = 0; i < names.length(); ++i) {
      if (names.IsNull(i)) continue;
      found.insert(
          numbers_.emplace(names.GetString(i), static_cast<uint32_t>(numbers_.size())).first->second);
    }
  }
  file.symbols.emplace(found.begin(), found.end());
  return arrow::Status::OK();
}

arrow::Result<std::vector<const BookFile*>> BookFiles::With(const std::string& symbol, const StopFlag* stop) {
  std::vector<const BookFile*> with;
  if (partitioned_) {
    for (const size_t place : of_partition_[symbol]) with.push_back(&files_[place]);
    return with;
  }
  // Of one symbol alone, looking first would take as long as reading.
  const bool look = first_asked_ && *first_asked_ != symbol;
  if (!first_asked_) first_asked_ = symbol;
  for (BookFile& file : files_) {
    if ((file.least_symbol && symbol < *file.least_symbol) ||
        (file.greatest_symbol && symbol > *file.greatest_symbol)) {
      continue;
    }
    if (look && !file.symbols) ARROW_RETURN_NOT_OK(LookForSymbols(file, stop));
    if (file.symbols) {
      const auto number = numbers_.find(symbol);
      if (number == numbers_.end() ||
          !std::binary_search(file.symbols->begin(), file.symbols->end(), number->second)) {
        continue;
      }
    }
    with.push_back(&file);
  }
  return with;
}

}  // namespace marquet::sampling
