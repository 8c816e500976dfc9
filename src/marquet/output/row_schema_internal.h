// The schema of a rolling writer's rows: the one it was given, or that of the first rows. Later rows are
// fitted to it, or change it where that loses nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/output/rolling_options.h"
#include "marquet/parquet/encode/file_format.h"
#include "marquet/schema/coercion.h"

namespace marquet::output {

// Not thread safe.
class RowSchema {
 public:
  // Of `options` the folder, which warnings name, the files' options, and what becomes of rows that do not
  // fit.
  explicit RowSchema(const RollingOptions& options)
      : folder_(options.folder),
        file_(options.file),
        on_change_(options.on_schema_change),
        late_columns_(options.late_columns) {}

  // Takes a schema, with its columns decoded, as files hold them. kSchema for one that no file can have.
  arrow::Status Use(const std::shared_ptr<arrow::Schema>& wanted);

  // The rows in the writer's schema, or in a layout of it that file writers decode. It becomes another where
  // they do not fit it and may: columns without a value so far take the type of these, and late columns come
  // (`decided` is set then, and what was written is to follow); and with SchemaChange::kNewPart always.
  // kSchema otherwise, and kInvalidInput for a value that does not fit.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Fit(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                         bool* decided);

  // In which a file of the schema `written` is to be written again, since values have decided types that it
  // lacks; a null pointer where they have not.
  arrow::Result<std::shared_ptr<const pq::FileFormat>> DecidedFormat(
      const std::shared_ptr<arrow::Schema>& written) const;

  // What is decided of a schema of earlier rows; the same where nothing is.
  std::shared_ptr<arrow::Schema> DecidedOf(const std::shared_ptr<arrow::Schema>& earlier) const;

  // Null pointers before the first rows.
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
  const std::shared_ptr<const pq::FileFormat>& format() const { return format_; }

 private:
  const std::string folder_;
  const pq::WriteOptions file_;
  const SchemaChange on_change_;
  const std::vector<std::string> late_columns_;
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<const pq::FileFormat> format_;
  std::optional<schema::Coercion> coercion_;  // from the last rows' schema, where that was another
};

// From one schema of rows to that of a file. kSchema as schema::Coercion::Make, and for times without a zone
// in a column of times with one, or the reverse: nobody knows which instants the ones mean, or where the
// others were told.
arrow::Result<schema::Coercion> FitRows(const std::shared_ptr<arrow::Schema>& rows,
                                        const std::shared_ptr<arrow::Schema>& file);

// The rows in the schema of another format, or a null pointer where they do not fit it. Other errors are
// those of schema::Coercion::Apply.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> FittedOrNull(const arrow::RecordBatch& rows,
                                                                const pq::FileFormat& format);

}  // namespace marquet::output
