// Open files of the operating system: one that is written from its first byte on, one that is read anywhere.
// Internal to this room; LocalFileSystem() makes them.
#pragma once

#include <memory>
#include <string>

#include "arrow/io/interfaces.h"
#include "marquet/file/file_system.h"

namespace marquet::file {

// Creates `path`, which must not exist (O_CREAT | O_EXCL | O_CLOEXEC).
arrow::Result<std::unique_ptr<WritableFile>> CreateLocalFile(const std::string& path);

// Opens a regular file to append to it.
arrow::Result<std::unique_ptr<WritableFile>> OpenLocalFileAtEnd(const std::string& path);

// Opens a regular file. The size is the one at opening: files that were published never change. ReadAt is one
// pread, may be called from many threads at once, and never reads past that size.
arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenLocalFile(const std::string& path);

}  // namespace marquet::file
