#include <fmt/format.h>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type_traits.h"
#include "marquet/parquet/decode/reader.h"
#include "marquet/parquet/verify/sort_check_internal.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

// Of row i of one array and row j of another, neither null: below, at or above zero.
using Comparison = int (*)(const arrow::Array&, int64_t i, const arrow::Array&, int64_t j);

template <typename ArrayType>
int CompareValues(const arrow::Array& a, int64_t i, const arrow::Array& b, int64_t j) {
  const auto left = static_cast<const ArrayType&>(a).GetView(i);
  const auto right = static_cast<const ArrayType&>(b).GetView(j);
  return left < right ? -1 : right < left ? 1 : 0;
}

// A null pointer for types without an order here.
Comparison ComparisonOf(const arrow::DataType& type) {
  switch (type.id()) {
#define MQ_COMPARE(ID, NAME) \
  case arrow::Type::ID:      \
    return &CompareValues<arrow::NAME##Array>
    MQ_COMPARE(BOOL, Boolean);
    MQ_COMPARE(INT8, Int8);
    MQ_COMPARE(INT16, Int16);
    MQ_COMPARE(INT32, Int32);
    MQ_COMPARE(INT64, Int64);
    MQ_COMPARE(UINT8, UInt8);
    MQ_COMPARE(UINT16, UInt16);
    MQ_COMPARE(UINT32, UInt32);
    MQ_COMPARE(UINT64, UInt64);
    MQ_COMPARE(FLOAT, Float);
    MQ_COMPARE(DOUBLE, Double);
    MQ_COMPARE(DATE32, Date32);
    MQ_COMPARE(TIME32, Time32);
    MQ_COMPARE(TIME64, Time64);
    MQ_COMPARE(TIMESTAMP, Timestamp);
    MQ_COMPARE(STRING, String);
    MQ_COMPARE(LARGE_STRING, LargeString);
    MQ_COMPARE(BINARY, Binary);
    MQ_COMPARE(LARGE_BINARY, LargeBinary);
#undef MQ_COMPARE
    default:
      return nullptr;
  }
}

struct SortKey {
  std::string column;
  bool descending = false;
  bool nulls_first = false;
  Comparison compare = nullptr;
};

// The keys of a row group up to the first that cannot be compared.
std::vector<SortKey> KeysOf(const ::parquet::FileMetaData& footer, int row_group,
                            const arrow::Schema& schema) {
  std::vector<SortKey> keys;
  for (const ::parquet::SortingColumn& sorting : footer.RowGroup(row_group)->sorting_columns()) {
    if (sorting.column_idx < 0 || sorting.column_idx >= footer.num_columns()) break;
    const auto path = footer.schema()->Column(sorting.column_idx)->path()->ToDotVector();
    const auto field = path.size() == 1 ? schema.GetFieldByName(path[0]) : nullptr;
    const Comparison compare = field == nullptr ? nullptr : ComparisonOf(*field->type());
    if (compare == nullptr) break;
    keys.push_back({path[0], sorting.descending, sorting.nulls_first, compare});
  }
  return keys;
}

int CompareRows(const std::vector<SortKey>& keys, const arrow::RecordBatch& a, int64_t i,
                const arrow::RecordBatch& b, int64_t j) {
  for (size_t k = 0; k < keys.size(); ++k) {
    const arrow::Array& left = *a.column(static_cast<int>(k));
    const arrow::Array& right = *b.column(static_cast<int>(k));
    int order = 0;
    if (left.IsNull(i) || right.IsNull(j)) {
      order = static_cast<int>(left.IsNull(i)) - static_cast<int>(right.IsNull(j));
      if (keys[k].nulls_first) order = -order;
    } else {
      order = keys[k].compare(left, i, right, j);
      if (keys[k].descending) order = -order;
    }
    if (order != 0) return order;
  }
  return 0;
}

// The first row that is out of order, or nothing.
arrow::Result<std::optional<int64_t>> FirstMisplaced(const FileReader& reader, int row_group,
                                                     const std::vector<SortKey>& keys, const StopFlag* stop) {
  ReadRequest request;
  for (const SortKey& key : keys) request.columns.push_back(key.column);
  request.parts.push_back({row_group, {}});
  ARROW_ASSIGN_OR_RAISE(const auto rows, reader.Read(std::move(request)));
  std::shared_ptr<arrow::RecordBatch> before, batch;
  int64_t row = 0;
  while (true) {
    if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
    ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
    if (batch == nullptr) return std::nullopt;
    for (int64_t i = 0; i < batch->num_rows(); ++i, ++row) {
      const bool first = i == 0;
      if (first && before == nullptr) continue;
      const arrow::RecordBatch& previous = first ? *before : *batch;
      if (CompareRows(keys, previous, first ? previous.num_rows() - 1 : i - 1, *batch, i) > 0) return row;
    }
    if (batch->num_rows() > 0) before = batch;
  }
}

}  // namespace

arrow::Status CheckSortOrder(const std::shared_ptr<file::FileSystem>& fs, const std::string& path,
                             const std::shared_ptr<::parquet::FileMetaData>& footer, const StopFlag* stop,
                             std::vector<Damage>* damage) {
  std::shared_ptr<FileReader> reader;
  for (int i = 0; i < footer->num_row_groups(); ++i) {
    if (footer->RowGroup(i)->sorting_columns().empty()) continue;
    if (reader == nullptr) {
      ARROW_ASSIGN_OR_RAISE(reader, FileReader::Open(fs, path, footer));
    }
    const std::vector<SortKey> keys = KeysOf(*footer, i, *reader->schema());
    if (keys.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(const auto row, FirstMisplaced(*reader, i, keys, stop));
    if (!row) continue;
    damage->push_back(
        {path, i, keys[0].column, -1, -1, 0, "order",
         fmt::format("row {} of the row group comes before row {}; the footer says that rows are "
                     "sorted",
                     *row, *row - 1)});
  }
  return arrow::Status::OK();
}

}  // namespace marquet::pq
