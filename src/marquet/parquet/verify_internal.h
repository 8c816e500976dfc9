// Checks over an opened file, for the writer (before a file has its name) and for VerifyFile.
#pragma once

#include <string>

#include "arrow/io/type_fwd.h"
#include "arrow/status.h"
#include "marquet/parquet/verify.h"

namespace parquet {
class FileMetaData;
}

namespace marquet::pq {

// Checks that the bytes behind `file` are the file that `footer` describes, as far as `level` asks.
// kCorruptData names the first difference.
arrow::Status CheckWritten(arrow::io::RandomAccessFile& file, const std::string& path,
                           const ::parquet::FileMetaData& footer, VerifyLevel level);

// VerifyFile for a file that is open.
arrow::Result<FileVerdict> VerifyOpened(arrow::io::RandomAccessFile& file, const std::string& path,
                                        VerifyLevel level, const Expectation& expected, const StopFlag* stop,
                                        bool parallel);

}  // namespace marquet::pq
