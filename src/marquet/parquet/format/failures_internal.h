// Arrow's Parquet layer reports failures in three ways: exceptions, statuses of its own, and statuses of ours
// that passed through it. These functions turn all of them into statuses with a kind.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "arrow/status.h"

namespace marquet::pq {

// What a failure to read `place` ("FILE: row group 0, column a") means: kinds of our own are kept, what
// Arrow did not implement is kUnsupported, memory and cancellation stay as they are, and the rest is
// kCorruptData.
arrow::Status ReadFailure(const arrow::Status& status, std::string_view place);

// What a failure to write means: kinds of our own are kept, and what Parquet cannot hold is kUnsupported.
arrow::Status WriteFailure(const arrow::Status& status, std::string_view place);

// To be called inside of a catch block: the exception as a status of Arrow's.
arrow::Status CurrentException();

// A place as it is given, or as a function gives it that is only called for a failure.
template <typename Place>
std::string PlaceText(const Place& place) {
  if constexpr (std::is_invocable_v<const Place&>) {
    return place();
  } else {
    return std::string(place);
  }
}

// Runs `body`, which returns a Status or a Result, with exceptions and failures turned by `translate`.
template <typename Translate, typename Place, typename Body>
auto Guarded(Translate translate, const Place& place, Body&& body) -> std::invoke_result_t<Body> {
  using Outcome = std::invoke_result_t<Body>;
  const auto translated = [&]() -> Outcome {
    try {
      return body();
    } catch (...) {
      return CurrentException();
    }
  };
  Outcome outcome = translated();
  if (outcome.ok()) return outcome;
  if constexpr (std::is_same_v<Outcome, arrow::Status>) {
    return translate(outcome, PlaceText(place));
  } else {
    return translate(outcome.status(), PlaceText(place));
  }
}

template <typename Place, typename Body>
auto GuardRead(const Place& place, Body&& body) {
  return Guarded(ReadFailure, place, std::forward<Body>(body));
}

template <typename Place, typename Body>
auto GuardWrite(const Place& place, Body&& body) {
  return Guarded(WriteFailure, place, std::forward<Body>(body));
}

}  // namespace marquet::pq
