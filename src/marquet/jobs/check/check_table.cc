#include "marquet/jobs/check/check_table.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/table/table.h"

namespace marquet::jobs {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kSecondsPerDay = 86'400;

// What the log knows, and the exact count and time where it does not.
arrow::Status Look(const std::shared_ptr<file::FileSystem>& fs, const CheckTableOptions& options,
                   int64_t now_ns, TableCheck* check, bool* wrong_column) {
  ARROW_ASSIGN_OR_RAISE(const auto table, table::Table::Open(fs, options.table));
  const table::TableInfo info = table->Info();
  check->version = info.version;
  check->files = info.files;
  check->bytes = info.bytes;
  check->rows = info.rows;
  if (info.rows < 0) {  // a file of another writer has no statistics
    ARROW_ASSIGN_OR_RAISE(const table::Scan scan, table->NewScan());
    ARROW_ASSIGN_OR_RAISE(check->rows, scan.Count());
  }
  const auto latest = table->LatestTimestamp(options.column);
  // A column that cannot be asked for says that the question is wrong, and nothing of the table. (A file that
  // is not there comes with the operating system's errno.)
  *wrong_column =
      !options.column.empty() &&
      (IsKind(latest.status(), ErrorKind::kNotFound) || IsKind(latest.status(), ErrorKind::kInvalidInput)) &&
      ErrnoOf(latest.status()) == 0;
  ARROW_ASSIGN_OR_RAISE(check->latest_ns, latest);
  if (check->latest_ns) {
    check->age_seconds =
        static_cast<double>(now_ns - *check->latest_ns) / static_cast<double>(kNanosPerSecond);
  }
  check->opened = true;
  return arrow::Status::OK();
}

// The error without the table's path at its beginning, which whoever tells of it has told: of a file in the
// table its path there is left.
arrow::Status WithoutTable(const arrow::Status& status, std::string_view table) {
  while (table.size() > 1 && table.ends_with('/')) table.remove_suffix(1);
  const std::string& message = status.message();
  if (table.empty() || !message.starts_with(table)) return status;
  const size_t end = std::min(message.find_first_not_of('/', table.size()), message.size());
  if (message.compare(end, 2, ": ") == 0) return status.WithMessage(message.substr(end + 2));
  return end == table.size() ? status : status.WithMessage(message.substr(end));
}

void JudgeAge(double most, TableCheck* check) {
  if (!check->latest_ns) {
    check->problems.emplace_back("it holds no time, so that its age is not known");
    return;
  }
  const std::string latest = FormatNanos(*check->latest_ns);
  if (*check->age_seconds > most) {
    check->problems.push_back(fmt::format("its latest time {} is {} old; at most {} was asked for", latest,
                                          HumanSeconds(*check->age_seconds), HumanSeconds(most)));
  } else if (-*check->age_seconds > std::min(most, kSecondsPerDay)) {
    check->problems.push_back(
        fmt::format("its latest time {} lies {} in the future, so that its age says nothing", latest,
                    HumanSeconds(-*check->age_seconds)));
  }
}

std::string LabelValue(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? "\\n" : std::string(1, c);
  }
  return escaped;
}

}  // namespace

arrow::Result<TableCheck> CheckTable(const std::shared_ptr<file::FileSystem>& fs,
                                     const CheckTableOptions& options, int64_t now_ns) {
  if (options.max_age_ms.value_or(0) < 0 || options.min_rows.value_or(0) < 0) {
    return InvalidInput("an age or a number of rows below 0");
  }
  TableCheck check;
  check.table = options.table;
  bool wrong_column = false;
  const arrow::Status looked = Look(fs, options, now_ns, &check, &wrong_column);
  if (wrong_column) return InvalidInput(looked.message(), HintOf(looked));
  if (!looked.ok()) {
    const std::string hint = HintOf(looked);
    check.problems.push_back(OneLine(WithoutTable(looked, options.table)) +
                             (hint.empty() ? "" : " (" + hint + ")"));
    return check;
  }
  if (options.min_rows && check.rows < *options.min_rows) {
    check.problems.push_back(fmt::format("it holds {}; at least {} were asked for",
                                         Counted(check.rows, "row"), WithCommas(*options.min_rows)));
  }
  if (options.max_age_ms) JudgeAge(static_cast<double>(*options.max_age_ms) / 1000, &check);
  return check;
}

std::string ToText(const TableCheck& check) {
  if (!check.ok()) return fmt::format("FAILED {}: {}\n", check.table, fmt::join(check.problems, "; "));
  std::string text =
      fmt::format("ok {}: version {}, {}", check.table, check.version, Counted(check.rows, "row"));
  if (check.latest_ns) {
    const bool past = *check.age_seconds >= 0;
    text += fmt::format(", latest time {}, {} {}", FormatNanos(*check.latest_ns),
                        HumanSeconds(past ? *check.age_seconds : -*check.age_seconds),
                        past ? "old" : "in the future");
  }
  return text + "\n";
}

std::string ToJson(const TableCheck& check) {
  Json root = {{"ok", check.ok()}, {"table", check.table}, {"problems", check.problems}};
  if (check.opened) {
    root["version"] = check.version;
    root["rows"] = check.rows;
    root["files"] = check.files;
    root["bytes"] = check.bytes;
    root["latest_timestamp"] = check.latest_ns ? Json(FormatNanos(*check.latest_ns)) : Json();
    root["age_seconds"] = check.age_seconds ? Json(*check.age_seconds) : Json();
  }
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string ToMetrics(const TableCheck& check) {
  std::string text;
  const std::string label = LabelValue(check.table);
  const auto add = [&](const char* name, const char* help, auto value) {
    text += fmt::format("# HELP marquet_table_{} {}\n# TYPE marquet_table_{} gauge\n", name, help, name);
    text += fmt::format("marquet_table_{}{{table=\"{}\"}} {}\n", name, label, value);
  };
  add("up", "Whether the table could be opened.", static_cast<int>(check.opened));
  add("ok", "Whether it is as old and as full as was asked for.", static_cast<int>(check.ok()));
  if (!check.opened) return text;
  add("version", "Its version.", check.version);
  add("rows", "Its rows.", check.rows);
  add("files", "Its data files.", check.files);
  add("bytes", "Bytes of its data files.", check.bytes);
  if (!check.latest_ns) return text;
  add("latest_timestamp_seconds", "Its latest time, in seconds since 1970.",
      static_cast<double>(*check.latest_ns) / static_cast<double>(kNanosPerSecond));
  add("age_seconds", "How long ago that was.", *check.age_seconds);
  return text;
}

}  // namespace marquet::jobs
