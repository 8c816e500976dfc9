// Manifests as text. What is read may be damaged, or made to do harm: every number and name is looked at
// before it is used.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/file/file_system.h"
#include "marquet/output/writer_manifest.h"

namespace marquet::output {

// The manifest of one attempt, with its sealed units. kCorruptData, kUnsupported (another format), kStorage.
arrow::Result<WriterManifest> ReadManifest(file::FileSystem& fs, const std::string& directory,
                                           const std::string& id, int64_t attempt);

arrow::Result<std::string> ManifestText(const WriterManifest& manifest);

// The text of a file of sealed units, and its entry in the manifest.
std::string SealedText(const std::vector<PublishedUnit>& units, size_t begin);
SealedFile SealedEntry(const std::string& name, size_t units, const std::string& text);

}  // namespace marquet::output
