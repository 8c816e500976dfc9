// Labels that builds of samples stored and whose samples never came, or are gone. Internal to the room.
#pragma once

#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/file/leftovers.h"

namespace marquet::pipeline {

// Of every table in the directory and below it: the files of labels by digest (sample_labels.h) that no row
// of a data file refers to, whether the file is of the newest version or merely still there: as long as it
// is, an older version can be restored. Of a table with a data file that no version names and that cannot be
// read, there are none. Young ones are listed as such and stay, because a build may be about to commit;
// others are removed when that is asked for. Sorted by path. Errors: those of reading the tables and their
// data files.
arrow::Result<std::vector<file::Leftover>> FindStaleLabels(const std::string& directory,
                                                           const file::LeftoverOptions& options);

}  // namespace marquet::pipeline
