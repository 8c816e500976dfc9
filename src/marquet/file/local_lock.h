// The lock of the operating system's files. For the room itself.
#pragma once

#include <memory>
#include <string>

#include "arrow/result.h"
#include "marquet/file/file_system.h"

namespace marquet::file {

// As FileSystem::Lock.
arrow::Result<std::unique_ptr<FileLock>> LockLocalFile(const std::string& path);

}  // namespace marquet::file
