#include "marquet/delta/commit_time.h"

#include "marquet/delta/commit_json.h"
#include "marquet/delta/log_files.h"

namespace marquet::delta {
namespace {

// Commits in front of the one found that are looked at: of writers whose clocks disagree, commits with times
// out of order stand close to each other.
constexpr int64_t kLookBack = 16;

}  // namespace

arrow::Result<int64_t> TimeOf(const CommitInfo& info, file::FileSystem& fs, const std::string& path) {
  if (info.timestamp_ms != 0) return info.timestamp_ms;
  ARROW_ASSIGN_OR_RAISE(const auto stat, fs.Stat(path));
  return stat.modified_ms;
}

arrow::Result<int64_t> CommitTime(file::FileSystem& fs, const std::string& log_directory, int64_t version) {
  const std::string path = file::JoinPath(log_directory, CommitName(version));
  ARROW_ASSIGN_OR_RAISE(const std::string text, file::ReadAll(fs, path));
  ARROW_ASSIGN_OR_RAISE(const CommitInfo info, CommitInfoFromJson(text, path));
  return TimeOf(info, fs, path);
}

arrow::Result<int64_t> LastCommitBy(file::FileSystem& fs, const std::string& log_directory, int64_t first,
                                    int64_t last, int64_t timestamp_ms) {
  int64_t by = first - 1, after = last + 1;  // what lies between is not known
  while (after - by > 1) {
    const int64_t middle = by + (after - by) / 2;
    ARROW_ASSIGN_OR_RAISE(const int64_t time, CommitTime(fs, log_directory, middle));
    (time <= timestamp_ms ? by : after) = middle;
  }
  for (int64_t at = by; at >= first && by - at < kLookBack; --at) {
    ARROW_ASSIGN_OR_RAISE(const int64_t time, CommitTime(fs, log_directory, at));
    if (time > timestamp_ms) by = at - 1;
  }
  return by;
}

}  // namespace marquet::delta
