// The threads that encode and decode columns, shared by all writers and readers of the process.
//
// They are apart from Arrow's own pool, whose threads may be the ones that call into this room: a pool's
// thread that waits for tasks of the same pool can wait for ever. Tasks given to these threads wait for
// nothing.
#pragma once

#include <functional>

#include "arrow/status.h"

namespace arrow::internal {
class Executor;
}

namespace marquet {

// A null pointer when no thread can be had: then the work is done by who asks for it. Otherwise they take
// every task, on as many threads as can be had; what a task throws is the error of who waits for its future.
arrow::internal::Executor* ColumnThreads();

// Calls work(0) ... work(items - 1), each once and in any order, on this thread and, when `parallel`, on
// others beside it. Returns the first error, after all calls.
arrow::Status ForEach(int items, bool parallel, const std::function<arrow::Status(int)>& work);

}  // namespace marquet
