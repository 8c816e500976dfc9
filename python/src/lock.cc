// A lock of its own for a folder's one writer.
#include <nanobind/stl/string.h>

#include <memory>
#include <string>

#include "bindings.h"
#include "errors.h"
#include "interrupt.h"
#include "marquet/file/file_system.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

struct PyLock {
  std::unique_ptr<file::FileLock> held;
};

}  // namespace

void RegisterLock(nb::module_& module) {
  nb::class_<PyLock>(module, "FileLock", "Held until it is released, or its process has ended.")
      .def_static(
          "take",
          [](const std::string& path) {
            return PyLock{Unwrap(WithoutGil([&] { return file::LocalFileSystem()->Lock(path); }), path)};
          },
          nb::arg("path"))
      .def("release", [](PyLock& self) { self.held.reset(); });
}

}  // namespace marquet::python
