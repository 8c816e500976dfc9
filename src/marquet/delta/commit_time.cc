#include "marquet/delta/commit_time.h"

#include <algorithm>
#include <vector>

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>

#include "marquet/base/error.h"
#include "marquet/delta/commit_json.h"
#include "marquet/delta/log_files.h"

namespace marquet::delta {
namespace {

// Enough for the commitInfo that most writers put first; what follows may be long.
constexpr int64_t kHeadBytes = 4096;

arrow::Result<CommitInfo> ReadInfo(file::FileSystem& fs, const std::string& path) {
  {
    ARROW_ASSIGN_OR_RAISE(const auto file, fs.OpenForReading(path));
    ARROW_ASSIGN_OR_RAISE(const auto head, file->ReadAt(0, kHeadBytes));
    const std::string_view text(*head);
    const size_t end = text.find('\n');
    if (end != text.npos && text.starts_with("{\"commitInfo\":")) {
      return CommitInfoFromJson(text.substr(0, end), path);
    }
  }
  ARROW_ASSIGN_OR_RAISE(const std::string text, file::ReadAll(fs, path));
  return CommitInfoFromJson(text, path);
}

}  // namespace

arrow::Result<int64_t> TimeOf(const CommitInfo& info, file::FileSystem& fs, const std::string& path) {
  if (info.timestamp_ms != 0) return info.timestamp_ms;
  ARROW_ASSIGN_OR_RAISE(const auto stat, fs.Stat(path));
  return stat.modified_ms;
}

arrow::Result<int64_t> CommitTime(file::FileSystem& fs, const std::string& log_directory, int64_t version) {
  const std::string path = file::JoinPath(log_directory, CommitName(version));
  ARROW_ASSIGN_OR_RAISE(const CommitInfo info, ReadInfo(fs, path));
  return TimeOf(info, fs, path);
}

arrow::Result<int64_t> CountedTime(file::FileSystem& fs, const std::string& log_directory, int64_t version,
                                   std::optional<CountedCommit> known) {
  std::vector<int64_t> times;  // of `version`, the one before, ...
  int64_t counted = INT64_MIN;
  for (int64_t at = version; at >= 0; --at) {
    if (known && at == known->version) {
      counted = known->time_ms;
      break;
    }
    const std::string path = file::JoinPath(log_directory, CommitName(at));
    const auto info = ReadInfo(fs, path);
    if (IsKind(info.status(), ErrorKind::kNotFound) && at < version) break;  // clean-up took it
    ARROW_RETURN_NOT_OK(info.status());
    ARROW_ASSIGN_OR_RAISE(times.emplace_back(), TimeOf(*info, fs, path));
    if (info->is_ordered) break;
  }
  for (; !times.empty(); times.pop_back()) counted = std::max(times.back(), counted + 1);
  return counted;
}

arrow::Result<int64_t> LastCommitBy(file::FileSystem& fs, const std::string& log_directory, int64_t first,
                                    int64_t last, int64_t timestamp_ms) {
  CountedCommit by{first - 1, INT64_MIN};  // the last that is known to be by then
  int64_t after = last + 1;                // the first that is known not to be
  while (after - by.version > 1) {
    CountedCommit middle{by.version + (after - by.version) / 2, 0};
    ARROW_ASSIGN_OR_RAISE(middle.time_ms, CountedTime(fs, log_directory, middle.version, by));
    if (middle.time_ms <= timestamp_ms) {
      by = middle;
    } else {
      after = middle.version;
    }
  }
  return by.version;
}

}  // namespace marquet::delta
