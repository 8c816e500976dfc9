// Removes what killed writers left behind: file::FindLeftovers and FindStaleLabels (stale_labels.h) with a
// report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/file/leftovers.h"

namespace marquet::jobs {

struct CleanReport {
  std::string directory;
  bool removed = false;  // whether files were removed, or only looked for
  std::vector<file::Leftover> files;
  int64_t count = 0;  // of those that were removed, or would be
  int64_t bytes = 0;
};

// Of the operating system's files. Errors: those of the two.
arrow::Result<CleanReport> Clean(const std::string& directory, const file::LeftoverOptions& options);

std::string ToText(const CleanReport& report);
std::string ToJson(const CleanReport& report);

}  // namespace marquet::jobs
