// The threads that encode and decode columns, shared by all writers and readers of the process.
//
// They are apart from Arrow's own pool, whose threads may be the ones that call into this room: a pool's
// thread that waits for tasks of the same pool can wait for ever. Tasks given to these threads wait for
// nothing.
#pragma once

namespace arrow::internal {
class ThreadPool;
}

namespace marquet::pq {

// A null pointer when no threads can be had: then the work is done by who asks for it.
arrow::internal::ThreadPool* ColumnThreads();

}  // namespace marquet::pq
