// The files of a _delta_log directory: their names, what a listing shows, and reading one commit. Source: the
// Delta Transaction Log Protocol, "Delta Log Entries", "Checkpoints" and "Last Checkpoint File".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "marquet/delta/actions.h"
#include "marquet/file/file_system.h"

namespace marquet::delta {

// ".../_delta_log/00000000000000000042.json"
std::string CommitName(int64_t version);
// ".../_delta_log/00000000000000000042.checkpoint.parquet"
std::string CheckpointName(int64_t version);

// One complete checkpoint: the names of its files, several for a multi-part one.
struct CheckpointFiles {
  int64_t version = -1;
  std::vector<std::string> names;
};

struct LogListing {
  std::vector<int64_t> commits;              // ascending
  std::vector<CheckpointFiles> checkpoints;  // ascending by version; multi-part ones only when complete
};
LogListing ClassifyLogFiles(const std::vector<std::string>& names);

// What the _last_checkpoint file points at. kNotFound without the file, kCorruptData for one that cannot be
// used.
arrow::Result<CheckpointFiles> ReadLastCheckpoint(file::FileSystem& fs, const std::string& log_directory);

struct CommitFile {
  int64_t timestamp_ms = 0;  // see commit_time.h
  std::vector<Action> actions;
};

// kNotFound when there is no such commit.
arrow::Result<CommitFile> ReadCommit(file::FileSystem& fs, const std::string& log_directory, int64_t version);
// The same out of the text of the file at `path`.
arrow::Result<CommitFile> ParseCommit(file::FileSystem& fs, const std::string& path, std::string_view text);

// False for a directory without a _delta_log, and for one whose _delta_log is empty but for temporary files,
// as a killed creation leaves it: no table. True where it cannot be listed.
bool HoldsLog(file::FileSystem& fs, const std::string& table);

// That a commit is gone from the midst of a log which has `last`.
arrow::Status MissingCommit(const std::string& table, int64_t version, int64_t last);

}  // namespace marquet::delta
