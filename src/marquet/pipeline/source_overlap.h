// Which sources already fill the time ranges that another one brings.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/delta/log.h"
#include "marquet/file/file_system.h"
#include "marquet/pipeline/source_description.h"

namespace marquet::pipeline {

// A source with rows in the table for a symbol and date, in a time range that meets the new one's.
struct Overlap {
  SourceDescription source;
  RangeKey where;  // the first symbol and date at which they meet
  SourceRange range;
  std::vector<std::shared_ptr<const delta::AddFile>> files;  // all live files of the source
  bool apart =
      true;  // whether all its rows are in `files`; another engine may have put some into files of its own
};

// What earlier ingests of the same bytes brought; they meet their own range, of course.
enum class SameBytes {
  kAreNoOverlap,
  kOverlap,  // all of their rows, also those without a time
};

// `digest` is the new source's own. Costs no I/O but for the descriptions of sources whose files, by the
// log's partition values and statistics, may meet the ranges; of all sources where such a file does not tell
// whose rows it holds. kNotFound when such a description is missing.
arrow::Result<std::vector<Overlap>> FindOverlaps(file::FileSystem& fs, const std::string& table,
                                                 const delta::Snapshot& snapshot,
                                                 const std::map<RangeKey, SourceRange>& ranges,
                                                 const std::string& digest, SameBytes same_bytes);

// The live files whose rows came from a source.
std::vector<std::shared_ptr<const delta::AddFile>> FilesOfSource(const delta::Snapshot& snapshot,
                                                                 const std::string& id);

// "ESH4 on 2024-01-02".
std::string RangeName(const RangeKey& key);

}  // namespace marquet::pipeline
