// What the sources of one ingest know of each other.
//
// Sources of one call never take each other's place, whichever of them was in the table before. And a dry run
// remembers what it would have put where, so that it says of the next source what the run would say.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"
#include "marquet/pipeline/source_description.h"
#include "marquet/pipeline/source_files.h"

namespace marquet::pipeline {

// A table as a dry run leaves it in mind.
struct PlannedTable {
  bool is_new = false;  // not there yet; what follows is then known of it
  dbn::RecordKind kind = dbn::RecordKind::kMbp10;
  std::shared_ptr<arrow::Schema> schema;
  std::vector<std::string> partition_columns;
  std::vector<SourceDescription> sources;  // that would be in it

  const SourceDescription* Find(const std::string& digest) const;
};

class IngestCall {
 public:
  // `stop` may be null.
  IngestCall(std::shared_ptr<file::FileSystem> fs, const std::vector<SourceFile>& sources,
             const StopFlag* stop)
      : fs_(std::move(fs)), sources_(sources), stop_(stop) {}

  // Whether a source in the table is one of the call's: one that it brought, or whose bytes are those of one
  // of its files. Only files of as many bytes are hashed, once.
  arrow::Result<bool> Contains(const SourceDescription& held);
  void Brought(const std::string& digest) { digests_.insert(digest); }
  bool HasBroughtAny() const { return !digests_.empty(); }
  bool HasBrought(const std::string& digest) const { return digests_.contains(digest); }

  // By the table's path; nothing but in a dry run.
  std::map<std::string, PlannedTable> planned;

 private:
  const std::shared_ptr<file::FileSystem> fs_;
  const std::vector<SourceFile>& sources_;
  const StopFlag* const stop_;
  std::set<std::string> digests_;  // of sources that the call brought
  struct File {
    const std::string* path;
    std::string digest;  // empty until it is asked for
  };
  std::optional<std::multimap<int64_t, File>>
      files_;  // the call's, by size; nothing until they are asked for
};

}  // namespace marquet::pipeline
