// Splits record batches by the values of their partition columns.
//
// Rows keep their order within a partition. Rows that come in runs of one partition are sliced, not copied;
// rows that alternate are gathered once into partition order.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/delta/actions.h"

namespace marquet::table {

class PartitionSplitter {
 public:
  // Partitions get numbers in the order in which they are first seen.
  struct Slice {
    size_t partition = 0;
    std::shared_ptr<arrow::RecordBatch> rows;  // without partition columns
  };

  // `schema` is the table's; the columns must be in it.
  PartitionSplitter(std::shared_ptr<arrow::Schema> schema, std::vector<std::string> partition_columns);

  const std::shared_ptr<arrow::Schema>& data_schema() const { return data_schema_; }
  const delta::PartitionValues& values(size_t partition) const { return values_[partition]; }
  size_t partitions() const { return values_.size(); }

  // The number of a partition given by its values as the log spells them.
  size_t NumberOf(const delta::PartitionValues& values);
  bool Knows(const delta::PartitionValues& values) const { return numbers_.contains(values); }

  // A further number for these values, which neither NumberOf() nor Split() gives again.
  size_t NewNumber(delta::PartitionValues values) {
    values_.push_back(std::move(values));
    return values_.size() - 1;
  }

  // `batch` has the table's schema. kUnsupported for a partition column of a type without text form;
  // kInvalidInput for a value that the log cannot spell or other engines cannot read, and for the empty
  // string, which is null to the log, where a column takes no nulls.
  arrow::Result<std::vector<Slice>> Split(const arrow::RecordBatch& batch);

  // Adds the rows whose empty string Split() makes null, by partition column.
  void CountEmptyTexts(const arrow::RecordBatch& batch, std::map<std::string, int64_t>* rows) const;

 private:
  arrow::Result<size_t> PartitionOfRow(const arrow::RecordBatch& batch, int64_t row);

  std::vector<std::string> names_;
  std::vector<int> columns_;       // partition columns
  std::vector<int> data_columns_;  // the others
  std::shared_ptr<arrow::Schema> data_schema_;
  std::vector<delta::PartitionValues> values_;
  std::map<delta::PartitionValues, size_t> numbers_;
  std::unordered_map<std::string, size_t> by_bytes_;  // raw values of a row to its partition
};

}  // namespace marquet::table
