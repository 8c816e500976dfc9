// Text that is to be written must be UTF-8: readers refuse a file with other text, or show something else.
#pragma once

#include <cstdint>

#include "arrow/status.h"
#include "arrow/type_fwd.h"

namespace marquet::pq {

// kInvalidInput for a column of text, or with text in its parts, that is not UTF-8, naming it and the row.
// `first_row`: what the first one is called. Looks at every byte of text. Thread safe.
arrow::Status CheckText(const arrow::RecordBatch& batch, int64_t first_row);

}  // namespace marquet::pq
