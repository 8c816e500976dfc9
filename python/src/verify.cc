#include "marquet/jobs/check/verify.h"

#include "bindings.h"
#include "convert.h"
#include "errors.h"
#include "interrupt.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

nb::list ToTexts(const std::vector<std::string>& texts) {
  nb::list list;
  for (const std::string& text : texts) list.append(Text(text));
  return list;
}

// Of a file, a directory or a table; `kind` says which.
Record VerifyPath(const std::string& path, const std::string& level, bool strict) {
  StopFlag stop;
  jobs::VerifyOptions options;
  options.paths = {path};
  options.level = Unwrap(pq::ParseVerifyLevel(level));
  options.strict = strict;
  options.stop = &stop;
  auto result = Interruptible(stop, [&] { return jobs::Verify(file::LocalFileSystem(), options); });
  const jobs::PathVerdict found = jobs::Together(Unwrap(std::move(result), path), path);
  Record dict;
  dict["kind"] = found.kind;
  dict["ok"] = found.verdict.ok;
  dict["files"] = found.verdict.files;
  dict["rows"] = found.verdict.rows;
  dict["rows_intact"] = found.verdict.rows_intact;
  dict["bytes"] = found.verdict.bytes;
  dict["damage"] = ToList(found.verdict.damage);
  dict["odd"] = ToList(found.verdict.odd);
  dict["missing"] = ToTexts(found.verdict.missing);
  dict["orphans"] = ToTexts(found.verdict.orphans);
  return dict;
}

}  // namespace

void RegisterVerify(nb::module_& module) {
  module.def("verify_path", &VerifyPath, nb::arg("path"), nb::arg("level"), nb::arg("strict"));
}

}  // namespace marquet::python
