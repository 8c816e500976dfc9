// The parts of a rescue: see rescue.h.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/base/progress.h"
#include "marquet/parquet/decode/column_stream_internal.h"
#include "marquet/parquet/rescue/found_row_group_internal.h"
#include "marquet/parquet/rescue/page_probe_internal.h"
#include "marquet/parquet/rescue/rescue.h"

namespace parquet {
class FileMetaData;
}

namespace marquet::pq {

// What the row groups of a file are read as, and from where.
struct RescueSource {
  std::string path;
  std::shared_ptr<arrow::io::RandomAccessFile> file;
  int64_t size = 0;
  // Of which the schema, and the Arrow schema in its metadata, are used.
  std::shared_ptr<::parquet::FileMetaData> footer;
  std::shared_ptr<arrow::KeyValueMetadata> arrow_metadata;  // may be a null pointer
  std::shared_ptr<arrow::Schema> schema;
  arrow::TimeUnit::type int96_unit = kInt96Unit;
  std::atomic<bool>* inexact_times = nullptr;  // set where INT96 times hold more than microseconds
  bool parallel = true;
  const StopFlag* stop = nullptr;
};

// Where the rows go. A status that is not OK ends the rescue.
using RowSink = std::function<arrow::Status(const arrow::RecordBatch&)>;

// What became of the rows of one row group.
struct SalvagedRows {
  std::vector<RowRange> kept;  // given to the sink, ascending
  int64_t bytes_kept = 0;      // of pages that rows were kept of
  int64_t bytes_lost = 0;      // of the others
  std::vector<RescueLoss> losses;
};

// Gives the sink all rows of the row group that every column still has, and tells which pages were in the way
// of the others. Damage is looked for only where decoding fails. Memory: the compressed pages of the row
// group, and some batches.
arrow::Result<SalvagedRows> SalvageRows(const RescueSource& source, PageProbe& probe, FoundRowGroup group,
                                        const RowSink& sink);

// A row group whose place the footer tells: its pages, as far as they can be found, by the offset index where
// a header is damaged.
arrow::Result<FoundRowGroup> FindByFooter(const RescueSource& source, int row_group);

}  // namespace marquet::pq
