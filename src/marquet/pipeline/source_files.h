// Which files an ingest reads: what the user named, looked into.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "marquet/base/hash.h"
#include "marquet/base/progress.h"
#include "marquet/dbn/metadata.h"
#include "marquet/file/file_system.h"

namespace marquet::pipeline {

struct SourceFile {
  std::string path;                          // "-" for standard input
  std::optional<std::string> sha256;         // that a batch folder's manifest promises
  std::vector<dbn::SymbolMapping> mappings;  // of the batch folder's symbology.json
  std::string note;  // days of the batch folder that its condition.json does not call good

  bool standard_input() const { return path == "-"; }
  std::string name() const { return standard_input() ? "standard input" : path; }
};

// Files as they are named; of a directory the DBN files in it and below it, sorted by name; of a Databento
// batch folder (a directory with manifest.json) the DBN files that its manifest lists. kNotFound for a
// missing path, a directory without DBN files, and a file of the manifest that is not there; kCorruptData for
// a broken manifest.json, symbology.json or condition.json, and for a file whose size is not the manifest's.
arrow::Result<std::vector<SourceFile>> FindSourceFiles(file::FileSystem& fs,
                                                       const std::vector<std::string>& sources);

// The bytes of a source, hashed while they are read. One thread reads; position() may be asked from any.
class SourceStream;
struct OpenedSource {
  std::shared_ptr<SourceStream> hashed;
  std::shared_ptr<arrow::io::InputStream> stream;
  int64_t size = 0;  // 0 when it is not known
};
arrow::Result<OpenedSource> OpenSource(file::FileSystem& fs, const SourceFile& source);
int64_t PositionOf(const SourceStream& stream);
// Reads what is left and checks the promised hash: kCorruptData when it differs. The digest of all bytes.
// `stop` may be null.
arrow::Result<std::string> FinishDigest(SourceStream& stream, const SourceFile& source, const StopFlag* stop);

// The digest of a file's bytes, without decoding any. `stop` may be null.
arrow::Result<std::string> DigestOfFile(file::FileSystem& fs, const std::string& path, const StopFlag* stop);

}  // namespace marquet::pipeline
