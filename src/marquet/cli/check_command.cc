#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/cli/command.h"
#include "marquet/jobs/check/check_table.h"

namespace marquet::cli {

Action DeclareCheck(CLI::App& options) {
  struct Request {
    jobs::CheckTableOptions check;
    bool metrics = false;
  };
  auto request = std::make_shared<Request>();
  options.add_option("table", request->check.table, "The table; that it is not there is a failure")
      ->required()
      ->type_name("TABLE");
  AddParsed(options, "--max-age", &request->check.max_age_ms, ParseDuration,
            "Fail when its latest time is older: 90s, 30m, 12h, 2d")
      ->type_name("TIME");
  options.add_option("--min-rows", request->check.min_rows, "Fail when it holds fewer rows")
      ->check(AtLeast(0))
      ->type_name("N");
  options
      .add_option("--column", request->check.column,
                  "Whose latest time counts (default: ts, or else the first timestamp column)")
      ->type_name("NAME");
  options.add_flag("--metrics", request->metrics, "Gauges in Prometheus' text format instead of the line");
  return [request](Session& session) -> arrow::Result<int> {
    if (request->metrics && session.common().json) {
      return InvalidInput("standard output takes --metrics or --json, not both", "leave one of the two out");
    }
    ARROW_ASSIGN_OR_RAISE(const jobs::TableCheck check,
                          jobs::CheckTable(session.fs(), request->check, NowNanos()));
    // What cron is told nothing of, it mails nothing about.
    const bool silent = session.common().quiet && check.ok() && !session.common().json && !request->metrics;
    if (!silent) {
      ARROW_RETURN_NOT_OK(session.Print(request->metrics        ? ToMetrics(check)
                                        : session.common().json ? ToJson(check)
                                                                : ToText(check)));
    }
    return check.ok() ? 0 : 1;
  };
}

}  // namespace marquet::cli
