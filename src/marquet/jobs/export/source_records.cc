// A merge of the files by source_row, a window at a time: every file offers the rows that it has in hand; all
// rows up to the smallest last one offered can be ordered, because no file has any of them left.
#include "marquet/jobs/export/source_records.h"

#include <algorithm>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/ledger/data_file.h"

namespace marquet::jobs {
namespace {

constexpr int64_t kMostBatchRows = 65'536;
constexpr int64_t kMostHeldRows = int64_t{4} << 20;
constexpr int64_t kLeastBatchRows = 1'024;

class Cursor {
 public:
  static arrow::Result<std::unique_ptr<Cursor>> Open(
      const std::shared_ptr<file::FileSystem>& fs, const std::string& table, const delta::Snapshot& snapshot,
      const delta::AddFile& file, const ledger::FileRecords& records, bool sorted, int64_t batch_rows) {
    auto cursor = std::make_unique<Cursor>();
    cursor->path_ = file::JoinPath(table, file.path);
    const auto is_of_record = [](const std::string& column) {
      return column != "symbol" && column != "date";
    };
    ARROW_ASSIGN_OR_RAISE(cursor->rows_,
                          ledger::ReadDataFile(fs, table, snapshot, file, records, is_of_record, batch_rows));
    if (!sorted) ARROW_RETURN_NOT_OK(cursor->SortWhole());
    ARROW_RETURN_NOT_OK(cursor->Advance());
    return cursor;
  }

  bool at_end() const { return batch_ == nullptr; }
  int64_t last() const { return place_->Value(place_->length() - 1); }

  // The rows up to and including source_row `limit`.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> TakeUpTo(int64_t limit) {
    const int64_t* begin = place_->raw_values() + next_;
    const int64_t* end = place_->raw_values() + place_->length();
    const int64_t count = std::upper_bound(begin, end, limit) - begin;
    auto taken = batch_->Slice(next_, count);
    next_ += count;
    if (next_ == batch_->num_rows()) ARROW_RETURN_NOT_OK(Advance());
    return taken;
  }

 private:
  arrow::Status Advance() {
    next_ = 0;
    do {
      ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch_));
    } while (batch_ != nullptr && batch_->num_rows() == 0);
    if (batch_ == nullptr) return arrow::Status::OK();
    const auto column = batch_->GetColumnByName("source_row");
    if (column == nullptr || column->type_id() != arrow::Type::INT64 || column->null_count() > 0) {
      return CorruptData(path_ + ": its column source_row does not give each row's place in its source");
    }
    place_ = std::static_pointer_cast<arrow::Int64Array>(column);
    const int64_t* values = place_->raw_values();
    if (!std::is_sorted(values, values + place_->length()) || values[0] <= before_) {
      return CorruptData(path_ + ": its rows are not in the order of their source");
    }
    before_ = last();
    return arrow::Status::OK();
  }

  arrow::Status SortWhole() {
    ARROW_ASSIGN_OR_RAISE(const auto table, rows_->ToTable());
    const arrow::compute::SortOptions order({arrow::compute::SortKey("source_row")});
    ARROW_ASSIGN_OR_RAISE(const auto places, arrow::compute::SortIndices(arrow::Datum(table), order));
    ARROW_ASSIGN_OR_RAISE(const auto sorted, arrow::compute::Take(arrow::Datum(table), arrow::Datum(places)));
    sorted_ = sorted.table();
    auto reader = std::make_shared<arrow::TableBatchReader>(*sorted_);
    reader->set_chunksize(kMostBatchRows);
    rows_ = std::move(reader);
    return arrow::Status::OK();
  }

  std::string path_;
  std::shared_ptr<arrow::Table> sorted_;
  std::shared_ptr<arrow::RecordBatchReader> rows_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::shared_ptr<arrow::Int64Array> place_;
  int64_t next_ = 0;
  int64_t before_ = -1;
};

}  // namespace

arrow::Status ForEachInSourceOrder(const std::shared_ptr<file::FileSystem>& fs, const std::string& table,
                                   const delta::Snapshot& snapshot,
                                   const std::vector<std::shared_ptr<const delta::AddFile>>& files,
                                   const ledger::FileRecords& records, bool sorted,
                                   const std::function<arrow::Status(const arrow::RecordBatch&)>& sink) {
  const auto open_files = std::max<int64_t>(1, static_cast<int64_t>(files.size()));
  const int64_t batch_rows = std::clamp(kMostHeldRows / open_files, kLeastBatchRows, kMostBatchRows);
  std::vector<std::unique_ptr<Cursor>> cursors;
  for (const auto& file : files) {
    ARROW_ASSIGN_OR_RAISE(auto cursor, Cursor::Open(fs, table, snapshot, *file, records, sorted, batch_rows));
    cursors.push_back(std::move(cursor));
  }
  const arrow::compute::SortOptions order({arrow::compute::SortKey("source_row")});
  while (true) {
    std::erase_if(cursors, [](const auto& cursor) { return cursor->at_end(); });
    if (cursors.empty()) return arrow::Status::OK();
    int64_t limit = INT64_MAX;
    for (const auto& cursor : cursors) limit = std::min(limit, cursor->last());
    std::vector<std::shared_ptr<arrow::RecordBatch>> parts;
    for (const auto& cursor : cursors) {
      ARROW_ASSIGN_OR_RAISE(auto part, cursor->TakeUpTo(limit));
      if (part->num_rows() > 0) parts.push_back(std::move(part));
    }
    if (parts.size() == 1) {
      ARROW_RETURN_NOT_OK(sink(*parts.front()));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const auto together, arrow::ConcatenateRecordBatches(parts));
    ARROW_ASSIGN_OR_RAISE(const auto places, arrow::compute::SortIndices(arrow::Datum(together), order));
    ARROW_ASSIGN_OR_RAISE(const auto ordered,
                          arrow::compute::Take(arrow::Datum(together), arrow::Datum(places)));
    ARROW_RETURN_NOT_OK(sink(*ordered.record_batch()));
  }
}

}  // namespace marquet::jobs
