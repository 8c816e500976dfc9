// The one place where a status becomes a Python exception.
//
// Each of the nine kinds has its class in marquet/errors.py. A stopped job becomes KeyboardInterrupt. All
// functions need the GIL.
#pragma once

#include <string>
#include <utility>

#include "arrow/result.h"
#include "arrow/status.h"

namespace marquet::python {

// Throws the exception for a status that is not OK. `path` names the file or table that the call was about,
// for errors that carry none themselves.
[[noreturn]] void Throw(const arrow::Status& status, const std::string& path = {});

// Lets errors of the operating system that are thrown by what a call uses become exceptions of the package.
void TranslateExceptions();

inline void Check(const arrow::Status& status, const std::string& path = {}) {
  if (!status.ok()) Throw(status, path);
}

template <typename T>
T Unwrap(arrow::Result<T> result, const std::string& path = {}) {
  if (!result.ok()) Throw(result.status(), path);
  return std::move(result).ValueUnsafe();
}

}  // namespace marquet::python
