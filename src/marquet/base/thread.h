// The one way to start a thread. One that cannot be started is an error with its text, and what a thread's
// function throws is a status of its Join(): neither ends the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"

namespace marquet {

// A running thread, or none. Belongs to one thread at a time, and waits for its own at its end; in a fork of
// the process that started it, where it is not, for nothing.
class Thread {
 public:
  // Runs `work` on a new thread. kStorage, with the errno, when there can be none: a limit of the user or of
  // the container, most often. `purpose` opens the message: "read day.dbn.zst". A function that others wait
  // for must tell them of its failures itself; what it throws nonetheless is kept for Join().
  static arrow::Result<Thread> Start(std::string_view purpose, std::function<arrow::Status()> work);

  Thread();
  Thread(Thread&&) noexcept;
  Thread& operator=(Thread&&) noexcept;  // joins what it had
  ~Thread();

  bool started() const { return state_ != nullptr; }  // and not joined
  bool ended() const;                                 // its work is done: Join() will not wait

  // Waits for the end: what `work` returned, or threw. OK for none, and in a fork.
  arrow::Status Join();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Starts threads for `work` until there are `wanted` of them: as many as can be had, which may be fewer or
// none. OK when all could be had, and otherwise why not; a caller that can work with fewer goes on with
// `threads`.
arrow::Status StartThreads(std::string_view purpose, size_t wanted,
                           const std::function<arrow::Status()>& work, std::vector<Thread>* threads);

// For tests: starts of threads fail with EAGAIN from the `first` on, counted from now, up to the `last`; 0
// ends that. With MARQUET_TEST_NO_THREADS in a program's environment none can be started. Thread safe.
void FailThreadStarts(int64_t first, int64_t last = INT64_MAX);
int64_t ThreadStarts();  // that were asked for since FailThreadStarts was called

}  // namespace marquet
