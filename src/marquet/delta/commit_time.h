// When commits were made, and which was the last one by then.
//
// A commit's time is its inCommitTimestamp, else the timestamp of its commitInfo, else the modification time
// of its file. Writers with clocks of their own may leave a commit an earlier time than the one before it; by
// the Delta Transaction Log Protocol it then counts as not earlier than that one.
#pragma once

#include <cstdint>
#include <string>

#include "arrow/result.h"
#include "marquet/delta/actions.h"
#include "marquet/file/file_system.h"

namespace marquet::delta {

// In milliseconds. kNotFound without the file.
arrow::Result<int64_t> CommitTime(file::FileSystem& fs, const std::string& log_directory, int64_t version);

// The same of a commit whose info was read: `path` is its file.
arrow::Result<int64_t> TimeOf(const CommitInfo& info, file::FileSystem& fs, const std::string& path);

// The last of the commits `first` to `last`, which are all there, whose time is not after `timestamp_ms`;
// `first` - 1 when there is none. Reads about as many as `last - first` has binary digits, and the few in
// front of what it finds, where a clock that was ahead may have left a later time.
arrow::Result<int64_t> LastCommitBy(file::FileSystem& fs, const std::string& log_directory, int64_t first,
                                    int64_t last, int64_t timestamp_ms);

}  // namespace marquet::delta
