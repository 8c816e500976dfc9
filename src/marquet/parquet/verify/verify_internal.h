// Checks over an opened file, for the writer (before a file has its name) and for VerifyFile.
#pragma once

#include <memory>
#include <string>

#include "arrow/io/type_fwd.h"
#include "arrow/status.h"
#include "marquet/parquet/verify/verify.h"

namespace parquet {
class FileMetaData;
}

namespace marquet::pq {

// Checks that the bytes behind `file` are the file that `footer` describes, as far as `level` asks.
// kCorruptData names the first difference.
arrow::Status CheckWritten(arrow::io::RandomAccessFile& file, const std::string& path,
                           const ::parquet::FileMetaData& footer, VerifyLevel level);

// VerifyFile for a file that is open, but for the order of its rows. `metadata`, unless it is a null pointer,
// gets the footer, where there is one: at the end of the file, or inside of it.
arrow::Result<FileVerdict> VerifyOpened(arrow::io::RandomAccessFile& file, const std::string& path,
                                        VerifyLevel level, const Expectation& expected, const StopFlag* stop,
                                        bool parallel,
                                        std::shared_ptr<::parquet::FileMetaData>* metadata = nullptr);

}  // namespace marquet::pq
