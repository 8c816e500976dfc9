// The tables in a directory and below it.
#pragma once

#include <functional>
#include <string>

#include "arrow/status.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"

namespace marquet::table {

// kNotFound when it is not there, kInvalidInput when it is a file.
arrow::Status CheckDirectory(file::FileSystem& fs, const std::string& directory);

struct TablesBelow {
  // With the path of every table; the walk ends at its first error.
  std::function<arrow::Status(const std::string& table)> each;
  // With a directory below the first one that cannot be listed, and why; decides. Without it this is the
  // walk's error.
  std::function<arrow::Status(const std::string& directory, const arrow::Status& why)> unlisted = {};
  // With a directory that was looked into under another name before, by a link: it is not entered again.
  std::function<void(const std::string& directory, const std::string& before)> linked = {};
};

// Tables lie in no other table, and in no directory that is hidden or begins with '_'. A _delta_log that is
// empty but for temporary files makes no table. kNotFound when there is no such directory, kStorage when one
// cannot be listed.
arrow::Status ForEachTableBelow(file::FileSystem& fs, const std::string& directory, const StopFlag* stop,
                                const TablesBelow& calls);

}  // namespace marquet::table
