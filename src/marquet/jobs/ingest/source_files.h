// Which files an ingest reads: what the user named, looked into.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "marquet/dbn/metadata.h"
#include "marquet/file/file_system.h"

namespace marquet::jobs {

struct SourceFile {
  std::string path;                    // "-" for standard input
  std::optional<std::string> told_as;  // its name, where that is another than the path
  std::optional<std::string> sha256;   // that a batch folder's manifest promises
  // Of the batch folder's symbology.json, as symbol -> ids; may be null. Files of one folder share them.
  std::shared_ptr<const std::vector<dbn::SymbolMapping>> mappings;
  std::string note;  // what a batch folder says of the file

  bool standard_input() const { return path == "-"; }
  std::string name() const { return told_as ? *told_as : standard_input() ? "standard input" : path; }
};

// What lies in a folder, or was named, and is not read.
struct PassedOver {
  std::string path;  // with escapes where it is not UTF-8
  std::string why;   // what it is: "not named *.dbn or *.dbn.zst"
};

struct FoundSources {
  std::vector<SourceFile> files;
  std::vector<PassedOver> passed_over;
};

// Files as they are named; of a directory the DBN files in it and below it, sorted by name; of a Databento
// batch folder (a directory with manifest.json) the DBN files that its manifest lists. A file is taken once,
// whatever other names lead to it, and so is a directory. kNotFound for a missing path, a directory without
// DBN files, and a file of the manifest that is not there; kCorruptData for a broken manifest.json,
// symbology.json or condition.json, and for a file whose size (for these three: or hash) is not the
// manifest's; kInvalidInput for a file whose path is not UTF-8.
arrow::Result<FoundSources> FindSourceFiles(file::FileSystem& fs, const std::vector<std::string>& sources);

// "15:00", "15:00:30.5Z": the second word of a time that stands without quotes, not a file.
bool IsTimeOfDay(std::string_view word);

// "day.mbo.dbn", "day.dbn.zst", "part.dbn.frag.zst", in any case; a legacy ".dbz", and DBN under another
// compression, too, so that they are refused and not passed over. What stands beside such files or becomes
// one ("day.dbn.zst.sha256", "day.dbn.part") is none.
bool IsDbnName(std::string_view name);

}  // namespace marquet::jobs
