// The schema of a rolling writer's rows: the one it was given, or that of the first rows. Later rows are
// fitted to it, or change it where that loses nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/file_format.h"
#include "marquet/parquet/rolling_options.h"
#include "marquet/schema/coercion.h"

namespace marquet::pq {

// Not thread safe.
class RowSchema {
 public:
  // `folder`: named in warnings.
  RowSchema(std::string folder, WriteOptions file, SchemaChange on_change)
      : folder_(std::move(folder)), file_(std::move(file)), on_change_(on_change) {}

  // Takes a schema, with its columns decoded, as files hold them. kSchema for one that no file can have.
  arrow::Status Use(const std::shared_ptr<arrow::Schema>& wanted);

  // The rows in the writer's schema, or in a layout of it that file writers decode. It becomes another where
  // they do not fit it and may: while no file has begun with it (`begun`), columns without a value so far
  // take the type of these; and with SchemaChange::kNewPart always. kSchema otherwise, and kInvalidInput for
  // a value that does not fit.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Fit(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                         bool begun);

  // Null pointers before the first rows.
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
  const std::shared_ptr<const FileFormat>& format() const { return format_; }

 private:
  std::shared_ptr<arrow::Schema> Widened(const std::shared_ptr<arrow::Schema>& rows) const;

  const std::string folder_;
  const WriteOptions file_;
  const SchemaChange on_change_;
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<const FileFormat> format_;
  std::optional<schema::Coercion> coercion_;  // from the last rows' schema, where that was another
};

// The rows in another schema, or a null pointer where they do not fit it.
std::shared_ptr<arrow::RecordBatch> FittedOrNull(const arrow::RecordBatch& rows,
                                                 const std::shared_ptr<arrow::Schema>& schema);

}  // namespace marquet::pq
