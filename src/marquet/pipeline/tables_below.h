// The tables in a directory and below it. Internal to the room.
#pragma once

#include <functional>
#include <string>

#include "arrow/status.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"

namespace marquet::pipeline {

// kNotFound when it is not there, kInvalidInput when it is a file.
arrow::Status CheckDirectory(file::FileSystem& fs, const std::string& directory);

// Calls `each` with the path of every table, and ends at its first error. Tables lie in no other table, and
// in no directory that is hidden or begins with '_'. kNotFound when there is no such directory, kStorage when
// one cannot be listed; where `unlisted` is given, it is called with a directory below the first one that
// cannot be listed and why, and decides.
arrow::Status ForEachTableBelow(file::FileSystem& fs, const std::string& directory, const StopFlag* stop,
                                const std::function<arrow::Status(const std::string& table)>& each,
                                const std::function<arrow::Status(const std::string& directory,
                                                                  const arrow::Status& why)>& unlisted = {});

}  // namespace marquet::pipeline
