#include "marquet/jobs/check/rescue.h"

#include "bindings.h"
#include "convert.h"
#include "errors.h"
#include "interrupt.h"
#include "progress.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

Record ToDict(const pq::RescueLoss& loss) {
  Record dict;
  dict["row_group"] = NumberOrNone(loss.row_group);
  dict["column"] = TextOrNone(loss.column);
  dict["page"] = NumberOrNone(loss.page);
  dict["offset"] = NumberOrNone(loss.offset);
  dict["bytes"] = loss.bytes;
  dict["rows"] = NumberOrNone(loss.rows);
  dict["reason"] = loss.reason;
  return dict;
}

Record ToDict(const pq::RescueReport& report) {
  Records losses;
  for (const pq::RescueLoss& loss : report.losses) losses.append(ToDict(loss));
  Record dict;
  dict["file"] = report.file;
  dict["out"] = TextOrNone(report.out);
  dict["footer"] = report.footer;
  dict["intact"] = report.intact;
  dict["schema_source"] = TextOrNone(report.schema_source);
  dict["rows"] = report.rows;
  dict["rows_lost"] = report.rows_lost;
  dict["more_rows_lost"] = report.more_rows_lost;
  dict["row_groups"] = report.row_groups;
  dict["complete_row_groups"] = report.complete_row_groups;
  dict["bytes"] = report.bytes;
  dict["bytes_recovered"] = report.bytes_recovered;
  dict["bytes_lost"] = report.bytes_lost;
  dict["bytes_unknown"] = report.bytes_unknown;
  dict["bytes_other"] = report.bytes_other;
  dict["losses"] = losses;
  dict["notes"] = report.notes;
  return dict;
}

void Rescue(std::string path, std::string out, std::optional<std::string> schema,
            std::optional<std::string> table, nb::object progress, nb::object done) {
  StopFlag stop;
  ProgressReport reports(std::move(progress), stop);
  jobs::RescueOptions options;
  options.path = path;
  options.out = std::move(out);
  options.schema = std::move(schema);
  options.table = std::move(table);
  options.progress = reports.callback();
  options.stop = &stop;
  auto ended = RunToEnd(stop, [&] { return jobs::Rescue(file::LocalFileSystem(), options); });
  reports.MoveTo(&ended);
  Tell(
      done, std::move(ended), [](const pq::RescueReport& report) { return ToDict(report); }, path);
}

}  // namespace

void RegisterRescue(nb::module_& module) {
  module.def("rescue", &Rescue, nb::arg("path"), nb::arg("out"), nb::arg("schema").none(),
             nb::arg("table").none(), nb::arg("progress").none(), nb::arg("done"),
             "Gives `done` the report.");
}

}  // namespace marquet::python
