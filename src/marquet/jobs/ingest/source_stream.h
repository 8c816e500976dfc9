// The bytes of a source, hashed while they are read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"
#include "marquet/jobs/ingest/source_files.h"

namespace marquet::jobs {

// One thread reads; PositionOf may be asked from any.
class SourceStream;
struct OpenedSource {
  std::shared_ptr<SourceStream> hashed;
  std::shared_ptr<arrow::io::InputStream> stream;
  int64_t size = 0;  // 0 when it is not known
};
// `stop`, which may be null, ends a wait for standard input, too.
arrow::Result<OpenedSource> OpenSource(file::FileSystem& fs, const SourceFile& source, const StopFlag* stop);
int64_t PositionOf(const SourceStream& stream);
// Ends a read of another thread that waits for standard input. Nothing is to be read afterwards.
void Abandon(SourceStream& stream);
// Reads what is left and checks the promised hash: kCorruptData when it differs. The digest of all bytes.
// `stop` may be null.
arrow::Result<std::string> FinishDigest(SourceStream& stream, const SourceFile& source, const StopFlag* stop);

// The digest of a file's bytes, without decoding any. `stop` may be null.
arrow::Result<std::string> DigestOfFile(file::FileSystem& fs, const std::string& path, const StopFlag* stop);

}  // namespace marquet::jobs
