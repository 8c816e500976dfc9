#include "marquet/table/partition_split.h"

#include <cstring>
#include <numeric>

#include "arrow/array.h"
#include "arrow/compute/api_vector.h"
#include "arrow/record_batch.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "arrow/util/checked_cast.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/schema.h"
#include "marquet/table/partition_path.h"

namespace marquet::table {
namespace {

// Runs shorter than this on average are gathered instead of sliced: a slice costs some work per column
// wherever it goes.
constexpr int64_t kWorthSlicing = 256;

// Appends a value's bytes so that different values of a column give different bytes.
void AppendBytes(const arrow::Array& column, int64_t row, std::string* bytes) {
  if (column.IsNull(row)) {
    bytes->push_back('\0');
    return;
  }
  bytes->push_back('\1');
  if (arrow::is_base_binary_like(column.type_id()) && !arrow::is_large_binary_like(column.type_id())) {
    const std::string_view value = static_cast<const arrow::BinaryArray&>(column).GetView(row);
    const auto size = static_cast<uint32_t>(value.size());
    bytes->append(reinterpret_cast<const char*>(&size), sizeof size);
    bytes->append(value);
  } else if (column.type_id() == arrow::Type::BOOL) {
    bytes->push_back(static_cast<const arrow::BooleanArray&>(column).Value(row) ? '\1' : '\0');
  } else {
    const int width = column.type()->byte_width();
    bytes->append(
        reinterpret_cast<const char*>(column.data()->buffers[1]->data()) + (column.offset() + row) * width,
        static_cast<size_t>(width));
  }
}

bool HasBytes(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::BINARY ||
         type.id() == arrow::Type::BOOL || (arrow::is_fixed_width(type.id()) && type.byte_width() > 0);
}

// Rows that hold a text of no characters, which is no null.
int64_t CountEmpty(const arrow::Array& column) {
  if (column.type_id() != arrow::Type::STRING) return 0;
  const auto& strings = static_cast<const arrow::StringArray&>(column);
  int64_t count = 0;
  for (int64_t i = 0; i < strings.length(); ++i) {
    count += static_cast<int64_t>(strings.value_length(i) == 0 && strings.IsValid(i));
  }
  return count;
}

// Sets begins[i] where row i differs from row i - 1 in this column.
void MarkRuns(const arrow::Array& column, std::vector<uint8_t>* begins) {
  const int64_t rows = column.length();
  if (column.null_count() == 0 && column.type_id() == arrow::Type::STRING) {
    const auto& strings = static_cast<const arrow::StringArray&>(column);
    for (int64_t i = 1; i < rows; ++i) {
      (*begins)[static_cast<size_t>(i)] |= strings.GetView(i) != strings.GetView(i - 1);
    }
    return;
  }
  if (column.null_count() == 0 && column.type_id() == arrow::Type::DATE32) {
    const int32_t* days = static_cast<const arrow::Date32Array&>(column).raw_values();
    for (int64_t i = 1; i < rows; ++i) (*begins)[static_cast<size_t>(i)] |= days[i] != days[i - 1];
    return;
  }
  std::string before, here;
  for (int64_t i = 0; i < rows; ++i) {
    here.clear();
    AppendBytes(column, i, &here);
    if (i > 0) (*begins)[static_cast<size_t>(i)] |= here != before;
    std::swap(before, here);
  }
}

}  // namespace

PartitionSplitter::PartitionSplitter(std::shared_ptr<arrow::Schema> schema,
                                     std::vector<std::string> partition_columns)
    : names_(std::move(partition_columns)) {
  arrow::FieldVector fields;
  for (int i = 0; i < schema->num_fields(); ++i) {
    const auto at = std::find(names_.begin(), names_.end(), schema->field(i)->name());
    if (at == names_.end()) {
      data_columns_.push_back(i);
      fields.push_back(schema->field(i));
    }
  }
  for (const std::string& name : names_) columns_.push_back(schema->GetFieldIndex(name));
  data_schema_ = arrow::schema(std::move(fields), schema->metadata());
}

size_t PartitionSplitter::NumberOf(const delta::PartitionValues& values) {
  const auto [at, added] = numbers_.emplace(values, values_.size());
  if (added) values_.push_back(values);
  return at->second;
}

arrow::Result<size_t> PartitionSplitter::PartitionOfRow(const arrow::RecordBatch& batch, int64_t row) {
  std::string bytes;
  bool complete = true;
  for (const int column : columns_) {
    complete = complete && HasBytes(*batch.column(column)->type());
    if (complete) AppendBytes(*batch.column(column), row, &bytes);
  }
  if (complete) {
    if (const auto found = by_bytes_.find(bytes); found != by_bytes_.end()) return found->second;
  }
  delta::PartitionValues values;
  for (size_t i = 0; i < columns_.size(); ++i) {
    std::optional<std::string> text;
    ARROW_ASSIGN_OR_RAISE(const auto scalar, batch.column(columns_[i])->GetScalar(row));
    if (scalar->is_valid) {
      auto spelt = delta::NewPartitionValueToText(*scalar);
      if (spelt.ok() && spelt->empty() && !batch.schema()->field(columns_[i])->nullable()) {
        spelt = InvalidInput("the empty string is null as a partition value, and the column takes no nulls",
                             "Write another text in its place, or do not partition by this column.");
      }
      if (spelt.ok()) {
        const arrow::Status fits = CheckPartitionLength(names_[i], *spelt);
        if (!fits.ok()) spelt = fits;
      }
      if (!spelt.ok()) {
        return WithContext(spelt.status(),
                           fmt::format("column {}, row {} of the batch", Quoted(names_[i]), row));
      }
      if (!spelt->empty()) text = *std::move(spelt);
    }
    values.emplace(names_[i], std::move(text));
  }
  const size_t number = NumberOf(values);
  if (complete) by_bytes_.emplace(std::move(bytes), number);
  return number;
}

void PartitionSplitter::CountEmptyTexts(const arrow::RecordBatch& batch,
                                        std::map<std::string, int64_t>* rows) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (const int64_t count = CountEmpty(*batch.column(columns_[i])); count > 0) (*rows)[names_[i]] += count;
  }
}

arrow::Result<std::vector<PartitionSplitter::Slice>> PartitionSplitter::Split(
    const arrow::RecordBatch& batch) {
  std::vector<Slice> slices;
  const int64_t rows = batch.num_rows();
  if (rows == 0) return slices;
  ARROW_ASSIGN_OR_RAISE(auto data, batch.SelectColumns(data_columns_));
  data = arrow::RecordBatch::Make(data_schema_, rows, data->columns());
  if (columns_.empty()) {
    slices.push_back({NumberOf({}), std::move(data)});
    return slices;
  }
  std::vector<uint8_t> begins(static_cast<size_t>(rows));
  begins[0] = 1;
  for (const int column : columns_) {
    if (HasBytes(*batch.column(column)->type())) {
      MarkRuns(*batch.column(column), &begins);
    } else {
      std::fill(begins.begin(), begins.end(), uint8_t{1});
    }
  }
  struct Run {
    int64_t begin;
    int64_t rows;
    size_t partition;
  };
  std::vector<Run> runs;
  for (int64_t row = 0; row < rows; ++row) {
    if (begins[static_cast<size_t>(row)] == 0) {
      ++runs.back().rows;
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const size_t partition, PartitionOfRow(batch, row));
    if (!runs.empty() && runs.back().partition == partition) {
      ++runs.back().rows;
    } else {
      runs.push_back({row, 1, partition});
    }
  }
  if (runs.size() == 1 || rows / static_cast<int64_t>(runs.size()) >= kWorthSlicing) {
    for (const Run& run : runs) slices.push_back({run.partition, data->Slice(run.begin, run.rows)});
    return slices;
  }
  // A stable sort of the rows by partition.
  std::stable_sort(runs.begin(), runs.end(),
                   [](const Run& a, const Run& b) { return a.partition < b.partition; });
  arrow::Int64Builder order;
  ARROW_RETURN_NOT_OK(order.Reserve(rows));
  for (const Run& run : runs) {
    for (int64_t i = 0; i < run.rows; ++i) order.UnsafeAppend(run.begin + i);
  }
  ARROW_ASSIGN_OR_RAISE(const auto indices, order.Finish());
  ARROW_ASSIGN_OR_RAISE(const arrow::Datum gathered,
                        arrow::compute::Take(data, indices, arrow::compute::TakeOptions::NoBoundsCheck()));
  data = gathered.record_batch();
  int64_t begin = 0;
  for (size_t i = 0; i < runs.size();) {
    int64_t length = 0;
    const size_t partition = runs[i].partition;
    for (; i < runs.size() && runs[i].partition == partition; ++i) length += runs[i].rows;
    slices.push_back({partition, data->Slice(begin, length)});
    begin += length;
  }
  return slices;
}

}  // namespace marquet::table
