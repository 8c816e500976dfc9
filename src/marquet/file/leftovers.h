// Temporary files, and the journals beside them, that writers left behind when they were killed.
//
// They do no harm but to take space. What is taken for one has exactly a name that this room makes
// (temporary_name.h), is a regular file, has not been changed for a while, and its writer is not a living
// process of this machine. So is a directory of such a name with the one file that it was made for, when it
// holds nothing else. Of writers on other machines, and in other containers, only the time can tell.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/base/progress.h"

namespace marquet::file {

struct LeftoverOptions {
  int64_t older_than_ms = int64_t{3600} * 1000;  // since the file, or one it goes with, was changed
  bool remove = false;
  const StopFlag* stop = nullptr;
};

struct Leftover {
  std::string path;        // a directory has no bytes of its own
  std::string final_name;  // of the file that it was to be, or the beginning of it
  bool journal = false;
  int64_t bytes = 0;
  int64_t age_ms = 0;
  int64_t pid = 0;
  bool young = false;        // not to be removed: changed a short while ago
  bool owner_lives = false;  // not to be removed: its writer may be at it
  bool removed = false;

  bool kept() const { return young || owner_lives; }
};

// Looks through the directory and all below it, without following symbolic links, and removes what is left
// behind when that is asked for. Sorted by path. Nothing is removed when a directory cannot be listed.
// kNotFound when there is no such directory, kStorage when one cannot be listed or a file not be removed.
arrow::Result<std::vector<Leftover>> FindLeftovers(const std::string& directory,
                                                   const LeftoverOptions& options);

}  // namespace marquet::file
