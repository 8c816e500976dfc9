// Record batches to DBN bytes: the inverse of reader.h, record-identical.
#pragma once

#include <memory>
#include <string_view>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/dbn/metadata.h"
#include "marquet/dbn/reader.h"

namespace marquet::dbn {

struct WriteOptions {
  bool compress = false;  // one zstd frame, with a checksum
  int compression_level = 3;
  bool write_metadata = true;  // false: a fragment
};

class Writer {
 public:
  static arrow::Result<std::unique_ptr<Writer>> Open(std::shared_ptr<arrow::io::OutputStream> output,
                                                     Metadata metadata, WriteOptions options);
  ~Writer();

  // Columns by name, in any order; `symbol`, `ts`, `date` and `source_row` are not needed. kSchema when a
  // column of the kind is missing, kInvalidInput when a value does not fit the record's field (naming the
  // row).
  arrow::Status Write(RecordKind kind, const arrow::RecordBatch& rows);

  // A whole record as it stands (control and unknown records).
  arrow::Status WriteRaw(std::string_view record);

  // Ends the stream; does not close the output.
  arrow::Status Close();

 private:
  struct Impl;
  explicit Writer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquet::dbn
