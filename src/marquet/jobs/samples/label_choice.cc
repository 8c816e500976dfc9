#include "marquet/jobs/samples/label_choice_internal.h"

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/jobs/samples/sample_labels.h"

namespace marquet::jobs {
namespace {

// A null pointer for none.
const depth::FittedLabels* GivenLabels(const BuildSamplesOptions& options, const std::string& symbol) {
  auto given = options.fitted.find(symbol);
  if (given == options.fitted.end()) given = options.fitted.find("");
  return given == options.fitted.end() ? nullptr : &given->second;
}

}  // namespace

arrow::Status CheckLabelOptions(BuildSamplesOptions* options) {
  ARROW_RETURN_NOT_OK(depth::CheckSpec(options->labels));
  options->labels.across_rolls = options->across_rolls;
  if (!options->thresholds && options->fitted.empty()) return CheckLabelsName(options->labels_name);
  if (options->thresholds && !options->fitted.empty()) {
    return InvalidInput("labels are given both as thresholds and as fitted boundaries; expected one of them");
  }
  if (options->fit_start_ns || options->fit_end_ns) {
    return InvalidInput("a range to fit labels on is given, and labels that are not fitted here",
                        "Leave out the range, or the labels.");
  }
  for (const auto& [symbol, given] : options->fitted) {
    ARROW_RETURN_NOT_OK(depth::CheckGiven(options->labels, given));
  }
  if (options->thresholds) {
    ARROW_RETURN_NOT_OK(depth::ThresholdLabels(*options->thresholds, options->labels).status());
  }
  return CheckLabelsName(options->labels_name);
}

arrow::Result<depth::LabelSpec> LabelSpecOf(const BuildSamplesOptions& options, const std::string& symbol) {
  if (options.fitted.empty()) {
    depth::LabelSpec spec = options.labels;
    if (options.thresholds) spec.classes = static_cast<int>(options.thresholds->size()) * 2 + 1;
    return spec;
  }
  if (const auto* given = GivenLabels(options, symbol)) {
    depth::LabelSpec spec = given->spec;
    spec.across_rolls = options.across_rolls;
    return spec;
  }
  return NotFound(fmt::format("the fitted labels say nothing of the symbol {}", Quoted(symbol)));
}

bool AsksForThresholds(const BuildSamplesOptions& options, const std::string& symbol) {
  const auto* given = GivenLabels(options, symbol);
  return given != nullptr ? given->thresholds : options.thresholds.has_value();
}

arrow::Result<depth::FittedLabels> ChooseLabels(const BuildSamplesOptions& options,
                                                const SampleHistory& history, const std::string& symbol,
                                                const Quotes& quotes, const std::vector<double>& moves,
                                                const std::string& book) {
  const HeldSymbol* held = history.Find(symbol);
  std::optional<depth::FittedLabels> asked;
  if (const auto* given = GivenLabels(options, symbol)) {
    asked = *given;
    asked->spec.across_rolls = options.across_rolls;
  } else if (options.thresholds) {
    ARROW_ASSIGN_OR_RAISE(asked, depth::ThresholdLabels(*options.thresholds, options.labels));
  } else if (held == nullptr || options.fit_start_ns || options.fit_end_ns) {
    auto made =
        depth::FitLabelsInRange(moves, quotes.time, options.fit_start_ns, options.fit_end_ns, options.labels);
    if (!made.ok()) return WithContext(made.status(), "labels of " + Quoted(symbol));
    asked = *std::move(made);
    asked->data_version = book;
  }
  if (held == nullptr) return *std::move(asked);
  if (asked) ARROW_RETURN_NOT_OK(history.CheckBoundaries(symbol, *asked));
  return held->labels;
}

}  // namespace marquet::jobs
