// Whether a log's checkpoints say what its commits say. Thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"

namespace marquet::delta {

struct DamagedCheckpoint {
  std::string name;  // of its file in _delta_log, or of the first of its files
  std::string message;
};

// Of the checkpoints up to a version those that are damaged, and, as far as the commits before them are still
// there, those that say another thing than these of files, their sizes and partition values, transactions,
// metadata or protocol. Where the oldest commits are gone, the oldest checkpoint that can be read stands for
// them. Reads the whole log; damaged commits are not told here (FindDamagedCommits in log.h).
arrow::Result<std::vector<DamagedCheckpoint>> FindDamagedCheckpoints(
    const std::shared_ptr<file::FileSystem>& fs, const std::string& table, int64_t version,
    const StopFlag* stop = nullptr);

}  // namespace marquet::delta
