#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/cli/command.h"
#include "marquet/jobs/ingest/ingest.h"

namespace marquet::cli {

Action DeclareIngest(CLI::App& options) {
  struct Request {
    jobs::IngestOptions ingest;
    bool replace = false;
    bool append_anyway = false;
    std::string on_error = "fail";
  };
  auto request = std::make_shared<Request>();
  jobs::IngestOptions& ingest = request->ingest;
  options
      .add_option(
          "source", ingest.sources,
          "Files, directories (what is below them too), Databento batch folders, or - for standard input")
      ->required()
      ->type_name("SOURCE");
  options.add_option("--into", ingest.table, "The table; made when it is not there")
      ->required()
      ->type_name("TABLE");
  options.add_flag("--split-by-schema", ingest.split_by_schema,
                   "A file of several record kinds: one table for each, in the folder TABLE");
  options.add_flag("--allow-truncated", ingest.allow_truncated,
                   "Take a file whose last record is cut short, and count it");
  options.add_flag("--keep-unknown", ingest.keep_unknown,
                   "Keep records of unknown type, raw, beside the table");
  options
      .add_option("--on-error", request->on_error,
                  "A time that int64 cannot hold: fail (the default) or null")
      ->check(CLI::IsMember({"fail", "null"}))
      ->type_name("WHAT");
  options.add_flag("--again", ingest.again,
                   "Ingest bytes that the table holds already; with --replace in their place, else twice");
  auto* replace = options.add_flag(
      "--replace", request->replace,
      "Where other sources filled the same time ranges: take away their rows there, as these come");
  options
      .add_flag("--append-anyway", request->append_anyway,
                "Where another source filled the same time range: keep both")
      ->excludes(replace);
  AddNames(options, "--symbols", &ingest.selection.symbols,
           "Rows of these symbols only; * stands for any text, ? for one character (default: all)");
  AddParsed(options, "--start", &ingest.selection.start_ns, ParseNanos,
            "Rows whose ts_recv, or else ts_event, is at or after this time (ISO-8601, UTC unless it says)")
      ->type_name("TIME");
  AddParsed(options, "--end", &ingest.selection.end_ns, ParseNanos, "Rows of before this time")
      ->type_name("TIME");
  AddNames(options, "--partition-by", &ingest.partition_by,
           "Columns, for a new table (default: symbol,date)");
  AddParsed(options, "--codec", &ingest.file.codec, pq::ParseCodec,
            "zstd (the default), snappy, lz4, gzip, brotli or none")
      ->type_name("NAME");
  AddParsed(options, "--verify", &ingest.file.verify, pq::ParseVerifyLevel,
            "What is checked before a file appears: footer (the default), crc or full")
      ->type_name("LEVEL");
  options.add_flag("--dry-run", ingest.dry_run,
                   "Read everything and report what would become of each source, but write nothing");
  return [request](Session& session) -> arrow::Result<int> {
    jobs::IngestOptions ingest = request->ingest;
    ingest.null_on_overflow = request->on_error == "null";
    if (request->replace) ingest.on_overlap = jobs::OnOverlap::kReplace;
    if (request->append_anyway) ingest.on_overlap = jobs::OnOverlap::kAppendAnyway;
    ingest.jobs = session.common().jobs;
    ingest.memory = session.common().memory;
    ingest.progress = session.progress();
    ingest.stop = session.stop();
    ARROW_ASSIGN_OR_RAISE(const jobs::IngestOutcome outcome, jobs::Ingest(session.fs(), ingest));
    ARROW_RETURN_NOT_OK(
        session.Print(session.common().json ? ToJson(outcome.report) : ToText(outcome.report)));
    ARROW_RETURN_NOT_OK(outcome.first_error);
    return outcome.report.ok ? 0 : 1;
  };
}

}  // namespace marquet::cli
