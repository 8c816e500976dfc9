// What earlier attempts of a rolling writer left in its folder: files that nothing tells of, and rows that
// are written a second time.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "arrow/status.h"
#include "marquet/file/file_system.h"
#include "marquet/output/output_template.h"

namespace marquet::output {

// The key in a file's footer under which a rolling writer's run is named.
inline constexpr const char* kRunKey = "marquet.writer";

struct Orphans {
  std::string folder;
  const OutputTemplate* name_template = nullptr;
  TemplateValues known;            // values that all names of this writer share
  std::string run;                 // whose files they are
  std::set<std::string> recorded;  // names that the manifest lists
  int64_t attempt = 0;             // the one that sets them aside
};

// Moves the files of a run that its manifest does not list to `_marquet/retired/`: complete files, published
// before a crash. Other files are not touched, whatever their names.
arrow::Status RetireOrphans(const std::shared_ptr<file::FileSystem>& fs, const Orphans& orphans);

// The same of one file, by its name within the folder. False where it is not one of those, and is there.
arrow::Result<bool> RetireOrphan(const std::shared_ptr<file::FileSystem>& fs, const Orphans& orphans,
                                 const std::string& name);

// Whether the file at `path` names this run in its footer; false for what is not a Parquet file.
bool IsOfRun(const std::shared_ptr<file::FileSystem>& fs, const std::string& path, const std::string& run);

// kConflict, naming the row, where the rows of `again` are not those of `published`, each the rows of several
// files one after the other. `prefix`: `again` may end sooner.
arrow::Status CheckSameRows(const std::shared_ptr<file::FileSystem>& fs,
                            const std::vector<std::string>& published, const std::vector<std::string>& again,
                            bool prefix);

}  // namespace marquet::output
