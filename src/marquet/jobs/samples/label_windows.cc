#include "marquet/jobs/samples/label_windows_internal.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "marquet/jobs/samples/sample_labels.h"

namespace marquet::jobs {

arrow::Status LabelWindows(const Quotes& quotes, const depth::Moves& moves, const depth::LabelSpec& spec,
                           const SymbolReader& reader, std::vector<SampleWindow>* windows,
                           SymbolSamples* report) {
  std::vector<double> r;
  std::vector<int64_t> ends;
  for (const SampleWindow& window : *windows) {
    r.push_back(moves.r[window.end]);
    ends.push_back(window.end);
  }
  PickedRows picked;
  if (!report->fitted.shared.empty()) {
    ARROW_ASSIGN_OR_RAISE(picked, reader.Pick(report->symbol, ends));
  }
  ARROW_ASSIGN_OR_RAISE(const auto labels,
                        depth::ApplyLabels(r, picked.times, picked.sequences, report->fitted));
  const auto seen_until = report->fitted.seen_until_ns();
  std::vector<double> new_moves;
  std::vector<int8_t> new_labels;
  for (size_t i = 0; i < windows->size(); ++i) {
    SampleWindow& window = (*windows)[i];
    window.move = r[i];
    window.label = labels[i];
    if (window.held) {
      report->held_late += !window.held_label && window.label >= 0;
      continue;
    }
    new_moves.push_back(r[i]);
    new_labels.push_back(labels[i]);
    const int64_t time = quotes.time[window.end];
    const bool first = new_moves.size() == 1;
    report->apply_start_ns = first ? time : std::min(report->apply_start_ns, time);
    report->apply_end_ns = first ? time : std::max(report->apply_end_ns, time);
    report->seen_by_fit += labels[i] >= 0 && seen_until && time <= *seen_until;
    if (!std::isnan(r[i])) continue;
    ++report->unlabelled;
    if (window.past_end) {
      ++report->past_end;
    } else {
      // ComputeMoves tells them apart only in sum; a base that is not positive takes whole, valid windows.
      const bool valid = WindowsAreValid(quotes.bid, quotes.ask, window.end, spec);
      ++(valid ? report->by_base : report->by_invalid);
    }
  }
  report->labels = depth::ReportLabels(new_moves, new_labels, report->fitted);
  return arrow::Status::OK();
}

}  // namespace marquet::jobs
