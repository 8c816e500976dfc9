#include "marquet/cli/table_options.h"

#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/schema/units.h"

namespace marquet::cli {
namespace {

arrow::Result<schema::PriceForm> ParsePrice(std::string_view name) {
  if (name == "stored") return schema::PriceForm::kStored;
  if (name == "float") return schema::PriceForm::kFloat;
  if (name == "decimal") return schema::PriceForm::kDecimal;
  return InvalidInput("there is no price form " + Quoted(name) + "; use stored, float or decimal");
}

}  // namespace

void AddVersionOptions(CLI::App& app, VersionOptions* options) {
  auto* version = app.add_option("--at-version", options->version, "The table as it was at this version")
                      ->check(AtLeast(0))
                      ->type_name("VERSION");
  AddParsed(app, "--as-of", &options->as_of_ns, ParseNanos, "The table as it was at this time (ISO-8601)")
      ->type_name("TIME")
      ->excludes(version);
}

arrow::Result<std::shared_ptr<table::Table>> OpenTable(Session& session, const std::string& path,
                                                       const VersionOptions& version) {
  return table::Table::Open(session.fs(), path, version.version, version.as_of_ns);
}

void AddRowOptions(CLI::App& app, RowOptions* options) {
  table::ScanOptions& scan = options->scan;
  AddNames(app, "--columns", &scan.columns, "Columns, in this order (default: all)");
  AddParsed(app, "--where", &scan.where, predicate::Predicate::Parse,
            "Rows for which this SQL predicate is true; a number beside a price means what --price shows")
      ->type_name("PREDICATE");
  AddParsed(app, "--start", &scan.start_ns, ParseNanos,
            "Rows whose ts, or else first timestamp column, is at or after this time (ISO-8601, UTC unless "
            "it says)")
      ->type_name("TIME");
  AddParsed(app, "--end", &scan.end_ns, ParseNanos, "Rows whose ts is before this time")->type_name("TIME");
  AddNames(app, "--sort-by", &scan.sort_by, "Sort by these columns, ascending (default: as stored)");
  app.add_option("--limit", scan.limit, "At most this many rows")->check(AtLeast(0))->type_name("N");
  Offers(app.add_option_function<std::string>(
                "--price",
                [options](const std::string& text) {
                  auto form = ParsePrice(text);
                  if (!form.ok()) throw CLI::ValidationError("--price", form.status().message());
                  options->scan.price = *form;
                  options->price_given = true;
                },
                "Prices as stored (int64 of 1e-9), float, or decimal")
             ->type_name("FORM"),
         {"stored", "float", "decimal"});
}

}  // namespace marquet::cli
