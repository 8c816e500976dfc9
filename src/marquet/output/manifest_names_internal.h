// The names of what lies in the folder of manifests (docs/format.md, "Manifests of writers").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "marquet/file/file_system.h"

namespace marquet::output {

// "ID.N.json", the manifest of the N-th attempt, and "ID.N.fence", which keeps older ones from publishing.
std::string ManifestName(const std::string& id, int64_t attempt);
std::string FenceName(const std::string& id, int64_t attempt);

// Which output's which attempt a file's name says it is; nothing for other names.
struct AttemptName {
  std::string id;
  int64_t number = 0;
  bool fence = false;
};
std::optional<AttemptName> ParseAttemptName(std::string_view name);

// The newest attempt of each output that has a manifest in the directory; none where it is not there.
arrow::Result<std::map<std::string, int64_t>> NewestAttempts(file::FileSystem& fs,
                                                             const std::string& directory);

}  // namespace marquet::output
