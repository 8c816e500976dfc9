#include "marquet/pipeline/tables_below.h"

#include <algorithm>

#include "marquet/base/error.h"

namespace marquet::pipeline {
namespace {

constexpr int kDeepest = 64;  // directories below the first one

arrow::Status Visit(file::FileSystem& fs, const std::string& directory, int depth, const StopFlag* stop,
                    const std::function<arrow::Status(const std::string&)>& each,
                    const std::function<arrow::Status(const std::string&, const arrow::Status&)>& unlisted) {
  if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
  const auto listed = fs.List(directory);
  if (!listed.ok()) return unlisted && depth > 0 ? unlisted(directory, listed.status()) : listed.status();
  auto entries = *listed;
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  const bool table = std::any_of(entries.begin(), entries.end(),
                                 [](const file::FileInfo& entry) { return entry.path == "_delta_log"; });
  if (table) return each(directory);
  for (const file::FileInfo& entry : entries) {
    if (!entry.is_directory || entry.path.starts_with('.') || entry.path.starts_with('_')) continue;
    if (depth == kDeepest) continue;
    ARROW_RETURN_NOT_OK(Visit(fs, file::JoinPath(directory, entry.path), depth + 1, stop, each, unlisted));
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Status CheckDirectory(file::FileSystem& fs, const std::string& directory) {
  const auto info = fs.Stat(directory);
  if (IsKind(info.status(), ErrorKind::kNotFound)) return NotFound(directory + ": no such directory");
  ARROW_RETURN_NOT_OK(info.status());
  if (info->is_directory) return arrow::Status::OK();
  return InvalidInput(directory + ": is a file; tables are looked for in a directory",
                      "name a folder of tables, or a table");
}

arrow::Status ForEachTableBelow(
    file::FileSystem& fs, const std::string& directory, const StopFlag* stop,
    const std::function<arrow::Status(const std::string& table)>& each,
    const std::function<arrow::Status(const std::string& directory, const arrow::Status& why)>& unlisted) {
  return Visit(fs, directory, 0, stop, each, unlisted);
}

}  // namespace marquet::pipeline
