// Where exceptions end: what this code calls may throw (memory that ran out, a thread that cannot be had),
// and what it promises is said in statuses.
//
// Two rules. A function that has published something marks it as published before anything that may throw, so
// that no destructor on the way of an exception takes it back. And where work is handed over (to a thread,
// out of a job, in a destructor) what it throws becomes a status, or ends there, and never std::terminate.
#pragma once

#include <string_view>
#include <type_traits>
#include <utility>

#include "arrow/status.h"

namespace marquet {

// To be called inside of a catch block: the exception as a status. Memory that ran out keeps Arrow's code for
// it (kStorage, for KindOf), a refusal of the operating system is kStorage with its errno, and others tell
// what they say. `doing` opens the message: "commit", or a path.
arrow::Status StatusOfException(std::string_view doing);

// Runs `body`, which returns a Status or a Result; what it throws is returned as a status.
template <typename Body>
auto Caught(std::string_view doing, Body&& body) -> std::invoke_result_t<Body> {
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    return StatusOfException(doing);
  }
}

// Runs `body` for what it does, best effort: for destructors, whose errors nobody could be told, and for what
// follows work that has succeeded and must not be told as failed.
template <typename Body>
void BestEffort(Body&& body) noexcept {
  try {
    static_cast<void>(std::forward<Body>(body)());
  } catch (...) {  // nobody is there to be told
  }
}

}  // namespace marquet
