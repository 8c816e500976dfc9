#include "marquet/output/rows_of_files_internal.h"

#include <algorithm>
#include <utility>

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/parquet/decode/reader.h"
#include "parquet/metadata.h"

namespace marquet::output {
namespace {

// Batches have about so many bytes, and no more rows: two files may be read at once, each a few batches
// ahead, beside the rows that the writer may hold in memory.
constexpr int64_t kBatchBytes = 4 << 20;
constexpr int64_t kFirstBatchRows = 16'384;

// Rows of a batch, by the widest rows of any row group.
int64_t BatchRows(const ::parquet::FileMetaData& footer) {
  int64_t rows = kFirstBatchRows;
  for (int i = 0; i < footer.num_row_groups(); ++i) {
    const auto group = footer.RowGroup(i);
    const int64_t row_bytes = group->total_byte_size() / std::max<int64_t>(group->num_rows(), 1) + 1;
    rows = std::min(rows, std::max<int64_t>(kBatchBytes / row_bytes, 1));
  }
  return rows;
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::RecordBatch>> RowsOfFiles::Next() {
  while (true) {
    if (stream_ != nullptr) {
      ARROW_ASSIGN_OR_RAISE(auto batch, stream_->Next());
      if (batch == nullptr) {
        stream_.reset();
      } else if (batch->num_rows() > 0) {
        return batch;
      }
      continue;
    }
    if (file_ == paths_.size()) return nullptr;
    ARROW_ASSIGN_OR_RAISE(const auto reader, pq::FileReader::Open(fs_, paths_[file_++]));
    pq::ReadRequest request;
    for (const auto& field : reader->schema()->fields()) request.columns.push_back(field->name());
    for (int i = 0; i < reader->num_row_groups(); ++i) request.parts.push_back({i, {}});
    request.batch_rows = BatchRows(*reader->footer());
    ARROW_ASSIGN_OR_RAISE(stream_, reader->Read(std::move(request)));
  }
}

}  // namespace marquet::output
