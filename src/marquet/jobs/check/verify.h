// Checks whatever is at some paths: tables, Parquet files, and directories of Parquet files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

struct VerifyOptions {
  std::vector<std::string> paths;
  pq::VerifyLevel level = pq::VerifyLevel::kFull;
  bool strict = false;  // what is odd (pq::FileVerdict) is not OK either
  int jobs = 0;
  ProgressCallback progress;
  const StopFlag* stop = nullptr;
};

// What Table::Verify finds, and besides it the descriptions of the table's sources (source_description.h):
// those of sources of this version that are not there are missing, and every one that is there is checked;
// damage of one has the region "source description". Of a table of samples (but for kFooter) the boundaries
// of their labels must be there and have the digests that the samples name: region "labels".
arrow::Result<table::TableVerdict> VerifyTable(file::FileSystem& fs, const table::Table& table,
                                               pq::VerifyLevel level, int jobs = 0,
                                               const ProgressCallback& progress = {},
                                               const StopFlag* stop = nullptr);

struct PathVerdict {
  std::string path;
  std::string kind;      // "table", "file", "directory"
  int64_t version = -1;  // of a table
  table::TableVerdict verdict;
};

struct VerifyReport {
  std::vector<PathVerdict> paths;
  bool ok = true;
};

// All verdicts as one, for a caller that asked about one path: names of files inside tables come with the
// table's path before them where there are several verdicts.
PathVerdict Together(const VerifyReport& report, const std::string& path);

// A directory with "_delta_log" is a table; another directory is searched, below it too and leaving out names
// that begin with '.' or '_', for tables, each of which gets a verdict of its own, and for other "*.parquet",
// which share one. Where a checkpointed writer made the files (rolling_writer.h), its manifest says what they
// must be, which are missing, and which it does not know. What cannot be checked among several (paths, or
// files of a table or directory) stands in the verdict with the region "unchecked", which is no damage but
// not OK either. Where a single path is asked for, a status that is not OK means that it could not be
// checked: kNotFound for a path that is not there or a directory with neither; kInvalidInput for a DBN file.
arrow::Result<VerifyReport> Verify(const std::shared_ptr<file::FileSystem>& fs, const VerifyOptions& options);

std::string ToText(const VerifyReport& report);
std::string ToJson(const VerifyReport& report);

}  // namespace marquet::jobs
