// Files in which columns had no type yet, written again when a value has decided it: so that all files of a
// run open together. Their rows, names and order stay; each name holds a whole file at all times.
//
//   1. The files are written anew, whole and verified, under    Temporary files, which nobody reads.
//      temporary names.
//   2. The manifest lists them, and beside each what it is to   The files of before: whoever reads the
//      replace.                                                 manifest takes the one that is there.
//   3. Each takes the place of the older one.                   Of some the new one. The rows are the same.
//   4. The manifest gets the schema, and leaves the older out.  The new files.
//
// An attempt that ended before step 4 has not published the rows that decided: they come again, and decide.
//
// They are taken in the order of their names, in which readers that ask the first file for the types open
// them at any time.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "marquet/output/output_parts_internal.h"
#include "marquet/output/row_schema_internal.h"
#include "marquet/output/writer_manifest.h"
#include "marquet/parquet/write/writer.h"

namespace marquet::output {

// A file of the folder with the types that `rows` has now, and not yet in its place.
struct DecidedFile {
  std::unique_ptr<pq::FileWriter> writer;  // sealed
  PublishedFile file;                      // with what it is to replace
  std::shared_ptr<arrow::Schema> schema;
};

// Step 1 for one file; nothing where no type of it is decided.
arrow::Result<std::optional<DecidedFile>> WriteDecided(const OutputFolder& folder, const PublishedFile& file,
                                                       const RowSchema& rows);

// All steps, for the files that a manifest lists; returns those that were written again.
arrow::Result<std::vector<PublishedFile>> DecideFiles(const OutputFolder& folder, const RowSchema& rows,
                                                      ManifestFile* manifest);

// The rows of a file, whatever its name, in the format of `to`. Columns that they lack are null, and those of
// lists empty.
arrow::Status CopyRows(const std::shared_ptr<file::FileSystem>& fs, const std::string& from,
                       pq::FileWriter* to, const pq::FileFormat& format);

}  // namespace marquet::output
