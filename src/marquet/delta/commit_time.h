// When commits were made, and which was the last one by then.
//
// A commit's time is its inCommitTimestamp, else the timestamp of its commitInfo, else the modification time
// of its file. Writers with clocks of their own may leave a commit a time that is not after the one before
// it; it then counts as one millisecond later than that one, as Spark has it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "marquet/delta/actions.h"
#include "marquet/file/file_system.h"

namespace marquet::delta {

// In milliseconds. kNotFound without the file.
arrow::Result<int64_t> CommitTime(file::FileSystem& fs, const std::string& log_directory, int64_t version);

// The same of a commit whose info was read: `path` is its file.
arrow::Result<int64_t> TimeOf(const CommitInfo& info, file::FileSystem& fs, const std::string& path);

// A commit and its time, counted so.
struct CountedCommit {
  int64_t version;
  int64_t time_ms;
};

// The time of a commit, counted so from the oldest on that is there; of `known`, an earlier one, it was
// counted before. Reads the beginnings of the commits back to the first whose time is known to be later than
// all before it (CommitInfo::is_ordered).
arrow::Result<int64_t> CountedTime(file::FileSystem& fs, const std::string& log_directory, int64_t version,
                                   std::optional<CountedCommit> known = {});

// The last of the commits `first` to `last`, which are all there, whose time, counted so from `first` on, is
// not after `timestamp_ms`; `first` - 1 when there is none. By halving: reads the beginnings of as many
// commits as the logarithm of their number where each says that its time is later than all before it, and of
// as many as there are at most where none does, since any clock may have been ahead.
arrow::Result<int64_t> LastCommitBy(file::FileSystem& fs, const std::string& log_directory, int64_t first,
                                    int64_t last, int64_t timestamp_ms);

}  // namespace marquet::delta
