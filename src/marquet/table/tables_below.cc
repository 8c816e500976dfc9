#include "marquet/table/tables_below.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "marquet/base/log.h"
#include "marquet/base/readable.h"
#include "marquet/delta/log_files.h"
#include "spdlog/logger.h"

#include "marquet/base/error.h"

namespace marquet::table {
namespace {

constexpr int kDeepestTable = 64;  // directories below the first one

class Walk {
 public:
  Walk(file::FileSystem& fs, const StopFlag* stop, const TablesBelow& calls)
      : fs_(fs), stop_(stop), calls_(calls) {}

  arrow::Status Visit(const std::string& directory, const file::FileInfo& info, int depth) {
    if (stop_ != nullptr) ARROW_RETURN_NOT_OK(stop_->Check());
    if (!IsNew(directory, info)) return arrow::Status::OK();
    const auto listed = fs_.List(directory);
    if (!listed.ok()) {
      return calls_.unlisted && depth > 0 ? calls_.unlisted(directory, listed.status()) : listed.status();
    }
    auto entries = *listed;
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    const bool log = std::any_of(entries.begin(), entries.end(),
                                 [](const file::FileInfo& entry) { return entry.path == "_delta_log"; });
    if (log && delta::HoldsLog(fs_, directory)) return calls_.each(directory);
    for (const file::FileInfo& entry : entries) {
      if (!entry.is_directory || entry.path.starts_with('.') || entry.path.starts_with('_')) continue;
      if (depth == kDeepestTable) continue;
      ARROW_RETURN_NOT_OK(Visit(file::JoinPath(directory, entry.path), entry, depth + 1));
    }
    return arrow::Status::OK();
  }

 private:
  // Links may lead in circles, and through two of them there are as many paths as one likes.
  bool IsNew(const std::string& directory, const file::FileInfo& info) {
    if (info.device == 0 && info.inode == 0) return true;
    const auto [before, is_new] = seen_.emplace(std::pair{info.device, info.inode}, directory);
    if (is_new) return true;
    Log().info("{}: passed over: the same as {}", Readable(directory), Readable(before->second));
    if (calls_.linked) calls_.linked(directory, before->second);
    return false;
  }

  file::FileSystem& fs_;
  const StopFlag* const stop_;
  const TablesBelow& calls_;
  std::map<std::pair<uint64_t, uint64_t>, std::string> seen_;
};

}  // namespace

arrow::Status CheckDirectory(file::FileSystem& fs, const std::string& directory) {
  const auto info = fs.Stat(directory);
  if (IsKind(info.status(), ErrorKind::kNotFound)) return NotFound(directory + ": no such directory");
  ARROW_RETURN_NOT_OK(info.status());
  if (info->is_directory) return arrow::Status::OK();
  return InvalidInput(directory + ": is a file; tables are looked for in a directory",
                      "name a folder of tables, or a table");
}

arrow::Status ForEachTableBelow(file::FileSystem& fs, const std::string& directory, const StopFlag* stop,
                                const TablesBelow& calls) {
  ARROW_ASSIGN_OR_RAISE(const file::FileInfo info, fs.Stat(directory));
  return Walk(fs, stop, calls).Visit(directory, info, 0);
}

}  // namespace marquet::table
