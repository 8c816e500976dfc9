#include "marquet/parquet/write/writer.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "arrow/record_batch.h"
#include "arrow/util/key_value_metadata.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/text.h"
#include "marquet/file/durable_file.h"
#include "marquet/parquet/encode/file_encoder_internal.h"
#include "marquet/parquet/format/column_statistics_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/verify/verify_internal.h"
#include "marquet/parquet/write/encoder_fault_internal.h"
#include "marquet/parquet/write/range_check_internal.h"
#include "marquet/parquet/write/rescue_journal_internal.h"
#include "marquet/parquet/write/row_slices_internal.h"
#include "marquet/parquet/write/text_check_internal.h"
#include "marquet/parquet/write/value_check_internal.h"
#include "marquet/schema/column_statistics.h"
#include "marquet/schema/decoded.h"
#include "marquet/schema/required.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"

namespace marquet::pq {
namespace {

template <typename ArrayType>
bool AnyNaN(const arrow::Array& array) {
  const auto& values = static_cast<const ArrayType&>(array);
  const auto* raw = values.raw_values();
  bool found = false;
  for (int64_t i = 0; i < values.length(); ++i) found |= std::isnan(raw[i]) && values.IsValid(i);
  return found;
}

bool HoldsNaN(const arrow::Array& array) {
  switch (array.type_id()) {
    case arrow::Type::FLOAT:
      return AnyNaN<arrow::FloatArray>(array);
    case arrow::Type::DOUBLE:
      return AnyNaN<arrow::DoubleArray>(array);
    default:
      return array.type_id() == arrow::Type::HALF_FLOAT;  // not looked at
  }
}

}  // namespace

struct FileWriter::Impl {
  std::string path;
  std::shared_ptr<const FileFormat> format;
  std::shared_ptr<file::DurableFile> file;
  std::unique_ptr<FileEncoder> encoder;
  std::optional<RescueJournal> journal;
  std::optional<ValueCheck> values;
  std::vector<bool> has_nan;
  bool parallel = false;
  int64_t rows = 0;
  bool sealed = false;
  bool closed = false;
  arrow::Status error;

  arrow::Status Create(std::shared_ptr<file::FileSystem> fs, bool on_threads) {
    if (!path.ends_with(".parquet")) {
      return InvalidInput(fmt::format("{}: a data file's name must end in .parquet", path));
    }
    has_nan.assign(format->schema()->num_fields(), false);
    parallel = on_threads && format->options().parallel;
    values.emplace(format, path);
    ARROW_ASSIGN_OR_RAISE(file, file::DurableFile::Create(fs, path));
    journal.emplace(std::move(fs), file->temporary_path());
    // From the end of the first row group on a crash leaves rows that can be rescued.
    const FileTarget target{path, file, format, parallel, [this] { return journal->Write(format->parts()); }};
    ARROW_ASSIGN_OR_RAISE(encoder, MakeFlatFileEncoder(target));
    if (encoder == nullptr) {
      ARROW_ASSIGN_OR_RAISE(encoder, MakeArrowFileEncoder(target));
    }
    return arrow::Status::OK();
  }

  arrow::Status Append(const arrow::RecordBatch& batch) {
    if (!batch.schema()->Equals(*format->schema(), /*check_metadata=*/false) &&
        !schema::DecodedSchema(batch.schema())->Equals(*format->parts().file_schema, false)) {
      return SchemaError(fmt::format("{}: the batch's schema differs from the file's: found {}, expected {}",
                                     path, batch.schema()->ToString(), format->schema()->ToString()));
    }
    const int64_t at_once = RowsAtOnce(batch);
    for (int64_t begin = 0; begin < batch.num_rows();) {
      const int64_t count = std::min(at_once, batch.num_rows() - begin);
      ARROW_RETURN_NOT_OK(AppendSlice(count == batch.num_rows() ? batch : *batch.Slice(begin, count)));
      begin += count;
    }
    return arrow::Status::OK();
  }

  arrow::Status AppendSlice(const arrow::RecordBatch& given) {
    const std::shared_ptr<arrow::Schema>& file_schema = format->parts().file_schema;
    arrow::ArrayVector columns;
    std::vector<bool> decoded_columns;
    for (int i = 0; i < given.num_columns(); ++i) {
      auto decoded = schema::Decode(given.column(i));
      const arrow::Field& field = *file_schema->field(i);
      if (decoded.status().IsOutOfMemory()) return decoded.status();
      if (!decoded.ok()) {
        const std::string counted = rows == 0 ? "" : fmt::format(" (counted from row {})", rows);
        return InvalidInput(fmt::format("{}: column {}: {}{}", path, Quoted(field.name()),
                                        decoded.status().message(), counted));
      }
      columns.push_back(*std::move(decoded));
      decoded_columns.push_back(columns.back() != given.column(i));
      ARROW_ASSIGN_OR_RAISE(const auto forbidden, schema::FindForbiddenNull(columns.back(), field));
      if (forbidden) return SchemaError(fmt::format("{}: {}", path, Describe(*forbidden, field, rows)));
      columns.back() = schema::WithoutHiddenNulls(columns.back(), field);
      if (!has_nan[i] && arrow::is_floating(columns.back()->type_id())) {
        has_nan[i] = HoldsNaN(*columns.back());
      }
    }
    const auto batch = arrow::RecordBatch::Make(file_schema, given.num_rows(), std::move(columns));
    ARROW_RETURN_NOT_OK(CheckText(*batch, rows));
    ARROW_RETURN_NOT_OK(CheckRanges(*batch, rows));
    values->Take(given, decoded_columns, rows);
    ARROW_RETURN_NOT_OK(encoder->Append(*AfterFault(batch)));
    rows += batch->num_rows();
    return arrow::Status::OK();
  }

  // 1. The footer is written. A crash here or at any step before 5 leaves a temporary file only.
  // 2. The bytes are forced to stable storage.
  // 3. They are read back and checked, and values among them compared with what was given.
  // 4. The journal goes, which a complete file has no use for.
  // 5. The file gets its name, and the directory is synced. A crash after that leaves the whole file.
  arrow::Result<WrittenFile> Finish() {
    ARROW_ASSIGN_OR_RAISE(WrittenFile result, Seal());
    ARROW_RETURN_NOT_OK(journal->Remove());
    ARROW_RETURN_NOT_OK(file->Publish());
    return result;
  }

  // Steps 1 to 3.
  arrow::Result<WrittenFile> Seal() {
    ARROW_ASSIGN_OR_RAISE(const auto footer, encoder->Finish());
    ARROW_RETURN_NOT_OK(file->Sync());
    ARROW_ASSIGN_OR_RAISE(const auto written, file->OpenWritten());
    ARROW_RETURN_NOT_OK(CheckWritten(*written, path, *footer, format->options().verify));
    ARROW_RETURN_NOT_OK(values->Compare(written, footer, parallel));
    sealed = true;
    return WrittenFile{path, rows, file->size(), file->Digest(), Statistics(*footer)};
  }

  arrow::Status PublishReplacing() {
    ARROW_RETURN_NOT_OK(journal->Remove());
    return file->PublishReplacing();
  }

  std::vector<schema::ColumnStatistics> Statistics(const ::parquet::FileMetaData& footer) const {
    std::vector<schema::ColumnStatistics> columns;
    const arrow::Schema& schema = *format->parts().file_schema;
    int leaf = 0;
    for (int i = 0; i < schema.num_fields(); ++i) {
      const arrow::Field& field = *schema.field(i);
      if (arrow::is_nested(field.type()->id())) {
        columns.push_back({.name = field.name()});
      } else {
        columns.push_back(FileStatistics(footer, leaf, field));
        columns.back().has_nan = has_nan[i];
      }
      while (leaf < footer.num_columns() && footer.schema()->GetColumnRoot(leaf)->name() == field.name())
        ++leaf;
    }
    return columns;
  }
};

FileWriter::FileWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

FileWriter::~FileWriter() {
  BestEffort([&] { return Abort(); });
}

arrow::Result<std::unique_ptr<FileWriter>> FileWriter::Open(std::shared_ptr<file::FileSystem> fs,
                                                            std::string path,
                                                            std::shared_ptr<arrow::Schema> schema,
                                                            WriteOptions options) {
  auto format = FileFormat::Make(std::move(schema), std::move(options));
  if (!format.ok()) return WithContext(format.status(), path);
  return Open(std::move(fs), std::move(path), *std::move(format));
}

arrow::Result<std::unique_ptr<FileWriter>> FileWriter::Open(std::shared_ptr<file::FileSystem> fs,
                                                            std::string path,
                                                            std::shared_ptr<const FileFormat> format,
                                                            bool parallel) {
  auto impl = std::make_unique<Impl>();
  impl->path = std::move(path);
  impl->format = std::move(format);
  const arrow::Status created = GuardWrite(impl->path, [&] { return impl->Create(std::move(fs), parallel); });
  std::unique_ptr<FileWriter> writer(new FileWriter(std::move(impl)));
  ARROW_RETURN_NOT_OK(created);  // the writer's end aborts what there is
  return writer;
}

arrow::Status FileWriter::Write(const arrow::RecordBatch& batch) {
  Impl& impl = *impl_;
  ARROW_RETURN_NOT_OK(impl.error);
  if (impl.closed || impl.sealed)
    return InvalidInput(fmt::format("{}: written to after it was closed", impl.path));
  impl.error = GuardWrite(impl.path, [&] { return impl.Append(batch); });
  return impl.error;
}

arrow::Status FileWriter::Flush() {
  Impl& impl = *impl_;
  ARROW_RETURN_NOT_OK(impl.error);
  if (impl.closed || impl.sealed)
    return InvalidInput(fmt::format("{}: flushed after it was closed", impl.path));
  impl.error = GuardWrite(impl.path, [&]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(impl.encoder->EndRowGroup());
    return impl.file->Flush();
  });
  return impl.error;
}

arrow::Status FileWriter::Park() {
  Impl& impl = *impl_;
  ARROW_RETURN_NOT_OK(impl.error);
  if (impl.closed || impl.sealed) return arrow::Status::OK();
  impl.error = GuardWrite(impl.path, [&] { return impl.file->Park(); });
  return impl.error;
}

arrow::Result<WrittenFile> FileWriter::Close() {
  Impl& impl = *impl_;
  ARROW_RETURN_NOT_OK(impl.error);
  if (impl.closed || impl.sealed) return InvalidInput(fmt::format("{}: closed twice", impl.path));
  auto written = GuardWrite(impl.path, [&] { return impl.Finish(); });
  impl.error = written.status();
  impl.closed = written.ok();
  return written;
}

arrow::Result<WrittenFile> FileWriter::Seal() {
  Impl& impl = *impl_;
  ARROW_RETURN_NOT_OK(impl.error);
  if (impl.closed || impl.sealed) return InvalidInput(fmt::format("{}: closed twice", impl.path));
  auto written = GuardWrite(impl.path, [&] { return impl.Seal(); });
  impl.error = written.status();
  return written;
}

arrow::Status FileWriter::PublishReplacing() {
  Impl& impl = *impl_;
  ARROW_RETURN_NOT_OK(impl.error);
  if (impl.closed || !impl.sealed) return InvalidInput(fmt::format("{}: is not sealed", impl.path));
  impl.error = GuardWrite(impl.path, [&] { return impl.PublishReplacing(); });
  impl.closed = impl.error.ok();
  return impl.error;
}

const std::string& FileWriter::temporary_path() const { return impl_->file->temporary_path(); }

arrow::Status FileWriter::Abort() {
  Impl& impl = *impl_;
  if (impl.closed || impl.file == nullptr) return arrow::Status::OK();
  const arrow::Status removed = impl.file->Abort();
  const arrow::Status journal_removed = impl.journal->Remove();
  impl.encoder.reset();
  impl.closed = true;
  return removed.ok() ? journal_removed : removed;
}

int64_t FileWriter::rows() const { return impl_->rows; }

int64_t FileWriter::buffered_bytes() const {
  return impl_->encoder == nullptr ? 0 : impl_->encoder->buffered_bytes();
}

int64_t FileWriter::unwritten_bytes() const {
  return impl_->encoder == nullptr ? 0 : impl_->encoder->buffered_bytes() - impl_->encoder->lookup_bytes();
}

int64_t FileWriter::written_bytes() const { return impl_->file->size(); }

int64_t FileWriter::held_bytes() const {
  const Impl& impl = *impl_;
  if (impl.encoder == nullptr) return 0;
  return impl.encoder->buffered_bytes() + impl.encoder->kept_bytes() + impl.values->bytes() +
         impl.file->gathering_bytes();
}

}  // namespace marquet::pq
