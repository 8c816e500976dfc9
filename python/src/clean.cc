#include "marquet/jobs/check/clean.h"

#include "bindings.h"
#include "convert.h"
#include "errors.h"
#include "interrupt.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

Record ToDict(const file::Leftover& file) {
  Record dict;
  dict["path"] = Text(file.path);
  dict["journal"] = file.journal;
  dict["bytes"] = file.bytes;
  dict["age_seconds"] = static_cast<double>(file.age_ms) / 1000;
  dict["pid"] = file.pid;
  dict["young"] = file.young;
  dict["owner_lives"] = file.owner_lives;
  dict["removed"] = file.removed;
  return dict;
}

Record Clean(const std::string& directory, bool yes, int64_t older_than_ms) {
  StopFlag stop;
  file::LeftoverOptions options;
  options.remove = yes;
  options.older_than_ms = older_than_ms;
  options.stop = &stop;
  auto result = Interruptible(stop, [&] { return jobs::Clean(directory, options); });
  const jobs::CleanReport report = Unwrap(std::move(result), directory);
  Records files;
  for (const file::Leftover& file : report.files) files.append(ToDict(file));
  Record dict;
  dict["removed"] = report.removed;
  dict["count"] = report.count;
  dict["bytes"] = report.bytes;
  dict["files"] = files;
  return dict;
}

}  // namespace

void RegisterClean(nb::module_& module) {
  module.def("clean", &Clean, nb::arg("directory"), nb::arg("yes"), nb::arg("older_than_ms"));
}

}  // namespace marquet::python
