#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/file/temporary_name.h"
#include "marquet/parquet/encode/file_format_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "marquet/parquet/rescue/rescue.h"
#include "marquet/parquet/write/rescue_journal_internal.h"
#include "parquet/metadata.h"

namespace marquet::pq {

arrow::Result<RescueSchema> SchemaOfFile(file::FileSystem& fs, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, fs.OpenForReading(path));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file->GetSize());
  ARROW_ASSIGN_OR_RAISE(Footer footer, ReadFooter(*file, path, size));
  return RescueSchema{"the file " + path, std::move(footer.metadata), path};
}

arrow::Result<RescueSchema> SchemaOfColumns(const std::shared_ptr<arrow::Schema>& columns,
                                            std::string source) {
  ARROW_ASSIGN_OR_RAISE(const auto format, FileFormat::Make(columns, {}));
  return GuardRead(source, [&]() -> arrow::Result<RescueSchema> {
    return RescueSchema{source, EmptyFooter(format->parts()), {}};
  });
}

arrow::Result<std::optional<RescueSchema>> SchemaOfJournal(file::FileSystem& fs, const std::string& path) {
  const auto name = file::ParseTemporaryName(file::FileName(path));
  if (!name || name->journal) return std::optional<RescueSchema>();
  const std::string journal = file::JournalPath(path);
  auto schema = SchemaOfFile(fs, journal);
  if (IsKind(schema.status(), ErrorKind::kNotFound)) return std::optional<RescueSchema>();
  if (!schema.ok()) {
    return WithHint(
        schema.status(),
        "The rescue journal cannot be used: name a file with the same columns by --schema, or a table "
        "by --table.");
  }
  schema->source = "the journal " + journal;
  return *std::move(schema);
}

}  // namespace marquet::pq
