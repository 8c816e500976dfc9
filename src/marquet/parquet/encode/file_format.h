// What the files of one schema and of equal options have in common, worked out once for all of them: checked
// options, encodings, the schema in Parquet's terms. Making one takes longer than encoding a hundred rows.
//
// Immutable and thread safe.
#pragma once

#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/format/options.h"

namespace marquet::pq {

struct FormatParts;

class FileFormat {
 public:
  // Errors: kInvalidInput (options that contradict each other or the schema), kUnsupported (a type that
  // Parquet lacks).
  static arrow::Result<std::shared_ptr<const FileFormat>> Make(std::shared_ptr<arrow::Schema> schema,
                                                               WriteOptions options);
  ~FileFormat();

  const std::shared_ptr<arrow::Schema>& schema() const;  // of the rows
  const WriteOptions& options() const;
  const FormatParts& parts() const { return *parts_; }  // for the writer

 private:
  explicit FileFormat(std::unique_ptr<const FormatParts> parts);
  const std::unique_ptr<const FormatParts> parts_;
};

}  // namespace marquet::pq
