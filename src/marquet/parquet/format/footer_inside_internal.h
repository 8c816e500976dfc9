// The footer of a file that something was put behind: a newline, a block of zeros.
#pragma once

#include <optional>
#include <string>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/parquet/format/footer_internal.h"

namespace marquet::pq {

struct FooterInside {
  std::optional<Footer> footer;  // nothing when there is no place where a file may end
  bool gave_up = false;  // of places before those that were looked at nothing is known: there are too many
};

// Looks for the last place, in a file of `size` bytes that has no footer at its end, where a Parquet file may
// end: a footer that can be read, and that claims nothing outside of the bytes before it. Only the last 64
// MiB are looked through.
//
// A footer that fits need not be the file's own: a page can hold the bytes of another file. Whether the pages
// are those that it tells of is the caller's to check.
arrow::Result<FooterInside> FindFooterInside(arrow::io::RandomAccessFile& file, const std::string& path,
                                             int64_t size, const StopFlag* stop);

}  // namespace marquet::pq
