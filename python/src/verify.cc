#include "marquet/parquet/verify.h"

#include "bindings.h"
#include "convert.h"
#include "errors.h"
#include "interrupt.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

Record VerifyFile(const std::string& path, const std::string& level) {
  const auto verify_level = Unwrap(pq::ParseVerifyLevel(level));
  StopFlag stop;
  auto result = Interruptible(
      stop, [&] { return pq::VerifyFile(*file::LocalFileSystem(), path, verify_level, {}, &stop); });
  const pq::FileVerdict verdict = Unwrap(std::move(result), path);
  Record dict;
  dict["ok"] = verdict.ok;
  dict["rows"] = verdict.rows;
  dict["rows_intact"] = verdict.rows_intact;
  dict["bytes"] = verdict.bytes;
  dict["damage"] = ToList(verdict.damage);
  return dict;
}

}  // namespace

void RegisterVerify(nb::module_& module) {
  module.def("verify_file", &VerifyFile, nb::arg("path"), nb::arg("level"));
}

}  // namespace marquet::python
