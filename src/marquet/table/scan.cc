#include "marquet/table/scan.h"

#include <algorithm>

#include "arrow/compute/api_vector.h"
#include "arrow/datum.h"
#include "arrow/record_batch.h"
#include "arrow/table.h"
#include "marquet/base/home_process.h"
#include "marquet/table/scan_internal.h"
#include "marquet/table/scan_source.h"

namespace marquet::table {
namespace {

using Batch = std::shared_ptr<arrow::RecordBatch>;

// A stream of stored columns in the types given out, ended by the limit.
class ScanReader final : public arrow::RecordBatchReader {
 public:
  ScanReader(std::shared_ptr<const ScanSpec> spec, std::unique_ptr<ScanSource> source,
             std::shared_ptr<ScanCounters> counters, std::shared_ptr<LastStatistics> last,
             std::shared_ptr<arrow::Schema> schema)
      : source_(std::move(source)),
        counters_(std::move(counters)),
        last_(std::move(last)),
        schema_(std::move(schema)),
        left_(spec->limit.value_or(INT64_MAX)) {}

  ~ScanReader() override { End(); }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(Batch* out) override {
    out->reset();
    if (source_ == nullptr) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(home_.Check("the rows of a scan", "Begin to read them in each process."));
    Batch batch;
    if (left_ > 0) {
      ARROW_ASSIGN_OR_RAISE(batch, source_->Next());
    }
    if (batch == nullptr) {
      End();
      return arrow::Status::OK();
    }
    if (batch->num_rows() > left_) batch = batch->Slice(0, left_);
    left_ -= batch->num_rows();
    counters_->rows_returned += batch->num_rows();
    ARROW_ASSIGN_OR_RAISE(*out, OutputColumns(*batch, schema_));
    return arrow::Status::OK();
  }

  arrow::Status Close() override {
    if (home_.IsThis()) End();
    return arrow::Status::OK();
  }

 private:
  void End() {
    if (source_ == nullptr) return;
    source_.reset();  // its threads are gone when the numbers are read
    last_->Set(counters_->Read());
  }

  std::unique_ptr<ScanSource> source_;
  const std::shared_ptr<ScanCounters> counters_;
  const std::shared_ptr<LastStatistics> last_;
  const std::shared_ptr<arrow::Schema> schema_;
  int64_t left_;
  const HomeProcess home_;
};

std::shared_ptr<arrow::RecordBatchReader> OpenStream(std::shared_ptr<const ScanSpec> spec,
                                                     std::shared_ptr<LastStatistics> last,
                                                     std::shared_ptr<arrow::Schema> schema,
                                                     ScanReading reading) {
  auto counters = std::make_shared<ScanCounters>();
  auto source = OpenScanSource(spec, counters, reading);
  return std::shared_ptr<ScanReader>(new ScanReader(std::move(spec), std::move(source), std::move(counters),
                                                    std::move(last), std::move(schema)),
                                     HomeDelete());
}

arrow::Result<std::shared_ptr<arrow::Table>> ReadAll(arrow::RecordBatchReader& stream) {
  std::vector<Batch> batches;
  while (true) {
    Batch batch;
    ARROW_RETURN_NOT_OK(stream.ReadNext(&batch));
    if (batch == nullptr) return arrow::Table::FromRecordBatches(stream.schema(), std::move(batches));
    batches.push_back(std::move(batch));
  }
}

// All rows in order. The columns that only the order needs are read and dropped.
arrow::Result<std::shared_ptr<arrow::Table>> ReadSorted(const std::shared_ptr<const ScanSpec>& spec,
                                                        const std::shared_ptr<LastStatistics>& last) {
  auto all = std::make_shared<ScanSpec>(*spec);
  all->limit.reset();
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        ReadAll(*OpenStream(all, last, spec->columns.stored, ScanReading::kWhole)));
  std::vector<arrow::compute::SortKey> keys;
  for (const std::string& name : spec->sort_by) keys.emplace_back(name);
  ARROW_ASSIGN_OR_RAISE(auto order, arrow::compute::SortIndices(
                                        arrow::Datum(rows), arrow::compute::SortOptions(std::move(keys))));
  if (spec->limit && *spec->limit < order->length()) order = order->Slice(0, *spec->limit);
  std::vector<int> given_out(static_cast<size_t>(spec->columns.output->num_fields()));
  for (size_t i = 0; i < given_out.size(); ++i) given_out[i] = static_cast<int>(i);
  ARROW_ASSIGN_OR_RAISE(rows, rows->SelectColumns(given_out));
  ARROW_ASSIGN_OR_RAISE(const arrow::Datum sorted,
                        arrow::compute::Take(rows, order, arrow::compute::TakeOptions::NoBoundsCheck()));
  std::vector<Batch> batches;
  arrow::TableBatchReader chunks(*sorted.table());
  for (Batch batch;;) {
    ARROW_RETURN_NOT_OK(chunks.ReadNext(&batch));
    if (batch == nullptr) break;
    ARROW_ASSIGN_OR_RAISE(batch, OutputColumns(*batch, spec->columns.output));
    batches.push_back(std::move(batch));
  }
  ScanStatistics statistics = last->Get();
  statistics.rows_returned = sorted.length();
  last->Set(statistics);
  return arrow::Table::FromRecordBatches(spec->columns.output, std::move(batches));
}

// A table as a stream that keeps it alive.
class SortedReader final : public arrow::RecordBatchReader {
 public:
  SortedReader(std::shared_ptr<arrow::Table> rows, int64_t batch_rows)
      : rows_(std::move(rows)), batches_(*rows_) {
    batches_.set_chunksize(batch_rows);
  }
  std::shared_ptr<arrow::Schema> schema() const override { return rows_->schema(); }
  arrow::Status ReadNext(Batch* out) override { return batches_.ReadNext(out); }

 private:
  const std::shared_ptr<arrow::Table> rows_;
  arrow::TableBatchReader batches_;
};

}  // namespace

Scan::Scan(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

const std::shared_ptr<arrow::Schema>& Scan::schema() const { return impl_->spec->columns.output; }

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> Scan::ToReader() const {
  if (!impl_->spec->sort_by.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto rows, ReadSorted(impl_->spec, impl_->last));
    return std::make_shared<SortedReader>(std::move(rows), impl_->spec->batch_rows);
  }
  return OpenStream(impl_->spec, impl_->last, schema(), ScanReading::kOneByOne);
}

arrow::Result<std::shared_ptr<arrow::Table>> Scan::ToTable() const {
  if (!impl_->spec->sort_by.empty()) return ReadSorted(impl_->spec, impl_->last);
  // With a limit, what waits may never be asked for.
  const auto reading = impl_->spec->limit ? ScanReading::kOneByOne : ScanReading::kWhole;
  return ReadAll(*OpenStream(impl_->spec, impl_->last, schema(), reading));
}

arrow::Result<int64_t> Scan::Count() const {
  // Only the filter's columns are read, and no file at all where the log's statistics decide.
  auto spec = std::make_shared<ScanSpec>(*impl_->spec);
  arrow::FieldVector fields;
  for (const std::string& name : spec->columns.filter)
    fields.push_back(spec->columns.stored->GetFieldByName(name));
  spec->stored = arrow::schema(std::move(fields));
  const auto counters = std::make_shared<ScanCounters>();
  int64_t count = 0;
  std::vector<FileIndex::Match> undecided;
  for (FileIndex::Match& match : spec->index->Prune(spec->where)) {
    const delta::FileStatistics* const statistics = match.truth == predicate::Truth::kAlways
                                                        ? &match.file->statistics(*spec->index->data_schema())
                                                        : nullptr;
    if (statistics != nullptr && statistics->decide && statistics->rows) {
      count += *statistics->rows;
    } else {
      undecided.push_back(std::move(match));
    }
  }
  const int64_t limit = spec->limit.value_or(INT64_MAX);
  ScanPieces pieces(spec, counters, std::move(undecided));
  while (count < limit) {
    ARROW_ASSIGN_OR_RAISE(auto piece, pieces.Next());
    if (!piece) break;
    if (piece->truth == predicate::Truth::kAlways) {
      count += piece->rows;
      continue;
    }
    const bool parallel = spec->use_threads && piece->rows >= kInlineRows;
    ARROW_ASSIGN_OR_RAISE(auto reader, PieceReader::Open(spec, *std::move(piece), counters));
    ARROW_RETURN_NOT_OK(
        reader->Start(reader->cost().RowsWithin(spec->memory / 4, spec->batch_rows), parallel));
    ARROW_ASSIGN_OR_RAISE(const int64_t rows, reader->Count());
    count += rows;
  }
  impl_->last->Set(counters->Read());
  return std::min(count, limit);
}

ScanStatistics Scan::statistics() const { return impl_->last->Get(); }

}  // namespace marquet::table
