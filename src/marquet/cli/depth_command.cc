#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/cli/command.h"
#include "marquet/depth/micro_pip.h"
#include "marquet/jobs/samples/build_samples.h"
#include "marquet/predicate/predicate.h"

namespace marquet::cli {
namespace {

struct DepthRequest {
  jobs::BuildSamplesOptions build;
  std::vector<std::string> features = {"volume"};
  std::string labels = "fit";
  std::string mode = "new";
};

// "30s", "90m", "1h", "2d", or "none" for windows that cross anything.
arrow::Result<int64_t> ParseGap(std::string_view text) {
  if (text == "none") return depth::kNoGaps;
  constexpr std::pair<char, int64_t> kUnits[] = {{'s', 1}, {'m', 60}, {'h', 3'600}, {'d', 86'400}};
  for (const auto& [letter, seconds] : kUnits) {
    if (text.empty() || text.back() != letter) continue;
    const std::string number(text.substr(0, text.size() - 1));
    if (number.empty() || number.size() > 5 || number.find_first_not_of("0123456789") != std::string::npos)
      break;
    return std::stoll(number) * seconds * kNanosPerSecond;
  }
  return InvalidInput(Quoted(text) + " is no length of time; expected one such as 30s, 90m, 1h, 2d, or none");
}

// The text, if it is a predicate.
arrow::Result<std::string> CheckedPredicate(std::string_view text) {
  ARROW_RETURN_NOT_OK(predicate::Predicate::Parse(text).status());
  return std::string(text);
}

// What --labels says: fit boundaries, take the default thresholds, or take labels that were fitted earlier.
arrow::Status ChooseLabels(Session& session, const DepthRequest& request, jobs::BuildSamplesOptions* build) {
  if (request.labels == "fit") return arrow::Status::OK();
  if (request.labels == "thresholds") {
    const auto defaults = depth::DefaultThresholds();
    build->thresholds.emplace(defaults.begin(), defaults.end());
    return arrow::Status::OK();
  }
  const auto info = session.fs()->Stat(request.labels);
  if (IsKind(info.status(), ErrorKind::kNotFound)) {
    return NotFound(
        fmt::format("--labels {}: there is no such file; expected fit, thresholds, a JSON file of labels "
                    "fitted earlier, or a table of samples that has them",
                    request.labels));
  }
  ARROW_RETURN_NOT_OK(info.status());
  if (info->is_directory) {
    ARROW_ASSIGN_OR_RAISE(build->fitted, jobs::LoadLabels(session.fs(), request.labels, build->labels_name));
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const auto json, file::ReadAll(*session.fs(), request.labels));
  auto fitted = jobs::LabelsFromJson(json);
  if (!fitted.ok()) return WithContext(fitted.status(), request.labels);
  build->fitted = *std::move(fitted);
  return arrow::Status::OK();
}

arrow::Result<int> RunDepth(Session& session, const DepthRequest& request) {
  jobs::BuildSamplesOptions build = request.build;
  ARROW_ASSIGN_OR_RAISE(build.tensor.features, depth::ParseFeatures(request.features));
  ARROW_RETURN_NOT_OK(ChooseLabels(session, request, &build));
  build.mode = request.mode == "append"      ? table::AppendMode::kAppend
               : request.mode == "overwrite" ? table::AppendMode::kOverwrite
                                             : table::AppendMode::kErrorIfExists;
  build.memory = session.common().memory;
  build.progress = session.progress();
  build.stop = session.stop();
  ARROW_ASSIGN_OR_RAISE(const auto report, jobs::BuildSamples(session.fs(), std::move(build)));
  ARROW_RETURN_NOT_OK(session.Print(session.common().json ? ToJson(report) : ToText(report)));
  return 0;
}

}  // namespace

Action DeclareDepth(CLI::App& options) {
  auto request = std::make_shared<DepthRequest>();
  jobs::BuildSamplesOptions& build = request->build;
  options.add_option("table", build.book, "The table of order-book rows")->required()->type_name("TABLE");
  options.add_option("--into", build.samples, "The table of samples")->required()->type_name("SAMPLES");
  options.add_option("--hop", build.hop, "Rows from one sample to the next (default: 500)")
      ->check(AtLeast(1))
      ->type_name("ROWS");
  Offers(AddNames(options, "--features", &request->features, "volume (the default), variance, trade_counts"),
         {"volume", "variance", "trade_counts"});
  AddNames(options, "--symbol", &build.symbols, "These symbols only (default: all)");
  AddParsed(options, "--where", &build.where, CheckedPredicate,
            "Only rows for which this SQL predicate is true; prices are as stored, in units of 1e-9, and in "
            "quotes ('4750.25') prices")
      ->type_name("PREDICATE");
  AddParsed(options, "--micro-pip", &build.tensor.micro_pip, depth::ParseMicroPip,
            "Height of a price row, such as 0.25 (default: looked up by symbol)")
      ->type_name("PRICE");
  options
      .add_option("--definitions", build.definitions,
                  "A table of definition records, to look price steps up in")
      ->type_name("TABLE");
  options.add_option("--time-bins", build.tensor.time_bins, "Time bins of a tensor (default: 500)")
      ->check(AtLeast(1))
      ->type_name("N");
  options.add_option("--ticks-per-bin", build.tensor.ticks_per_bin, "Rows of a time bin (default: 100)")
      ->check(AtLeast(1))
      ->type_name("N");
  options
      .add_option(
          "--labels", request->labels,
          "fit (quantiles of this table's moves; the default), thresholds (fixed ones), or labels fitted "
          "earlier: a table of samples that has them, or a JSON file")
      ->type_name("HOW");
  options
      .add_option("--classes", build.labels.classes, "Classes of the labels: 3, 5, 7, 9 or 13 (the default)")
      ->check(CLI::IsMember({3, 5, 7, 9, 13}))
      ->type_name("N");
  options.add_option("--lookback", build.labels.lookback, "Rows of the mean before (default: 5000)")
      ->check(AtLeast(1))
      ->type_name("ROWS");
  options.add_option("--lookforward", build.labels.lookforward, "Rows of the mean after (default: 5000)")
      ->check(AtLeast(1))
      ->type_name("ROWS");
  options
      .add_option("--offset", build.labels.offset,
                  "Rows between a sample and the mean after it (default: 500)")
      ->check(AtLeast(0))
      ->type_name("ROWS");
  AddParsed(options, "--fit-start", &build.fit_start_ns, ParseNanos,
            "Fit labels on rows at or after this time")
      ->type_name("TIME");
  AddParsed(options, "--fit-end", &build.fit_end_ns, ParseNanos,
            "Fit labels on prices before this time alone")
      ->type_name("TIME");
  AddParsed(options, "--ties", &build.labels.ties, depth::ParseTies,
            "Equal moves: boundary (share a class; the default) or rank (shared among classes)")
      ->type_name("HOW");
  AddParsed(
      options, "--invalid", &build.labels.invalid, depth::ParseInvalidRows,
      "Rows with a null or crossed book: null (void the means that hold them; the default), skip, error")
      ->type_name("POLICY");
  options.add_option("--seed", build.labels.seed, "Of --ties rank (default: 0)")->type_name("N");
  options
      .add_option("--labels-name", build.labels_name,
                  "Name that the boundaries are kept under (default: default)")
      ->type_name("NAME");
  AddParsed(options, "--max-gap", &build.max_gap_ns, ParseGap,
            "No window crosses a longer time without rows (default: 1h; none: any may)")
      ->type_name("TIME");
  options.add_flag("--across-rolls", build.across_rolls,
                   "Let windows go on where a symbol's rows change their instrument_id or publisher_id");
  options
      .add_option("--mode", request->mode,
                  "new (the samples table must not be there; the default), append (only samples that it does "
                  "not hold) or "
                  "overwrite")
      ->check(CLI::IsMember({"new", "append", "overwrite"}))
      ->type_name("MODE");
  return [request](Session& session) { return RunDepth(session, *request); };
}

}  // namespace marquet::cli
