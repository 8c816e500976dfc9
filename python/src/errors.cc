#include "errors.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <cerrno>
#include <exception>
#include <new>
#include <system_error>

#include "convert.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

const char* ClassName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidInput:
      return "InvalidInputError";
    case ErrorKind::kSchema:
      return "SchemaError";
    case ErrorKind::kNotFound:
      return "NotFoundError";
    case ErrorKind::kAlreadyExists:
      return "AlreadyExistsError";
    case ErrorKind::kConflict:
      return "ConflictError";
    case ErrorKind::kCommitUnknown:
      return "CommitUnknownError";
    case ErrorKind::kCorruptData:
      return "CorruptDataError";
    case ErrorKind::kStorage:
      return "StorageError";
    case ErrorKind::kUnsupported:
      return "UnsupportedError";
  }
  return "MarquetError";
}

// Kinds whose Python class is an OSError always have an errno there, also when no system call was refused.
int ErrnoFor(const arrow::Status& status) {
  if (const int number = ErrnoOf(status)) return number;
  switch (KindOf(status)) {
    case ErrorKind::kNotFound:
      return ENOENT;
    case ErrorKind::kAlreadyExists:
      return EEXIST;
    case ErrorKind::kStorage:
      return status.IsOutOfMemory() ? ENOMEM : EIO;
    default:
      return 0;
  }
}

}  // namespace

void Throw(const arrow::Status& status, const std::string& path) {
  if (status.IsCancelled()) {
    PyErr_SetNone(PyExc_KeyboardInterrupt);
    throw nb::python_error();
  }
  const std::string hint = HintOf(status);
  const int number = ErrnoFor(status);
  std::string filename = PathOf(status);
  if (filename.empty()) filename = path;
  const auto optional = [](const std::string& text) -> nb::object {
    return text.empty() ? nb::object(nb::none()) : nb::object(Text(text));
  };
  // A message may hold bytes of a damaged file.
  nb::object message = Text(status.message());
  nb::object type = nb::module_::import_("marquet.errors").attr(ClassName(KindOf(status)));
  nb::object error = type(message, nb::arg("hint") = optional(hint),
                          nb::arg("errno") = number == 0 ? nb::object(nb::none()) : nb::cast(number),
                          nb::arg("filename") = optional(filename));
  PyErr_SetObject(type.ptr(), error.ptr());
  throw nb::python_error();
}

// StorageError, for memory that ran out as well: so it is where a job turned it into a status.
void TranslateExceptions() {
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    arrow::Status status;
    try {
      std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
      status = StatusOfException("the call");
    } catch (const std::system_error&) {
      status = StatusOfException("the call");
    }
    try {
      Throw(status);
    } catch (nb::python_error& error) {
      error.restore();
    }
  });
}

}  // namespace marquet::python
