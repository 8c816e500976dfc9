// A Databento batch folder: what a batch job delivers.
//
// manifest.json lists the job's files with sizes and SHA-256; symbology.json maps symbols to instrument ids,
// or ids to symbols where the job asked for ids, as its stype_in and stype_out say; condition.json tells the
// days that are not complete. Format: databento.com/docs, "Batch download". Internal to the room.
#pragma once

#include <string>
#include <vector>

#include "arrow/status.h"
#include "marquet/file/file_system.h"
#include "marquet/jobs/ingest/source_files.h"

namespace marquet::jobs {

constexpr const char* kManifestName = "manifest.json";
constexpr const char* kSymbologyName = "symbology.json";
constexpr const char* kConditionName = "condition.json";

// Adds the DBN files that the folder's manifest lists, by name, each with the hash, symbols and note that
// belong to it; and to `names` the names of all that is part of the folder: what the manifest gives, its own,
// and those of the two other files. Errors as FindSourceFiles.
arrow::Status FindInBatch(file::FileSystem& fs, const std::string& directory, std::vector<SourceFile>* found,
                          std::vector<std::string>* names);

}  // namespace marquet::jobs
