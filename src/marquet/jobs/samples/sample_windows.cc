#include "marquet/jobs/samples/sample_windows_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/runs.h"

namespace marquet::jobs {

PlacedWindows PlaceWindows(const Quotes& quotes, const BuildSamplesOptions& options,
                           const depth::LabelSpec& spec, SymbolSamples* report) {
  const auto rows = static_cast<int64_t>(quotes.time.size());
  PlacedWindows placed;
  placed.begins = depth::RunBegins(quotes.time, options.max_gap_ns,
                                   options.across_rolls ? std::span<const int64_t>() : quotes.rolls);
  report->rows = rows;
  report->rolls = static_cast<int64_t>(quotes.rolls.size());
  report->runs = static_cast<int64_t>(placed.begins.size());

  // The first window of a run ends at the first row that has its rows before it and a full label range; then
  // one every `hop` rows, those near the end of the run without a label.
  const int64_t first_end = std::max(options.tensor.rows(), spec.lookback);
  int64_t places = 0, longest = 0;
  for (size_t run = 0; run < placed.begins.size(); ++run) {
    const int64_t begin = placed.begins[run];
    const int64_t length = (run + 1 < placed.begins.size() ? placed.begins[run + 1] : rows) - begin;
    const int64_t last_labelled = length - spec.lookforward - spec.offset;  // one past it
    longest = std::max(longest, length);
    if (first_end >= last_labelled) {
      ++report->short_runs;
      continue;
    }
    for (int64_t s = first_end; s < length; s += options.hop) {
      const int64_t row = begin + s;
      ++places;
      const bool mid =
          quotes.bid[row - 1] != depth::kUndefinedPrice && quotes.ask[row - 1] != depth::kUndefinedPrice;
      if (mid) placed.windows.push_back({.end = row, .past_end = s >= last_labelled});
    }
  }
  report->candidates = places;
  report->no_mid = places - static_cast<int64_t>(placed.windows.size());
  if (places == 0) {
    report->skipped = rows == 0
                          ? fmt::format("no row fulfils {}", Quoted(options.where, 200))
                          : fmt::format("a sample needs a run of more than {} rows; the longest of {} has {}",
                                        WithCommas(first_end + spec.lookforward + spec.offset),
                                        WithCommas(report->runs), WithCommas(longest));
    if (report->rolls > 0 && !options.across_rolls) {
      report->skipped +=
          fmt::format("; its rows change their instrument or publisher {} times", WithCommas(report->rolls));
    }
  }
  return placed;
}

arrow::Status MarkHeld(const HeldSymbol& held, const table::Table& book, const SymbolReader& reader,
                       const BuildSamplesOptions& options, std::vector<SampleWindow>* windows,
                       SymbolSamples* report) {
  ARROW_ASSIGN_OR_RAISE(const RowNames names, reader.ReadNames(report->symbol));
  const auto rows = static_cast<int64_t>(names.source_rows.size());
  if (rows != report->rows) return reader.RowsWentMissing(report->symbol);
  const depth::LabelSpec& labels = held.labels.spec;
  HeldWindows unchanged(book, held, names);
  std::string change;  // of the first sample that has other rows now
  for (SampleWindow& window : *windows) {
    const int64_t last = window.end - 1;
    const std::string& last_source = names.parts[names.PartOf(last)].source;
    const auto source = held.ends.find(last_source);
    if (source == held.ends.end()) continue;
    const auto sample = source->second.find(names.source_rows[last]);
    if (sample == source->second.end()) continue;
    window.held = true;
    window.held_label = sample->second.has_label;
    ++report->held;
    if (change.empty()) {
      int64_t seen_begin = window.end, seen_end = window.end;
      if (window.held_label) {
        seen_begin = std::max<int64_t>(0, window.end - labels.lookback);
        seen_end = std::min(rows, window.end + 1 + labels.offset + labels.lookforward);
      }
      ARROW_ASSIGN_OR_RAISE(const auto found,
                            unchanged.Change(sample->second, window.end - options.tensor.rows(), window.end,
                                             seen_begin, seen_end));
      if (found) {
        change = fmt::format("its sample of {} that ends at row {} of {} {}", Quoted(report->symbol),
                             names.source_rows[last], Quoted(last_source), *found);
      }
    }
    // Where nobody noted how they were made, a label tells it: one out of rows behind the end of the run.
    if (window.held_label && window.past_end && !held.labels.spec.across_rolls && report->rolls > 0) {
      return InvalidInput(
          fmt::format("{}: labels of {} look at rows of more than one instrument or publisher",
                      options.samples, Quoted(report->symbol)),
          "They were made across rolls: append so, too (--across-rolls, across_rolls=True in Python), or "
          "build all samples again: --mode overwrite (mode=\"overwrite\" in Python).");
    }
  }
  if (report->held == held.samples) {
    if (change.empty()) return arrow::Status::OK();
    return InvalidInput(fmt::format("{}: in {}, {}", options.samples, options.book, change),
                        "Rows were replaced or came between. Build all samples again: --mode overwrite "
                        "(mode=\"overwrite\" in Python).");
  }
  return InvalidInput(
      fmt::format("{}: {} of its {} samples of {} end at rows of {} at which none would end now",
                  options.samples, WithCommas(held.samples - report->held), WithCommas(held.samples),
                  Quoted(report->symbol), options.book),
      "Rows came into the book before them or were replaced, --max-gap (max_gap in Python) is another, or "
      "they were made across rolls (--across-rolls). "
      "Build all samples again: --mode overwrite (mode=\"overwrite\" in Python).");
}

}  // namespace marquet::jobs
