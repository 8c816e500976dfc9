// What is said of a build of samples, as text and as JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/jobs/samples/build_samples.h"

namespace marquet::jobs {

using SortedJson = nlohmann::json;

std::string ToText(const BuildSamplesReport& report) {
  std::string text;
  for (const SymbolSamples& s : report.symbols) {
    if (!s.warning.empty()) text += fmt::format("warning: {}\n", s.warning);
    if (!s.skipped.empty()) {
      text += fmt::format("{}: no samples: {}\n", s.symbol, s.skipped);
      continue;
    }
    text += fmt::format("{}: {} of {} out of {} in {}", s.symbol, Counted(s.samples, "sample"),
                        Counted(s.candidates, "candidate"), Counted(s.rows, "row"), Counted(s.runs, "run"));
    if (s.short_runs > 0) text += fmt::format(" ({} too short)", WithCommas(s.short_runs));
    text += '\n';
    if (s.rolls > 0) {
      text += fmt::format("  {} to another instrument or publisher: {}\n", Counted(s.rolls, "roll"),
                          report.across_rolls ? "windows go on across them" : "runs end there");
    }
    if (s.held > 0) {
      text += fmt::format("  {} are in the table already, and were not added again\n", WithCommas(s.held));
      if (s.samples > 0) text += "  the new ones are labelled by the boundaries of those\n";
    }
    if (s.held_late > 0) {
      text += fmt::format(
          "  {} of those have no label, but would get one now: --mode overwrite builds all anew\n",
          WithCommas(s.held_late));
    }
    if (s.samples == 0) continue;
    if (s.no_mid > 0) {
      text += fmt::format("  {} skipped: the last row has no mid price\n", WithCommas(s.no_mid));
    }
    if (s.unlabelled > 0) {
      text += fmt::format(
          "  {} without a label: {} past the end, {} by invalid rows, {} by a base not positive\n",
          WithCommas(s.unlabelled), WithCommas(s.past_end), WithCommas(s.by_invalid), WithCommas(s.by_base));
    }
    if (s.invalid_rows > 0) {
      text += fmt::format("  {} with a null or crossed book\n", Counted(s.invalid_rows, "row"));
    }
    text += "  classes:";
    for (const int64_t count : s.labels.counts) text += ' ' + WithCommas(count);
    text += fmt::format("; {:.2f} percentage points from uniform at most ({})\n", s.labels.largest_deviation,
                        s.labels.quality);
    if (s.fitted.thresholds) {
      text += "  boundaries: fixed thresholds\n";
    } else {
      text += fmt::format(
          "  fitted on {} moves of {} to {}, applied to {} to {}; {} outside the fitted range\n",
          WithCommas(s.fitted.rows), FormatNanos(s.fitted.fit_start_ns), FormatNanos(s.fitted.fit_end_ns),
          FormatNanos(s.apply_start_ns), FormatNanos(s.apply_end_ns), WithCommas(s.labels.outside_fitted));
    }
    if (s.seen_by_fit > 0) {
      text += fmt::format(
          "  {} labelled samples lie before {}, up to which the boundaries have seen prices: test on "
          "others\n",
          WithCommas(s.seen_by_fit), FormatNanos(s.fitted.seen_until_ns().value_or(0)));
    }
    if (!s.labels.coinciding.empty()) {
      text += fmt::format("  {} boundaries coincide: values are tied; ties=rank would share them out\n",
                          s.labels.coinciding.size());
    }
  }
  if (!report.warning.empty()) text += fmt::format("warning: {}\n", report.warning);
  text += fmt::format("{} into {} (version {}) in {}\n", Counted(report.rows, "sample"), report.samples,
                      report.version, HumanSeconds(report.seconds));
  return text;
}

std::string ToJson(const BuildSamplesReport& report) {
  SortedJson json = {{"book", report.book},
                     {"book_version", report.book_version},
                     {"samples", report.samples},
                     {"version", report.version},
                     {"rows", report.rows},
                     {"seconds", report.seconds},
                     {"across_rolls", report.across_rolls},
                     {"warning", report.warning.empty() ? SortedJson() : SortedJson(report.warning)},
                     {"symbols", SortedJson::array()}};
  for (const SymbolSamples& s : report.symbols) {
    json["symbols"].push_back({
        {"symbol", s.symbol},
        {"micro_pip", s.micro_pip},
        {"rows", s.rows},
        {"rolls", s.rolls},
        {"runs", s.runs},
        {"short_runs", s.short_runs},
        {"candidates", s.candidates},
        {"samples", s.samples},
        {"held", s.held},
        {"held_late", s.held_late},
        {"skipped", {{"no_mid", s.no_mid}}},
        {"unlabelled",
         {{"total", s.unlabelled},
          {"past_end", s.past_end},
          {"invalid_rows", s.by_invalid},
          {"no_base", s.by_base}}},
        {"invalid_rows", s.invalid_rows},
        {"counts", s.labels.counts},
        {"largest_deviation", s.labels.largest_deviation},
        {"quality", s.labels.quality},
        {"outside_fitted", s.labels.outside_fitted},
        {"coinciding", s.labels.coinciding},
        {"apply_start_ns", s.apply_start_ns},
        {"apply_end_ns", s.apply_end_ns},
        {"seen_by_fit", s.seen_by_fit},
        {"labels", s.skipped.empty() ? SortedJson::parse(depth::ToJson(s.fitted)) : SortedJson()},
        {"no_samples", s.skipped.empty() ? SortedJson() : SortedJson(s.skipped)},
        {"warning", s.warning.empty() ? SortedJson() : SortedJson(s.warning)},
    });
  }
  return json.dump(2, ' ', false, SortedJson::error_handler_t::replace);
}

}  // namespace marquet::jobs
