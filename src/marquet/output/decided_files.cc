#include "marquet/output/decided_files_internal.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/output/rows_of_files_internal.h"
#include "marquet/parquet/decode/reader.h"
#include "marquet/schema/coercion.h"

namespace marquet::output {
namespace {

// Files that lie beside the ones they replace at a time.
constexpr size_t kFilesAtOnce = 16;

// The rows with empty lists, not nulls, in the columns of lists that `source` lacks.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> WithEmptyLists(std::shared_ptr<arrow::RecordBatch> rows,
                                                                  const arrow::Schema& source) {
  for (int i = 0; i < rows->num_columns(); ++i) {
    const auto& field = rows->schema()->field(i);
    if (field->type()->id() != arrow::Type::LIST || source.GetFieldByName(field->name()) != nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(const auto zero,
                          arrow::MakeArrayFromScalar(arrow::Int32Scalar(0), rows->num_rows() + 1));
    ARROW_ASSIGN_OR_RAISE(const auto none, arrow::MakeEmptyArray(field->type()->field(0)->type()));
    ARROW_ASSIGN_OR_RAISE(const auto lists, arrow::ListArray::FromArrays(field->type(), *zero, *none));
    ARROW_ASSIGN_OR_RAISE(rows, rows->SetColumn(i, field, lists));
  }
  return rows;
}

}  // namespace

arrow::Status CopyRows(const std::shared_ptr<file::FileSystem>& fs, const std::string& from,
                       pq::FileWriter* to, const pq::FileFormat& format) {
  RowsOfFiles rows(fs, {from});
  std::optional<schema::Coercion> coercion;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, rows.Next());
    if (batch == nullptr) return arrow::Status::OK();
    if (!coercion) {
      ARROW_ASSIGN_OR_RAISE(coercion, schema::Coercion::Make(batch->schema(), format.schema()));
    }
    ARROW_ASSIGN_OR_RAISE(auto fitted,
                          coercion->Apply(*batch, format.options().verify == pq::VerifyLevel::kFull));
    ARROW_ASSIGN_OR_RAISE(fitted, WithEmptyLists(std::move(fitted), *batch->schema()));
    ARROW_RETURN_NOT_OK(to->Write(*fitted));
  }
}

arrow::Result<std::optional<DecidedFile>> WriteDecided(const OutputFolder& folder, const PublishedFile& file,
                                                       const RowSchema& rows) {
  const std::string path = file::JoinPath(folder.path, file.name);
  ARROW_ASSIGN_OR_RAISE(const auto reader, pq::FileReader::Open(folder.fs, path));
  ARROW_ASSIGN_OR_RAISE(const auto format, rows.DecidedFormat(reader->schema()));
  if (format == nullptr) return std::nullopt;
  DecidedFile decided;
  ARROW_ASSIGN_OR_RAISE(decided.writer, pq::FileWriter::Open(folder.fs, path, format));
  ARROW_RETURN_NOT_OK(CopyRows(folder.fs, path, decided.writer.get(), *format));
  ARROW_ASSIGN_OR_RAISE(const pq::WrittenFile written, decided.writer->Seal());
  if (written.rows != file.rows) {
    return CorruptData(
        fmt::format("{}: has {} rows; it was published with {}", path, written.rows, file.rows),
        "Verify the folder, and write to another one.");
  }
  decided.file = {file.name, file.rows, written.bytes, written.digest, file.bytes, file.digest};
  decided.schema = format->schema();
  return decided;
}

arrow::Result<std::vector<PublishedFile>> DecideFiles(const OutputFolder& folder, const RowSchema& rows,
                                                      ManifestFile* manifest) {
  std::vector<PublishedFile> files;
  for (const PublishedUnit& unit : manifest->manifest().units) {
    files.insert(files.end(), unit.files.begin(), unit.files.end());
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::vector<PublishedFile> replaced;
  for (auto next = files.begin(); next != files.end();) {
    std::vector<DecidedFile> decided;
    std::vector<PublishedFile> listed;
    for (; next != files.end() && decided.size() < kFilesAtOnce; ++next) {
      ARROW_ASSIGN_OR_RAISE(auto file, WriteDecided(folder, *next, rows));
      if (!file) continue;
      listed.push_back(file->file);
      decided.push_back(*std::move(file));
    }
    if (decided.empty()) continue;
    ARROW_RETURN_NOT_OK(manifest->CheckClaim());
    ARROW_RETURN_NOT_OK(manifest->Replace(listed, manifest->manifest().schema));
    for (DecidedFile& file : decided) {
      // Who has taken over since has noted which file is there.
      ARROW_RETURN_NOT_OK(manifest->CheckClaim());
      ARROW_RETURN_NOT_OK(file.writer->PublishReplacing());
    }
    manifest->Replaced();
    replaced.insert(replaced.end(), listed.begin(), listed.end());
  }
  const std::shared_ptr<arrow::Schema> before = manifest->manifest().schema;
  const auto schema = before == nullptr ? nullptr : rows.DecidedOf(before);
  if (schema != before) ARROW_RETURN_NOT_OK(manifest->Replace({}, schema));
  return replaced;
}

}  // namespace marquet::output
