#include "marquet/table/latest_timestamp.h"

#include <algorithm>

#include <fmt/format.h>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/predicate/predicate_literal.h"
#include "marquet/schema/column_hint.h"
#include "marquet/schema/column_statistics.h"
#include "marquet/table/data_file_path.h"

namespace marquet::table {
namespace {

using arrow::Type;

constexpr __int128 kNoBound = static_cast<__int128>(1) << 100;  // above every time

// Nanoseconds in one step of a time type's integer; nothing for other types.
std::optional<int64_t> StepOf(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::INT64:
      return 1;  // the caller looks at the unit
    case Type::DATE32:
      return kNanosPerDay;
    case Type::TIMESTAMP:
      return NanosPerUnit(static_cast<const arrow::TimestampType&>(type).unit());
    default:
      return {};
  }
}

// A time scalar in nanoseconds.
std::optional<__int128> NanosOf(const std::shared_ptr<arrow::Scalar>& scalar, int64_t integer_step) {
  if (scalar == nullptr || !scalar->is_valid) return {};
  const std::optional<int64_t> step = StepOf(*scalar->type);
  if (!step) return {};
  if (scalar->type->id() == Type::DATE32) {
    return static_cast<__int128>(static_cast<const arrow::Date32Scalar&>(*scalar).value) * *step;
  }
  if (scalar->type->id() == Type::TIMESTAMP) {
    return static_cast<__int128>(static_cast<const arrow::TimestampScalar&>(*scalar).value) * *step;
  }
  return static_cast<__int128>(static_cast<const arrow::Int64Scalar&>(*scalar).value) * integer_step;
}

template <typename ArrayType>
std::optional<__int128> LargestOf(const arrow::Array& column, int64_t step) {
  const auto& values = static_cast<const ArrayType&>(column);
  std::optional<typename ArrayType::value_type> largest;
  for (int64_t i = 0; i < values.length(); ++i) {
    if (values.IsValid(i) && (!largest || values.Value(i) > *largest)) largest = values.Value(i);
  }
  if (!largest) return {};
  return static_cast<__int128>(*largest) * step;
}

// The largest time of a column's rows in nanoseconds.
std::optional<__int128> LargestNanosOf(const arrow::Array& column, int64_t integer_step) {
  const std::optional<int64_t> step = StepOf(*column.type());
  if (!step) return {};
  switch (column.type_id()) {
    case Type::DATE32:
      return LargestOf<arrow::Date32Array>(column, *step);
    case Type::TIMESTAMP:
      return LargestOf<arrow::TimestampArray>(column, *step);
    default:
      return LargestOf<arrow::Int64Array>(column, integer_step);
  }
}

arrow::Result<int64_t> StepOfColumn(const arrow::Field& field) {
  if (const std::optional<int64_t> step = predicate::NanosPerStep(field)) return *step;
  return InvalidInput(fmt::format("column {} of type {} does not hold times", Quoted(field.name()),
                                  field.type()->ToString()));
}

// The largest value of a column in one file: from the footer, or from the rows where that has no bounds or is
// another writer's, whose maximum is only a bound.
arrow::Result<std::optional<__int128>> LatestInFile(const pq::FileReader& reader, const std::string& column,
                                                    int64_t integer_step) {
  std::optional<__int128> latest;
  for (int group = 0; group < reader.num_row_groups(); ++group) {
    ARROW_ASSIGN_OR_RAISE(const auto statistics, reader.Statistics(group, column));
    const auto bound = NanosOf(statistics.max, integer_step);
    if (statistics.null_count == reader.row_group_rows(group) || (bound && latest && *bound <= *latest))
      continue;
    if (bound && reader.written_by_marquet()) {
      latest = std::max(latest, bound);
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const auto rows, reader.Read({.columns = {column}, .parts = {{group, {}}}}));
    while (true) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
      if (batch == nullptr) break;
      latest = std::max(latest, LargestNanosOf(*batch->column(0), integer_step));
    }
  }
  return latest;
}

}  // namespace

arrow::Result<std::optional<__int128>> LatestOf(TableState& table, const FileIndex& index,
                                                const std::string& column) {
  const auto field = index.snapshot().schema->GetFieldByName(column);
  if (field == nullptr) {
    return NotFound(fmt::format("there is no column {} in the table", Quoted(column)),
                    schema::ColumnHint(column, *index.snapshot().schema));
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t integer_step, StepOfColumn(*field));
  std::optional<__int128> latest;
  if (index.data_schema()->GetFieldIndex(column) < 0) {  // a partition column
    for (const IndexedFile& file : index.files()) {
      ARROW_ASSIGN_OR_RAISE(const auto value, index.PartitionValue(file, column));
      latest = std::max(latest, NanosOf(value, integer_step));
    }
    return latest;
  }
  struct Candidate {
    __int128 at_most;
    const IndexedFile* file;
  };
  std::vector<Candidate> candidates;
  for (const IndexedFile& file : index.files()) {
    const delta::FileStatistics& statistics = file.statistics(*index.data_schema());
    __int128 at_most = kNoBound;
    bool empty = statistics.decide && statistics.rows == 0;
    for (const schema::ColumnStatistics& known : statistics.columns) {
      if (known.name != column) continue;
      at_most = NanosOf(known.max, integer_step).value_or(kNoBound);
      empty = empty || (statistics.decide && statistics.rows && known.null_count == *statistics.rows);
    }
    if (!empty) candidates.push_back({at_most, &file});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.at_most > b.at_most; });
  for (const Candidate& candidate : candidates) {
    if (latest && candidate.at_most <= *latest) break;
    ARROW_ASSIGN_OR_RAISE(const std::string path, DataFilePath(table.path, candidate.file->add().path));
    ARROW_ASSIGN_OR_RAISE(const auto reader, table.readers.Open(path, candidate.file->add().size));
    if (reader->schema()->GetFieldIndex(column) < 0) continue;
    ARROW_ASSIGN_OR_RAISE(const auto in_file, LatestInFile(*reader, column, integer_step));
    latest = std::max(latest, in_file);
  }
  return latest;
}

}  // namespace marquet::table
