#include <algorithm>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/parquet/encode/file_encoder_internal.h"
#include "marquet/parquet/write/row_slices_internal.h"
#include "marquet/schema/decoded.h"
#include "marquet/schema/decoded_rows.h"

namespace marquet::pq {

int64_t RowsAtOnce(const arrow::RecordBatch& batch) {
  const int64_t rows = std::max<int64_t>(batch.num_rows(), 1);
  bool decoded = false;
  for (const auto& column : batch.columns()) {
    decoded |= schema::DecodedType(column->type()) != column->type();
  }
  return decoded ? schema::RowsWithinMemory(batch, std::min(rows, kSliceRows)) : rows;
}

}  // namespace marquet::pq
