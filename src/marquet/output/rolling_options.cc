#include "marquet/output/rolling_options.h"

#include <vector>

#include <fmt/format.h>

#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/output/published_rows_internal.h"
#include "marquet/output/undecided_types_internal.h"
#include "marquet/schema/decoded.h"

namespace marquet::output {

arrow::Result<SchemaChange> ParseSchemaChange(std::string_view name) {
  if (name == "error") return SchemaChange::kError;
  if (name == "new_part") return SchemaChange::kNewPart;
  return InvalidInput(fmt::format("on_schema_change is {}; expected 'error' or 'new_part'", Quoted(name)));
}

arrow::Result<EmptyChunk> ParseEmptyChunk(std::string_view name) {
  if (name == "none") return EmptyChunk::kNone;
  if (name == "file") return EmptyChunk::kFile;
  return InvalidInput(fmt::format("empty is {}; expected 'none' or 'file'", Quoted(name)));
}

arrow::Status CheckOptions(const RollingOptions& options) {
  const auto negative = [](std::string_view what, int64_t value) {
    return InvalidInput(fmt::format("{} is {}; expected 0 (no bound) or more", what, value));
  };
  if (options.folder.empty()) return InvalidInput("the output folder has no name");
  if (options.rank < 0) return InvalidInput(fmt::format("the rank is {}; expected 0 or more", options.rank));
  if (options.max_file_bytes < 0) return negative("max_file_size", options.max_file_bytes);
  if (options.max_file_rows < 0) return negative("max_rows_per_file", options.max_file_rows);
  if (options.records_per_chunk < 0) return negative("records_per_chunk", options.records_per_chunk);
  ARROW_RETURN_NOT_OK(pq::CheckWriteOptions(options.file));
  if (!IsUtf8(options.input)) return InvalidInput("the input's fingerprint is not UTF-8");
  if (options.folder.find('\0') != std::string::npos) {
    return InvalidInput(fmt::format("the output folder {} holds a NUL", Quoted(options.folder, 200)));
  }
  for (const auto& [key, value] : options.file.metadata) {
    if (key == kRunKey) {
      return InvalidInput(
          fmt::format("the metadata has the key {}, under which the writer keeps its run", Quoted(key)),
          "Give it another name.");
    }
  }
  if (options.records_per_chunk > 0 && options.max_file_rows > options.records_per_chunk) {
    return InvalidInput(
        fmt::format("max_rows_per_file is {} and records_per_chunk {}: no file could get so many rows",
                    options.max_file_rows, options.records_per_chunk),
        "Give one of them, or a smaller max_rows_per_file.");
  }
  return arrow::Status::OK();
}

std::string DifferencesOf(const WriterManifest& before, const RollingOptions& now) {
  std::vector<std::string> found;
  const auto compare = [&](std::string_view what, const auto& was, const auto& is) {
    if (was != is) found.push_back(fmt::format("{} was '{}' and is '{}'", what, was, is));
  };
  compare("the input", before.input, now.input);
  compare("records_per_chunk", before.records_per_chunk, now.records_per_chunk);
  compare("the name template", before.name_template, now.name_template);
  compare("the rank", before.rank, now.rank);
  if (before.schema != nullptr && now.schema != nullptr && now.on_schema_change == SchemaChange::kError) {
    const auto of_files = schema::DecodedSchema(now.schema);  // which is the one that the manifest tells
    if (!before.schema->Equals(*Decided(of_files, *before.schema, {}), /*check_metadata=*/false)) {
      compare("the schema", before.schema->ToString(), of_files->ToString());
    }
  }
  return fmt::format("{}", fmt::join(found, "; "));
}

}  // namespace marquet::output
