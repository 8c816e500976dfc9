// The rows of a samples table: their schema, and a builder of batches. Internal to the room.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/api.h"
#include "arrow/result.h"
#include "marquet/depth/tensor.h"
#include "marquet/jobs/samples/sample_history.h"

namespace marquet::jobs {

// Where a book row comes from.
struct RowIdentity {
  std::string source;
  int64_t source_row = 0;
  int64_t ts_event = 0;
  int64_t sequence = 0;
  std::optional<int64_t> doubled_mid;  // bid + ask, in units of 1e-9
};

struct SampleRow {
  RowIdentity first, last;
  std::optional<int32_t> label;
  std::optional<double> move;  // r
};

// Statistics of one feature of a tensor over all its cells, in float64; the deviation has ddof = 0.
struct CellStatistics {
  double mean = 0, deviation = 0, least = 0, largest = 0;
};
CellStatistics DescribeCells(const float* cells, int64_t n);

std::shared_ptr<arrow::Schema> SampleSchema(unsigned features);

class SampleRows {
 public:
  SampleRows(std::string symbol, const depth::TensorSpec& spec, SampleSettings settings,
             int64_t book_version);

  arrow::Status Append(const SampleRow& row, const float* tensor);
  // In place of a sample that is in the table already: ids depend on the sample before.
  void Skip(const RowIdentity& last) { NextId(last); }
  int64_t size() const { return size_; }
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Finish();

 private:
  std::string NextId(const RowIdentity& last);

  const std::string symbol_;
  const depth::TensorSpec spec_;
  const SampleSettings settings_;
  const int64_t book_version_;
  std::string last_id_;
  int64_t repeats_ = 0;
  int64_t size_ = 0;
  std::unique_ptr<arrow::RecordBatchBuilder> builder_;
};

}  // namespace marquet::jobs
