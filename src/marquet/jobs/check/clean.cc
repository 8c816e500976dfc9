#include "marquet/jobs/check/clean.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "marquet/base/error.h"
#include "marquet/base/readable.h"
#include "marquet/base/text.h"
#include "marquet/jobs/samples/stale_labels.h"
#include "marquet/table/follow_up.h"
#include "marquet/table/table.h"
#include "marquet/table/tables_below.h"

namespace marquet::jobs {
namespace {

std::string Why(const file::Leftover& file) {
  if (file.owner_lives && file.pid == 0) return "kept: a build of samples is about to commit";
  if (file.owner_lives) return fmt::format("kept: process {} may be writing it", file.pid);
  if (file.young) return "kept: changed too short a while ago (--older-than)";
  if (file.removed) return "removed";
  if (file.pid == 0) return "labels that no sample refers to";
  if (file.journal && file.path.find(table::kFollowUps) != std::string::npos) {
    return "a note of what was to follow a commit that never came";
  }
  const bool rows = !file.journal && file.bytes > 0 && file.final_name.ends_with(".parquet");
  return rows ? "may hold rows that `marquet rescue` brings back" : "left behind";
}

// What is left of a build that was killed behind its commit is no leftover: its next reader finishes it.
arrow::Status FinishWhatWasCommitted(const std::string& directory, const StopFlag* stop) {
  const auto fs = file::LocalFileSystem();
  const auto finish = [&](const std::string& path) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const bool noted, table::HasFollowUps(*fs, path));
    if (!noted) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto table, table::Table::Open(fs, path));
    const arrow::Status finished = table::FinishFollowUps(fs, path, *table->snapshot());
    if (finished.ok() || finished.IsCancelled()) return finished;
    return WithHint(WithContext(finished, path + ": what a killed build committed could not be finished"),
                    "It is no leftover, and is finished before anything is listed or removed: run this where "
                    "the table can "
                    "be written to. Its rows are whole, and can be read.");
  };
  return table::ForEachTableBelow(*fs, directory, stop, {finish});
}

}  // namespace

arrow::Result<CleanReport> Clean(const std::string& directory, const file::LeftoverOptions& options) {
  CleanReport report;
  report.directory = directory;
  report.removed = options.remove;
  ARROW_RETURN_NOT_OK(table::CheckDirectory(*file::LocalFileSystem(), directory));
  ARROW_RETURN_NOT_OK(FinishWhatWasCommitted(directory, options.stop));
  // What opens tables, and may fail for what is in them, comes before anything is removed.
  ARROW_ASSIGN_OR_RAISE(const auto labels, FindStaleLabels(directory, options));
  ARROW_ASSIGN_OR_RAISE(report.files, file::FindLeftovers(directory, options));
  report.files.insert(report.files.end(), labels.begin(), labels.end());
  for (const file::Leftover& file : report.files) {
    if (file.kept()) continue;
    ++report.count;
    report.bytes += file.bytes;
  }
  return report;
}

std::string ToText(const CleanReport& report) {
  std::string text;
  for (const file::Leftover& file : report.files) {
    text += fmt::format("{}: {}, {} old: {}\n", file.path, HumanBytes(file.bytes),
                        HumanSeconds(static_cast<double>(file.age_ms) / 1000), Why(file));
  }
  text += fmt::format("{}: {}, {} {}\n", report.directory, Counted(report.count, "file"),
                      HumanBytes(report.bytes),
                      report.removed      ? "removed"
                      : report.count == 0 ? "left behind by writers that are gone"
                                          : "left behind by writers that are gone; --yes removes them");
  return text;
}

std::string ToJson(const CleanReport& report) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const file::Leftover& file : report.files) {
    files.push_back({{"path", Readable(file.path)},
                     {"journal", file.journal},
                     {"bytes", file.bytes},
                     {"age_seconds", static_cast<double>(file.age_ms) / 1000},
                     {"pid", file.pid},
                     {"young", file.young},
                     {"owner_lives", file.owner_lives},
                     {"removed", file.removed}});
  }
  const nlohmann::ordered_json root = {{"directory", report.directory},
                                       {"removed", report.removed},
                                       {"count", report.count},
                                       {"bytes", report.bytes},
                                       {"files", std::move(files)}};
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace marquet::jobs
