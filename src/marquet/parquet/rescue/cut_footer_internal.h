// The beginning of a footer whose end is cut off, among what lies behind the last page that could be walked
// to.
#pragma once

#include <cstdint>
#include <optional>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/parquet/format/footer_internal.h"

namespace marquet::pq {

struct CutFooter {
  int64_t begin = 0;  // in the file
  // Of all row groups; nothing where the footer is cut before it says so.
  std::optional<int64_t> rows;
};

// Looks for a footer of these columns, all of whose names that are left are theirs, in a range of the file
// that ends where the file ends. Nothing where there is none, or too little of it to be told from other
// bytes. Memory: a few MiB.
arrow::Result<std::optional<CutFooter>> FindCutFooter(arrow::io::RandomAccessFile& file, ByteRange range,
                                                      const ::parquet::SchemaDescriptor& schema,
                                                      const StopFlag* stop);

// Whether a range of the file is a page index as a whole: column and offset indexes one after the other, or
// nothing at all. `cut`: the last of them may be cut off, and one at least must be there as a whole. False of
// more bytes than are looked at (64 MiB).
arrow::Result<bool> IsPageIndex(arrow::io::RandomAccessFile& file, ByteRange range, bool cut);

}  // namespace marquet::pq
