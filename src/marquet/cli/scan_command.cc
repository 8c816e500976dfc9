#include <unistd.h>

#include "marquet/base/text.h"
#include "marquet/cli/command.h"
#include "marquet/cli/row_table.h"
#include "marquet/cli/table_options.h"
#include "marquet/jobs/text/row_output.h"
#include "marquet/jobs/text/row_text.h"
#include "marquet/schema/units.h"

namespace marquet::cli {
namespace {

struct ScanRequest {
  std::string table;
  VersionOptions version;
  RowOptions rows;
  std::string format;  // empty: table, or the one document of --json
  std::string output;
  bool replace = false;
};

std::string StatisticsJson(const table::ScanStatistics& statistics) {
  std::string text = "{";
  const auto add = [&](const char* name, int64_t value) {
    if (text.size() > 1) text += ",";
    text += std::string("\"") + name + "\":" + std::to_string(value);
  };
  add("files", statistics.files);
  add("files_read", statistics.files_read);
  add("row_groups", statistics.row_groups);
  add("row_groups_read", statistics.row_groups_read);
  add("rows_decoded", statistics.rows_decoded);
  add("rows_returned", statistics.rows_returned);
  add("peak_bytes", statistics.peak_bytes);
  return text + "}";
}

// One JSON document, streamed: {"table": ..., "version": ..., "rows": [...], "statistics": {...}}.
arrow::Status PrintJson(Session& session, const table::Table& table, const table::Scan& scan) {
  ARROW_ASSIGN_OR_RAISE(auto reader, scan.ToReader());
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        jobs::RowTextWriter::Make(reader->schema(), jobs::TextFormat::kJsonLines));
  std::string text = "{\"table\":";
  jobs::AppendJsonString(table.path(), &text);
  text += ",\"version\":" + std::to_string(table.version()) + ",\"rows\":[";
  ARROW_RETURN_NOT_OK(session.Print(text));
  bool first = true;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(session.stop()->Check());
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) break;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      text = first ? "\n" : ",\n";
      first = false;
      writer->Append(*batch->Slice(row, 1), &text);
      text.pop_back();  // the line feed of JSON Lines
      ARROW_RETURN_NOT_OK(session.Print(text));
    }
  }
  return session.Print("\n],\"statistics\":" + StatisticsJson(scan.statistics()) + "}\n");
}

arrow::Result<int> RunScan(Session& session, const ScanRequest& request) {
  ARROW_ASSIGN_OR_RAISE(auto table, OpenTable(session, request.table, request.version));
  table::ScanOptions options = request.rows.scan;
  options.stop = session.stop();
  options.use_threads = session.common().jobs != 1;
  options.memory = session.common().memory;
  if (session.common().json && request.output.empty() && !request.format.empty()) {
    return InvalidInput(
        "standard output takes the rows as " + request.format + " or the JSON of --json, not both",
        "leave one of the two out, or name a file with -o");
  }
  const bool for_people = request.format == "table" || (request.format.empty() && !session.common().json);
  if (!request.rows.price_given && (for_people || request.format == "csv"))
    options.price = schema::PriceForm::kDecimal;

  if (for_people) {
    ARROW_RETURN_NOT_OK(PrintRowTable(session, *table, options));
    return 0;
  }
  ARROW_ASSIGN_OR_RAISE(const table::Scan scan, table->NewScan(options));
  if (request.output.empty()) {
    if (session.common().json) {
      ARROW_RETURN_NOT_OK(PrintJson(session, *table, scan));
      return 0;
    }
    ARROW_ASSIGN_OR_RAISE(const auto format, jobs::ParseRowFormat(request.format));
    ARROW_ASSIGN_OR_RAISE(auto reader, scan.ToReader());
    const auto output = session.output();
    // The bar would run into the rows when both go to one terminal.
    const ProgressCallback progress = isatty(STDOUT_FILENO) ? ProgressCallback{} : session.progress();
    ARROW_RETURN_NOT_OK(jobs::WriteRows(*reader, format, *output, progress, session.stop()));
    return 0;
  }
  ARROW_ASSIGN_OR_RAISE(const auto format, jobs::ParseRowFormat(request.format));
  ARROW_ASSIGN_OR_RAISE(auto reader, scan.ToReader());
  ARROW_ASSIGN_OR_RAISE(const auto written,
                        jobs::WriteRowsToFile(session.fs(), *reader, format, request.output, request.replace,
                                              session.progress(), session.stop()));
  if (session.common().json) {
    std::string text = "{\"output\":";
    jobs::AppendJsonString(request.output, &text);
    text += ",\"rows\":" + std::to_string(written.rows) + ",\"bytes\":" + std::to_string(written.bytes) +
            ",\"quoted_nulls\":" + std::to_string(written.quoted_nulls) +
            ",\"statistics\":" + StatisticsJson(scan.statistics()) + "}\n";
    ARROW_RETURN_NOT_OK(session.Print(text));
  } else if (!session.common().quiet) {
    ARROW_RETURN_NOT_OK(session.Print(request.output + ": " + Counted(written.rows, "row") + ", " +
                                      HumanBytes(written.bytes) + "\n"));
  }
  return 0;
}

}  // namespace

Action DeclareScan(CLI::App& options) {
  auto request = std::make_shared<ScanRequest>();
  options.add_option("table", request->table, "The table")->required()->type_name("TABLE");
  AddRowOptions(options, &request->rows);
  AddVersionOptions(options, &request->version);
  options
      .add_option(
          "--format", request->format,
          "table (the default, for people: the first 20 rows unless --limit says), csv, jsonl, arrow, or "
          "parquet (needs -o); with -o it goes by the file's ending")
      ->check(CLI::IsMember({"table", "csv", "jsonl", "arrow", "parquet"}))
      ->type_name("FORMAT");
  options
      .add_option("-o,--output", request->output,
                  "A file, which appears whole or not at all; - for standard output, as without -o")
      ->type_name("FILE");
  options.add_flag("--replace", request->replace, "Take the place of an existing file");
  options.final_callback([request] {
    if (request->output == "-") request->output.clear();
    for (const char* ending : {"csv", "jsonl", "arrow", "parquet"}) {
      if (request->format.empty() && request->output.ends_with(std::string(".") + ending)) {
        request->format = ending;
      }
    }
    if (request->format == "parquet" && request->output.empty()) {
      throw CLI::ValidationError("--format", "parquet needs a file: add -o FILE");
    }
    if ((request->format.empty() || request->format == "table") && !request->output.empty()) {
      for (const char* ending : {".csv", ".jsonl", ".arrow", ".parquet"}) {
        for (const char* packed : {".gz", ".zst", ".bz2", ".xz", ".lz4", ".zip"}) {
          if (!request->output.ends_with(std::string(ending) + packed)) continue;
          throw CLI::ValidationError("-o", request->output + ": " + (ending + 1) +
                                               " is written uncompressed: leave " + packed +
                                               " out, or compress what goes to standard output");
        }
      }
      throw CLI::ValidationError("-o", "a file needs a format: add --format csv, jsonl, arrow or parquet");
    }
  });
  return [request](Session& session) { return RunScan(session, *request); };
}

}  // namespace marquet::cli
