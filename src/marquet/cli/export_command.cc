#include <unistd.h>

#include <nlohmann/json.hpp>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/cli/command.h"
#include "marquet/cli/table_options.h"
#include "marquet/jobs/export/export.h"
#include "marquet/schema/units.h"

namespace marquet::cli {
namespace {

std::string ReportText(const jobs::ExportReport& report) {
  std::string text;
  for (const std::string& file : report.files) text += file + "\n";
  text += WithCommas(report.rows) + " records, " + HumanBytes(report.bytes);
  if (report.quoted_nulls > 0) text += ", " + Counted(report.quoted_nulls, "null") + " as \"\"";
  return text + "\n";
}

std::string ReportJson(const jobs::ExportReport& report) {
  const nlohmann::ordered_json root = {{"rows", report.rows},
                                       {"bytes", report.bytes},
                                       {"files", report.files},
                                       {"quoted_nulls", report.quoted_nulls}};
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

Action DeclareExport(CLI::App& options) {
  struct Request {
    jobs::ExportOptions exported;
    RowOptions rows;
  };
  auto request = std::make_shared<Request>();
  jobs::ExportOptions& exported = request->exported;
  options.add_option("table", exported.table, "The table")->required()->type_name("TABLE");
  Offers(AddParsed(options, "--to", &exported.format, jobs::ParseExportFormat, "dbn, csv, jsonl or parquet")
             ->required()
             ->type_name("FORMAT"),
         {"dbn", "csv", "jsonl", "parquet"});
  options
      .add_option("-o,--output", exported.output,
                  "A file, - for standard output; for several DBN sources a directory")
      ->required()
      ->type_name("OUT");
  options.add_option("--source", exported.source, "DBN: this source alone, by its name or digest")
      ->type_name("SOURCE");
  options.add_option("--at-version", exported.version, "The table as it was at this version")
      ->check(AtLeast(0))
      ->type_name("VERSION");
  options.add_flag("--replace", exported.replace, "Take the place of existing files");
  AddRowOptions(options, &request->rows);
  return [request](Session& session) -> arrow::Result<int> {
    jobs::ExportOptions exported = request->exported;
    exported.scan = request->rows.scan;
    if (exported.format == jobs::ExportFormat::kCsv && !request->rows.price_given) {
      exported.scan.price = schema::PriceForm::kDecimal;
    }
    exported.scan.use_threads = session.common().jobs != 1;
    exported.scan.memory = session.common().memory;
    exported.progress = session.progress();
    exported.stop = session.stop();
    if (exported.output == "-") {
      if (session.common().json) {
        return InvalidInput("standard output takes the rows or the report of --json, not both",
                            "leave --json out, or name a file with -o");
      }
      exported.stream = session.output();
      // The bar would run into the rows when both go to one terminal.
      if (isatty(STDOUT_FILENO)) exported.progress = {};
      ARROW_RETURN_NOT_OK(jobs::Export(session.fs(), std::move(exported)).status());
      return 0;
    }
    ARROW_ASSIGN_OR_RAISE(const auto report, jobs::Export(session.fs(), std::move(exported)));
    ARROW_RETURN_NOT_OK(session.Print(session.common().json ? ReportJson(report) : ReportText(report)));
    return 0;
  };
}

}  // namespace marquet::cli
