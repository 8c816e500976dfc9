// Which sources already fill the time ranges that another one brings.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "marquet/delta/log.h"
#include "marquet/file/file_system.h"
#include "marquet/ledger/held_source.h"
#include "marquet/ledger/source_index.h"

namespace marquet::ledger {

// What another source would be brought for.
enum class Intent {
  kAppend,   // ranges that touch are no overlap
  kReplace,  // they are one, where the time at which they touch is all that one of the two has
};

// A range of the new source that another one fills already.
struct RangeOverlap {
  RangeKey where;
  SourceRange ours, theirs;
};

// A source with rows in the table for a symbol (or an instrument without one), date and publisher, in a time
// range that meets the new one's.
struct Overlap {
  HeldSource source;
  bool same_bytes = false;
  std::vector<RangeOverlap> ranges;                          // at least one, but for the same bytes
  std::vector<std::shared_ptr<const delta::AddFile>> files;  // all live files of the source
  bool apart =
      true;  // whether all its rows are in `files`; another engine may have put some into files of its own
};

// Where two sources meet; nothing for those of two data sets, and of two kinds.
std::vector<RangeOverlap> OverlapsOf(const SourceDescription& ours, const SourceDescription& theirs,
                                     Intent intent);

// The sources that `incoming` overlaps with; earlier ingests of the same bytes, which are then one as a
// whole, only where `with_own` says so. Costs no I/O but for the descriptions of sources whose files, by the
// log's partition values and statistics, may meet its ranges; of all sources where such a file does not tell
// whose rows it holds. Ranges of descriptions in the first format are narrowed by what the statistics of the
// source's files say. `index` is of the same table, and moves to the snapshot. kNotFound when such a
// description is missing.
arrow::Result<std::vector<Overlap>> FindOverlaps(file::FileSystem& fs, const std::string& table,
                                                 const std::shared_ptr<const delta::Snapshot>& snapshot,
                                                 const SourceDescription& incoming, Intent intent,
                                                 bool with_own, SourceIndex* index);

// The live files whose rows came from a source.
std::vector<std::shared_ptr<const delta::AddFile>> FilesOfSource(const delta::Snapshot& snapshot,
                                                                 const std::string& id);

// Whether a file's partition leaves room for rows of a symbol and date.
bool MayHold(const delta::AddFile& file, const RangeKey& key);

// What a file's partition and statistics prove of all its rows.
struct FileBounds {
  std::optional<RangeKey> key;       // the one symbol and date
  std::optional<SourceRange> range;  // publisher, rtype, instrument and times of all, as far as known
};
FileBounds BoundsOf(const delta::AddFile& file, const arrow::Schema& schema);

}  // namespace marquet::ledger
