// Labels that builds of samples stored and whose samples never came, or are gone. Internal to the room.
#pragma once

#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/file/leftovers.h"

namespace marquet::jobs {

// Of every table in the directory and below it: the files of labels by digest (sample_labels.h) that no row
// of any version refers to, the newest or an older one whose data files are still there, since that can be
// restored. Data files that no commit ever added are of builds that were killed, and keep nothing; where the
// log has forgotten its first commits, they may be of a version and count, and when one cannot be read, no
// labels are found. Young ones are listed as such and stay; others are removed when that is asked for, under
// the lock of the labels, and stay (`owner_lives`, without a process) while a build has that. Sorted by path.
// Errors: those of reading the tables and their data files.
arrow::Result<std::vector<file::Leftover>> FindStaleLabels(const std::string& directory,
                                                           const file::LeftoverOptions& options);

}  // namespace marquet::jobs
