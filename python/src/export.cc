#include "marquet/jobs/export/export.h"

#include "bindings.h"
#include "convert.h"
#include "errors.h"
#include "filter.h"
#include "interrupt.h"
#include "progress.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

void Export(std::string table, const std::string& format, std::string output,
            std::optional<std::string> source, std::vector<std::string> columns, nb::object filter,
            std::optional<int64_t> version, bool replace, nb::object progress, nb::object done) {
  StopFlag stop;
  ProgressReport reports(std::move(progress), stop);
  jobs::ExportOptions options;
  options.table = table;
  options.format = Unwrap(jobs::ParseExportFormat(format));
  options.output = std::move(output);
  options.source = std::move(source);
  options.scan.columns = std::move(columns);
  options.scan.where = ToPredicate(filter);
  options.version = version;
  options.replace = replace;
  options.progress = reports.callback();
  options.stop = &stop;
  auto ended = RunToEnd(stop, [&] { return jobs::Export(file::LocalFileSystem(), std::move(options)); });
  reports.MoveTo(&ended);
  const auto told = [](const jobs::ExportReport& report) {
    Record dict;
    dict["rows"] = report.rows;
    dict["bytes"] = report.bytes;
    dict["files"] = report.files;
    dict["quoted_nulls"] = report.quoted_nulls;
    return dict;
  };
  Tell(done, std::move(ended), told, table);
}

}  // namespace

void RegisterExport(nb::module_& module) {
  module.def("export", &Export, nb::arg("table"), nb::arg("format"), nb::arg("output"),
             nb::arg("source").none(), nb::arg("columns"), nb::arg("filter").none(),
             nb::arg("version").none(), nb::arg("replace"), nb::arg("progress").none(), nb::arg("done"),
             "Gives `done` the report.");
}

}  // namespace marquet::python
