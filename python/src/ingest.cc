#include "marquet/jobs/ingest/ingest.h"

#include <nanobind/stl/tuple.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "bindings.h"
#include "convert.h"
#include "errors.h"
#include "interrupt.h"
#include "marquet/base/error.h"
#include "progress.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

jobs::OnOverlap ParseOverlap(const std::string& choice) {
  if (choice == "error") return jobs::OnOverlap::kError;
  if (choice == "replace") return jobs::OnOverlap::kReplace;
  if (choice == "append") return jobs::OnOverlap::kAppendAnyway;
  Throw(InvalidInput("unknown on_overlap '" + choice + "'; expected error, replace or append"));
}

// A name for a source, and symbols for instruments: symbol, id, first day, and the day behind the last one.
using About = std::tuple<std::string, std::vector<std::tuple<std::string, uint32_t, int32_t, int32_t>>>;

jobs::SourceAbout ToAbout(const About& given) {
  jobs::SourceAbout about;
  about.name = std::get<0>(given);
  for (const auto& [symbol, instrument_id, start, end] : std::get<1>(given)) {
    about.mappings.push_back({symbol, {{start, end, std::to_string(instrument_id)}}});
  }
  return about;
}

// Gives `done` the job's report twice, as text and as JSON, and the exception of the first source that
// failed, or None.
void Ingest(std::vector<std::string> sources, const std::map<std::string, About>& about, std::string table,
            bool split_by_schema, bool allow_truncated, bool keep_unknown, bool null_on_overflow, bool again,
            const std::string& on_overlap, std::vector<std::string> symbols, std::optional<int64_t> start_ns,
            std::optional<int64_t> end_ns, std::vector<std::string> partition_by,
            const std::string& compression, std::optional<int> compression_level, int64_t row_group_size,
            const std::string& verify, int jobs, int64_t memory, bool dry_run, nb::object progress,
            nb::object done) {
  StopFlag stop;
  ProgressReport reports(std::move(progress), stop);
  jobs::IngestOptions options;
  options.sources = std::move(sources);
  for (const auto& [path, given] : about) options.about.emplace(path, ToAbout(given));
  options.table = table;
  options.split_by_schema = split_by_schema;
  options.allow_truncated = allow_truncated;
  options.keep_unknown = keep_unknown;
  options.null_on_overflow = null_on_overflow;
  options.again = again;
  options.on_overlap = ParseOverlap(on_overlap);
  options.selection = {std::move(symbols), start_ns, end_ns};
  options.partition_by = std::move(partition_by);
  options.file = ToWriteOptions(compression, compression_level, row_group_size, options.file.memory, verify);
  options.jobs = jobs;
  options.memory = memory;
  options.dry_run = dry_run;
  options.progress = reports.callback();
  options.stop = &stop;
  auto ended = RunToEnd(stop, [&] { return jobs::Ingest(file::LocalFileSystem(), std::move(options)); });
  reports.MoveTo(&ended);
  const auto told = [](const jobs::IngestOutcome& outcome) {
    nb::object error = nb::none();
    try {
      Check(outcome.first_error);
    } catch (nb::python_error& raised) {
      error = nb::borrow(raised.value());
    }
    return nb::make_tuple(Text(jobs::ToText(outcome.report)), jobs::ToJson(outcome.report), error);
  };
  Tell(done, std::move(ended), told, table);
}

}  // namespace

void RegisterIngest(nb::module_& module) {
  module.def("ingest", &Ingest, nb::arg("sources"), nb::arg("about"), nb::arg("table"),
             nb::arg("split_by_schema"), nb::arg("allow_truncated"), nb::arg("keep_unknown"),
             nb::arg("null_on_overflow"), nb::arg("again"), nb::arg("on_overlap"), nb::arg("symbols"),
             nb::arg("start_ns").none(), nb::arg("end_ns").none(), nb::arg("partition_by"),
             nb::arg("compression"), nb::arg("compression_level").none(), nb::arg("row_group_size"),
             nb::arg("verify"), nb::arg("jobs"), nb::arg("memory"), nb::arg("dry_run"),
             nb::arg("progress").none(), nb::arg("done"),
             "Gives `done` the report as text and as JSON, and the first error or None.");
}

}  // namespace marquet::python
