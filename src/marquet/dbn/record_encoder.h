// Columns back to records: the inverse of columns.h, over the same table of layouts.
#pragma once

#include <cstdint>
#include <string>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/dbn/layout.h"

namespace marquet::dbn {

// Encodes rows of a batch as records of one kind and version. Binds the columns once; then any range of rows.
// Not thread safe.
class RecordEncoder {
 public:
  // kSchema when a column that the version's record has is missing or of another type than TableSchema's (a
  // time may be timestamp[ns], too); kInvalidInput when a column that it has not holds values. `rows` must
  // outlive the encoder.
  static arrow::Result<RecordEncoder> Make(RecordKind kind, int version, bool ts_out,
                                           const arrow::RecordBatch& rows);

  // Appends the records of rows [begin, end). kInvalidInput, naming row and column, for a value or null that
  // the field cannot hold.
  arrow::Status Append(int64_t begin, int64_t end, std::string& out) const;

 private:
  struct Field {
    const char* name;
    Role role;
    Place place;
    std::shared_ptr<arrow::Array> values;
  };

  arrow::Status PutField(const Field& field, int64_t begin, int64_t end, uint8_t* records) const;
  arrow::Status PutText(const Field& field, int64_t begin, int64_t end, uint8_t* records) const;
  arrow::Status PutReserved(int64_t begin, int64_t end, uint8_t* records) const;

  const KindLayout* layout_ = nullptr;
  int version_ = 0;
  int record_bytes_ = 0;
  std::vector<Field> fields_;
  std::shared_ptr<arrow::BinaryArray> reserved_;  // null: the batch has no such column
};

}  // namespace marquet::dbn
