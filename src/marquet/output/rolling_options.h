// How a rolling writer divides its rows into files, and what it does where they change or are missing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/output/writer_manifest.h"
#include "marquet/parquet/format/options.h"

namespace marquet::output {

// What becomes of rows whose schema does not convert to that of the file they belong to.
enum class SchemaChange { kError, kNewPart };
arrow::Result<SchemaChange> ParseSchemaChange(std::string_view name);  // "error", "new_part"

// What becomes of a chunk without rows: no file, or one with no rows (which takes a schema).
enum class EmptyChunk { kNone, kFile };
arrow::Result<EmptyChunk> ParseEmptyChunk(std::string_view name);  // "none", "file"

struct RollingOptions {
  std::string folder;
  std::string name_template = "${rank}.parquet";
  int rank = 0;                           // 0 to 99,999 and beyond; five digits in names
  std::shared_ptr<arrow::Schema> schema;  // of all rows; a null pointer: that of the first ones
  pq::WriteOptions file;                  // codec, verification, row groups; `memory` bounds all open files
  int64_t max_file_bytes = 0;             // a new part begins when one has so many; 0: no bound
  int64_t max_file_rows = 0;
  int64_t records_per_chunk = 0;  // 0: chunks are what the caller names, or all of it
  SchemaChange on_schema_change = SchemaChange::kError;
  // Columns that may begin with the first row that has them: files before then get them, with nulls.
  std::vector<std::string> late_columns;
  EmptyChunk empty = EmptyChunk::kNone;
  // What tells this input from another (a digest, a path with its size ...). A writer may go on with an
  // output only where it gives the same one. Empty: an output that was begun before is refused.
  std::string input;
  // Take an output over from a process that still holds it, which can then publish nothing more.
  bool take_over = false;
};

// kInvalidInput for options that no writer can follow, or that contradict each other.
arrow::Status CheckOptions(const RollingOptions& options);

// What differs between an output as it was begun and as it is asked for, or an empty text.
std::string DifferencesOf(const WriterManifest& before, const RollingOptions& now);

}  // namespace marquet::output
