#include "marquet/ledger/data_file.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "marquet/delta/schema.h"
#include "marquet/parquet/decode/reader.h"
#include "marquet/table/data_file_path.h"

namespace marquet::ledger {
namespace {

class WithPartition final : public arrow::RecordBatchReader {
 public:
  WithPartition(std::shared_ptr<arrow::RecordBatchReader> rows, std::shared_ptr<arrow::Schema> schema,
                std::vector<std::shared_ptr<arrow::Scalar>> values)
      : rows_(std::move(rows)), schema_(std::move(schema)), values_(std::move(values)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    ARROW_RETURN_NOT_OK(rows_->ReadNext(batch));
    if (*batch == nullptr) return arrow::Status::OK();
    const int64_t rows = (*batch)->num_rows();
    auto columns = (*batch)->columns();
    for (const auto& value : values_) {
      ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), arrow::MakeArrayFromScalar(*value, rows));
    }
    *batch = arrow::RecordBatch::Make(schema_, rows, std::move(columns));
    return arrow::Status::OK();
  }

 private:
  const std::shared_ptr<arrow::RecordBatchReader> rows_;
  const std::shared_ptr<arrow::Schema> schema_;
  const std::vector<std::shared_ptr<arrow::Scalar>> values_;
};

}  // namespace

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadDataFile(
    const std::shared_ptr<file::FileSystem>& fs, const std::string& table, const delta::Snapshot& snapshot,
    const delta::AddFile& file, const FileRecords& records,
    const std::function<bool(const std::string& column)>& wants, int64_t batch_rows) {
  ARROW_ASSIGN_OR_RAISE(const std::string path, table::DataFilePath(table, file.path));
  ARROW_ASSIGN_OR_RAISE(const auto opened, pq::FileReader::Open(fs, path, nullptr, file.size));
  const auto& partition = snapshot.metadata.partition_columns;
  pq::ReadRequest request;
  for (const auto& field : opened->schema()->fields()) {
    const bool is_told = std::find(partition.begin(), partition.end(), field->name()) != partition.end();
    if (!is_told && wants(field->name())) request.columns.push_back(field->name());
  }
  for (int group = 0; group < opened->num_row_groups(); ++group) request.parts.push_back({group, {}});
  request.batch_rows = batch_rows;
  ARROW_ASSIGN_OR_RAISE(auto rows, opened->Read(std::move(request)));
  auto fields = rows->schema()->fields();
  std::vector<std::shared_ptr<arrow::Scalar>> values;
  for (const std::string& column : partition) {
    if (!wants(column)) continue;
    const auto field = snapshot.schema->GetFieldByName(column);
    const auto text = file.partition_values.find(column);
    auto value = arrow::MakeNullScalar(field->type());
    const bool is_text = field->type()->id() == arrow::Type::STRING;
    if (is_text && dbn::HasField(records.kind, records.version, column)) value = arrow::MakeScalar("");
    if (text != file.partition_values.end() && text->second) {
      ARROW_ASSIGN_OR_RAISE(value, delta::PartitionValueFromText(*text->second, field->type()));
    }
    fields.push_back(field);
    values.push_back(std::move(value));
  }
  if (values.empty()) return rows;
  return std::make_shared<WithPartition>(std::move(rows), arrow::schema(std::move(fields)),
                                         std::move(values));
}

}  // namespace marquet::ledger
