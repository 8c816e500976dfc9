// The extension's entry point.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <string>

#include "arrow/compute/initialize.h"
#include "arrow/config.h"
#include "arrow/util/config.h"
#include "bindings.h"
#include "errors.h"
#include "marquet/base/time.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

// Arrow's C++ classes keep their layout within a minor version only.
void RequireSameArrow() {
  const std::string running = arrow::GetBuildInfo().version_string;
  const std::string built = ARROW_VERSION_STRING;
  const auto minor = [](const std::string& version) { return version.substr(0, version.rfind('.')); };
  if (minor(running) != minor(built)) {
    throw nb::import_error(
        ("marquet was built with Arrow " + built + ", but pyarrow brought Arrow " + running +
         "; install the pyarrow that marquet asks for: pip install 'pyarrow==" + minor(built) + ".*'")
            .c_str());
  }
}

}  // namespace
}  // namespace marquet::python

NB_MODULE(_core, module) {
  using namespace marquet::python;
  // Workers of a DataLoader end with their data set in use; what is alive at the end of a process is no leak.
  nb::set_leak_warnings(false);
  RequireSameArrow();
  Check(arrow::compute::Initialize());
  module.attr("version") = MARQUET_VERSION;
  module.attr("arrow_version") = ARROW_VERSION_STRING;
  module.def(
      "parse_time", [](const std::string& text) { return Unwrap(marquet::ParseNanos(text)); },
      nb::arg("text"), "Nanoseconds since 1970 of an ISO-8601 text; UTC where it names no zone.");
  TranslateExceptions();
  RegisterArrow(module);
  RegisterTable(module);
  RegisterScan(module);
  RegisterVerify(module);
  RegisterWriter(module);
  RegisterIngest(module);
  RegisterExport(module);
  RegisterRescue(module);
  RegisterClean(module);
  RegisterDbn(module);
  RegisterLock(module);
  RegisterDepth(module);
  RegisterSampling(module);
}
