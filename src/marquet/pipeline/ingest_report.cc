#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "marquet/base/text.h"
#include "marquet/pipeline/ingest.h"

namespace marquet::pipeline {
namespace {

std::string ToText(const SourceReport& report) {
  if (report.status == "failed")
    return fmt::format("{}: failed; nothing of it was committed\n", report.source);
  std::string text;
  if (report.status == "skipped") {
    text = fmt::format("{}: skipped: {}\n", report.source, report.note);
    return text;
  }
  text = fmt::format("{}: {} {} {} rows out of {} records into {}", report.source, report.status,
                     WithCommas(report.rows), report.kind, WithCommas(report.records), report.table);
  if (report.version >= 0) text += fmt::format(", version {}", report.version);
  text += "\n";
  const auto line = [&](const std::string& what) { text += "  " + what + "\n"; };
  const auto count = [&](int64_t value, const char* what) {
    if (value != 0) line(WithCommas(value) + " " + what);
  };
  count(report.control_records, "control records, kept with the source's description");
  count(report.unknown_records, "records of unknown type, which are no rows");
  count(report.unmapped_rows, "rows whose instrument has no symbol (null)");
  count(report.nulled_times, "times beyond int64, left null");
  count(report.truncated_bytes, "bytes of a last record cut short, lost");
  if (report.files_written > 0) {
    const double rate = report.seconds > 0 ? static_cast<double>(report.records) / report.seconds : 0;
    line(fmt::format("{} files, {} (from {}), {}, {} records/s", WithCommas(report.files_written),
                     HumanBytes(report.bytes_written), HumanBytes(report.bytes), HumanSeconds(report.seconds),
                     WithCommas(static_cast<int64_t>(rate))));
  }
  if (!report.note.empty()) line("note: " + report.note);
  return text;
}

}  // namespace

std::string ToText(const IngestReport& report) {
  std::string text;
  for (const SourceReport& source : report.sources) text += ToText(source);
  return text;
}

std::string ToJson(const IngestReport& report) {
  nlohmann::ordered_json sources = nlohmann::ordered_json::array();
  for (const SourceReport& source : report.sources) {
    sources.push_back({{"source", source.source},
                       {"status", source.status},
                       {"digest", source.digest},
                       {"kind", source.kind},
                       {"table", source.table},
                       {"version", source.version},
                       {"bytes", source.bytes},
                       {"records", source.records},
                       {"rows", source.rows},
                       {"control_records", source.control_records},
                       {"unknown_records", source.unknown_records},
                       {"unmapped_rows", source.unmapped_rows},
                       {"nulled_times", source.nulled_times},
                       {"truncated_bytes", source.truncated_bytes},
                       {"truncated_records", source.truncated_records},
                       {"files_written", source.files_written},
                       {"bytes_written", source.bytes_written},
                       {"seconds", source.seconds},
                       {"note", source.note},
                       {"error", source.error}});
  }
  const nlohmann::ordered_json root = {{"ok", report.ok}, {"sources", std::move(sources)}};
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace marquet::pipeline
