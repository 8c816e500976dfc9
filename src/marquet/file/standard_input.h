// Standard input as a stream that a stop request ends, also while nothing comes.
#pragma once

#include <memory>

#include "arrow/io/type_fwd.h"
#include "marquet/base/progress.h"

namespace marquet::file {

// Reads give what is there, at least one byte but at the end. Arrow's Cancelled within a tenth of a second
// after the stop was requested, and likewise after Abort, which any thread may call; kStorage when the
// operating system refuses. `stop` may be null. One thread reads.
std::shared_ptr<arrow::io::InputStream> StandardInput(const StopFlag* stop);

}  // namespace marquet::file
