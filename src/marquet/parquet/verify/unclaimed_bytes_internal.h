// Bytes of a file that are of nothing its footer names.
//
// Chunks, indexes and Bloom filters have their places in the footer. Between them writers put a chunk's
// metadata once more, and zeros. All else was not put there by the writer of the footer: the file may be two
// that were joined, of which the second one's footer finds the pages of the first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/parquet/format/footer_internal.h"

namespace marquet::pq {

struct UnclaimedBytes {
  ByteRange range;
  // Pages that no column chunk has, or all of another file: rows that nobody reads, or that are read for
  // others; or so much that looks like the end of a file that not all of it was looked at. False of bytes
  // that can be told from rows, or that mean nothing: an older footer, what a writer keeps for itself.
  bool holds_rows = false;
  std::string what;  // what they look like, as the end of a sentence; may be empty
};

// `known`: where the pages of each column chunk lie, and the Bloom filters that are whole.
arrow::Result<std::vector<UnclaimedBytes>> FindUnclaimed(arrow::io::RandomAccessFile& file,
                                                         const Footer& footer, std::vector<ByteRange> known,
                                                         const StopFlag* stop);

// The same of what lies behind a footer, in these bytes of the file: nothing where that is zeros alone, with
// or without the magic of a file that begins there.
arrow::Result<std::optional<UnclaimedBytes>> LookBehindFooter(arrow::io::RandomAccessFile& file,
                                                              ByteRange tail, const StopFlag* stop);

}  // namespace marquet::pq
