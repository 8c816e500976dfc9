// Rows out of a damaged Parquet file: finds the schema, then pq::Rescue.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"
#include "marquet/parquet/rescue/rescue.h"

namespace marquet::jobs {

struct RescueOptions {
  std::string path;
  std::string out;
  // At most one of the two. Without them, the journal beside a temporary file is used where there is one.
  std::optional<std::string> schema;  // a Parquet file with the same columns
  std::optional<std::string> table;   // whose data file `path` was to be
  int jobs = 0;
  int64_t memory = int64_t{512} << 20;  // for the new file
  ProgressCallback progress;
  const StopFlag* stop = nullptr;
};

// Errors: pq::Rescue's, and those of opening the file or table that the schema comes from.
arrow::Result<pq::RescueReport> Rescue(const std::shared_ptr<file::FileSystem>& fs,
                                       const RescueOptions& options);

std::string ToText(const pq::RescueReport& report);
std::string ToJson(const pq::RescueReport& report);

}  // namespace marquet::jobs
