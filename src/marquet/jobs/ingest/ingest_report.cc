#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "marquet/base/text.h"
#include "marquet/jobs/ingest/ingest.h"
#include "marquet/ledger/source_ranges.h"

namespace marquet::jobs {
namespace {

constexpr size_t kMostReplacedLines = 50;
constexpr size_t kMostReasons = 20;

// "0xEE: 3, 0xEF: 1".
std::string TypesOf(const std::map<int, int64_t>& by_rtype) {
  std::string text;
  for (const auto& [rtype, records] : by_rtype) {
    text += fmt::format("{}0x{:02X}: {}", text.empty() ? "" : ", ", rtype, WithCommas(records));
  }
  return text;
}

// "12 rows of old.dbn: ESH4 on 2024-01-02".
std::string Line(const ReplacedRows& replaced) {
  return fmt::format("{} of {}: {}", Counted(replaced.rows, "row"), replaced.source,
                     ledger::RangeName({replaced.symbol, replaced.date}));
}

// "5 rows of old.dbn: ESH4 on 2024-01-02, outside of the times that come".
std::string LineOfLeft(const ReplacedRows& replaced) {
  return fmt::format("{} of {}: {}, outside of the times that come", Counted(replaced.rows_left, "row"),
                     replaced.source, ledger::RangeName({replaced.symbol, replaced.date}));
}

std::string ToText(const SourceReport& report) {
  std::string text;
  if (report.status == "skipped") {
    text = fmt::format("{}: skipped: {}\n", report.source, report.note);
    return text;
  }
  const auto into = [](const std::string& table, int64_t version) {
    return version < 0 ? " into " + table : fmt::format(" into {}, version {}", table, version);
  };
  if (report.status == "failed") {
    text = report.source + ": failed; ";
    if (report.commit_unknown) {
      text += "whether its last rows were committed could not be learnt\n";
    } else if (report.parts.empty()) {
      text += "nothing of it was committed\n";
    } else {
      text += "a part of it was committed\n";
    }
    for (const SourcePart& part : report.parts) {
      text += "  " + Counted(part.rows, part.kind + " row") + into(part.table, part.version) + "\n";
    }
    return text;
  }
  text = fmt::format("{}: {} {}{} out of {}", report.source, report.status,
                     report.parts.size() == 1 ? report.parts.front().kind + " " : "",
                     Counted(report.rows, "row"), Counted(report.records, "record"));
  if (report.parts.size() == 1) text += into(report.parts.front().table, report.parts.front().version);
  text += "\n";
  const auto line = [&](const std::string& what) { text += "  " + what + "\n"; };
  const auto count = [&](int64_t value, const char* noun, const std::string& what) {
    if (value != 0) line(Counted(value, noun) + what);
  };
  if (report.parts.size() > 1) {
    for (const SourcePart& part : report.parts) {
      line(Counted(part.rows, part.kind + " row") + into(part.table, part.version));
    }
  }
  count(report.rows_there, "row", " that other tables of the split held already");
  count(report.rows_not_selected - report.rows_there, "row",
        " not selected" + (report.rows_held == 0 ? std::string()
                                                 : fmt::format("; {} of them came with an earlier selection",
                                                               WithCommas(report.rows_held))));
  count(report.control_records, "control record", ", kept with the source's description");
  count(report.unknown_records, "record",
        fmt::format(" of unknown type ({}), {}", TypesOf(report.unknown_by_rtype),
                    report.unknown_kept ? "kept with the source's description"
                                        : "not kept, so that an export to DBN will refuse; --again --replace "
                                          "--keep-unknown (again=True, on_overlap=\"replace\", "
                                          "keep_unknown=True in Python) keeps them"));
  count(report.unmapped_rows, "row", " whose instrument has no symbol (null)");
  count(report.nulled_times, "time", " beyond int64, left null");
  count(report.truncated_bytes, "byte", " of a last record cut short, lost");
  if (report.files_written > 0) {
    const double rate = report.seconds > 0 ? static_cast<double>(report.records) / report.seconds : 0;
    line(fmt::format("{}, {} (from {}), {}, {} records/s", Counted(report.files_written, "file"),
                     HumanBytes(report.bytes_written), HumanBytes(report.bytes), HumanSeconds(report.seconds),
                     WithCommas(static_cast<int64_t>(rate))));
  }
  const size_t shown = std::min(report.replaced.size(), kMostReplacedLines);
  for (size_t i = 0; i < shown; ++i) {
    const bool is_done = report.status == "replaced";
    line((is_done ? "gone: " : "would go: ") + Line(report.replaced[i]));
    if (report.replaced[i].rows_left == 0) continue;
    line((is_done ? "stay: " : "would stay: ") + LineOfLeft(report.replaced[i]));
  }
  if (shown < report.replaced.size()) {
    line(fmt::format("and so on for {}; --json names all",
                     Counted(static_cast<int64_t>(report.replaced.size() - shown), "more day")));
  }
  if (!report.note.empty()) line("note: " + report.note);
  return text;
}

// "passed over: 5 entries", and a line for each reason: "  4 not named *.dbn or *.dbn.zst: a.sha256, b.part,
// ...".
std::string ToText(const std::vector<PassedOver>& passed_over) {
  if (passed_over.empty()) return {};
  constexpr size_t kNames = 3;
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const PassedOver& each : passed_over) by_reason[each.why].push_back(each.path);
  const auto count = static_cast<int64_t>(passed_over.size());
  std::string text =
      fmt::format("passed over: {}\n", count == 1 ? "1 entry" : WithCommas(count) + " entries");
  size_t lines = 0;
  for (const auto& [why, paths] : by_reason) {
    if (lines++ == kMostReasons) {
      text += "  and so on; --json names all\n";
      break;
    }
    const size_t shown = std::min(paths.size(), kNames);
    text += fmt::format("  {} {}: {}{}\n", WithCommas(static_cast<int64_t>(paths.size())), why,
                        fmt::join(paths.begin(), paths.begin() + static_cast<ptrdiff_t>(shown), ", "),
                        shown < paths.size() ? ", ..." : "");
  }
  return text;
}

}  // namespace

std::string RowsAndSources(const std::vector<ReplacedRows>& replaced) {
  int64_t rows = 0;
  std::vector<std::string> sources;
  for (const ReplacedRows& each : replaced) {
    rows += each.rows;
    if (std::find(sources.begin(), sources.end(), each.source) == sources.end()) {
      sources.push_back(each.source);
    }
  }
  return fmt::format("{} of {}", Counted(rows, "row"), fmt::join(sources, ", "));
}

std::string ToText(const IngestReport& report) {
  std::string text;
  for (const SourceReport& source : report.sources) text += ToText(source);
  if (report.not_tried > 0) {
    text += fmt::format("{} after it not tried: run the same command again once it is mended or left out\n",
                        Counted(report.not_tried, "source"));
  }
  for (const std::string& symbol : report.unmatched_symbols) {
    text +=
        fmt::format("warning: no row in the times selected has a symbol that matches {}\n", Quoted(symbol));
  }
  return text + ToText(report.passed_over);
}

std::string ToJson(const IngestReport& report) {
  nlohmann::ordered_json sources = nlohmann::ordered_json::array();
  for (const SourceReport& source : report.sources) {
    nlohmann::ordered_json parts = nlohmann::ordered_json::array();
    for (const SourcePart& part : source.parts) {
      parts.push_back(
          {{"kind", part.kind}, {"table", part.table}, {"version", part.version}, {"rows", part.rows}});
    }
    nlohmann::ordered_json unknown = nlohmann::ordered_json::object();
    for (const auto& [rtype, records] : source.unknown_by_rtype) {
      unknown[fmt::format("0x{:02X}", rtype)] = records;
    }
    int64_t rows_replaced = 0;
    nlohmann::ordered_json replaced = nlohmann::ordered_json::array();
    for (const ReplacedRows& rows : source.replaced) {
      rows_replaced += rows.rows;
      replaced.push_back({{"table", rows.table},
                          {"source", rows.source},
                          {"symbol", rows.symbol ? nlohmann::ordered_json(*rows.symbol) : nullptr},
                          {"date", rows.date ? nlohmann::ordered_json(*rows.date) : nullptr},
                          {"rows", rows.rows},
                          {"rows_left", rows.rows_left}});
    }
    sources.push_back({{"source", source.source},
                       {"status", source.status},
                       {"digest", source.digest},
                       {"kind", source.kind},
                       {"table", source.table},
                       {"version", source.version},
                       {"bytes", source.bytes},
                       {"records", source.records},
                       {"rows", source.rows},
                       {"rows_not_selected", source.rows_not_selected},
                       {"rows_held", source.rows_held},
                       {"rows_there", source.rows_there},
                       {"rows_replaced", rows_replaced},
                       {"control_records", source.control_records},
                       {"unknown_records", source.unknown_records},
                       {"unknown_by_rtype", std::move(unknown)},
                       {"unmapped_rows", source.unmapped_rows},
                       {"nulled_times", source.nulled_times},
                       {"truncated_bytes", source.truncated_bytes},
                       {"truncated_records", source.truncated_records},
                       {"files_written", source.files_written},
                       {"bytes_written", source.bytes_written},
                       {"seconds", source.seconds},
                       {"parts", std::move(parts)},
                       {"replaced", std::move(replaced)},
                       {"note", source.note},
                       {"error", source.error},
                       {"hint", source.hint}});
  }
  nlohmann::ordered_json passed_over = nlohmann::ordered_json::array();
  for (const PassedOver& each : report.passed_over) {
    passed_over.push_back({{"path", each.path}, {"why", each.why}});
  }
  const nlohmann::ordered_json root = {{"ok", report.ok},
                                       {"error", report.error},
                                       {"kind", report.kind},
                                       {"hint", report.hint},
                                       {"not_tried", report.not_tried},
                                       {"unmatched_symbols", report.unmatched_symbols},
                                       {"passed_over", report.passed_over.size()},
                                       {"passed_over_entries", std::move(passed_over)},
                                       {"sources", std::move(sources)}};
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace marquet::jobs
