#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/cli/command.h"
#include "marquet/pipeline/build_samples.h"

namespace marquet::cli {
namespace {

struct DepthRequest {
  pipeline::BuildSamplesOptions build;
  std::vector<std::string> features = {"volume"};
  std::string labels = "fit";
  std::string mode = "new";
};

// A number of units of 1e-9, or a price such as 0.00001 or 0.25.
arrow::Result<int64_t> ParseMicroPip(const std::string& text) {
  const size_t point = text.find('.');
  const std::string whole = text.substr(0, point);
  std::string fraction = point == std::string::npos ? std::string() : text.substr(point + 1);
  constexpr size_t kDigits = 9;
  const auto digits = [](const std::string& part) {
    return part.find_first_not_of("0123456789") == std::string::npos;
  };
  if (whole.size() > kDigits || fraction.size() > kDigits || whole.size() + fraction.size() == 0 ||
      !digits(whole) || !digits(fraction)) {
    return InvalidInput(Quoted(text) + " is no price step; expected a decimal such as 0.25, to nine places");
  }
  fraction.resize(kDigits, '0');
  const int64_t step = std::stoll("0" + whole) * 1'000'000'000 + std::stoll(fraction);
  if (step == 0) return InvalidInput("a price step of 0");
  return step;
}

// What --labels says: fit boundaries, take the default thresholds, or take labels that were fitted earlier.
arrow::Status ChooseLabels(Session& session, const DepthRequest& request,
                           pipeline::BuildSamplesOptions* build) {
  if (request.labels == "fit") return arrow::Status::OK();
  if (request.labels == "thresholds") {
    const auto defaults = depth::DefaultThresholds();
    build->thresholds.emplace(defaults.begin(), defaults.end());
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const std::string json, file::ReadAll(*session.fs(), request.labels));
  auto fitted = pipeline::LabelsFromJson(json);
  if (!fitted.ok()) return WithContext(fitted.status(), request.labels);
  build->fitted = *std::move(fitted);
  return arrow::Status::OK();
}

arrow::Result<int> RunDepth(Session& session, const DepthRequest& request) {
  pipeline::BuildSamplesOptions build = request.build;
  ARROW_ASSIGN_OR_RAISE(build.tensor.features, depth::ParseFeatures(request.features));
  ARROW_RETURN_NOT_OK(ChooseLabels(session, request, &build));
  build.mode = request.mode == "append"      ? table::AppendMode::kAppend
               : request.mode == "overwrite" ? table::AppendMode::kOverwrite
                                             : table::AppendMode::kErrorIfExists;
  build.memory = session.common().memory;
  build.progress = session.progress();
  build.stop = session.stop();
  ARROW_ASSIGN_OR_RAISE(const auto report, pipeline::BuildSamples(session.fs(), std::move(build)));
  ARROW_RETURN_NOT_OK(session.Print(session.common().json ? ToJson(report) : ToText(report)));
  return 0;
}

}  // namespace

Action DeclareDepth(CLI::App& options) {
  auto request = std::make_shared<DepthRequest>();
  pipeline::BuildSamplesOptions& build = request->build;
  options.add_option("table", build.book, "The table of order-book rows")->required()->type_name("TABLE");
  options.add_option("--into", build.samples, "The table of samples")->required()->type_name("SAMPLES");
  options.add_option("--hop", build.hop, "Rows from one sample to the next (default: 500)")
      ->check(CLI::PositiveNumber)
      ->type_name("ROWS");
  options.add_option("--features", request->features, "volume (the default), variance, trade_counts")
      ->delimiter(',')
      ->type_name("NAMES");
  options.add_option("--symbol", build.symbols, "These symbols only (default: all)")
      ->delimiter(',')
      ->type_name("SYMBOLS");
  AddParsed(options, "--micro-pip", &build.tensor.micro_pip, ParseMicroPip,
            "Height of a price row, such as 0.25 (default: looked up by symbol)")
      ->type_name("PRICE");
  options
      .add_option("--definitions", build.definitions,
                  "A table of definition records, to look price steps up in")
      ->type_name("TABLE");
  options.add_option("--time-bins", build.tensor.time_bins, "Time bins of a tensor (default: 500)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  options.add_option("--ticks-per-bin", build.tensor.ticks_per_bin, "Rows of a time bin (default: 100)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  options
      .add_option(
          "--labels", request->labels,
          "fit (quantiles of this table's moves; the default), thresholds (fixed ones), or a JSON file of "
          "labels fitted earlier")
      ->type_name("HOW");
  options
      .add_option("--classes", build.labels.classes, "Classes of the labels: 3, 5, 7, 9 or 13 (the default)")
      ->check(CLI::IsMember({3, 5, 7, 9, 13}))
      ->type_name("N");
  options.add_option("--lookback", build.labels.lookback, "Rows of the mean before (default: 5000)")
      ->check(CLI::PositiveNumber)
      ->type_name("ROWS");
  options.add_option("--lookforward", build.labels.lookforward, "Rows of the mean after (default: 5000)")
      ->check(CLI::PositiveNumber)
      ->type_name("ROWS");
  options
      .add_option("--offset", build.labels.offset,
                  "Rows between a sample and the mean after it (default: 500)")
      ->check(CLI::NonNegativeNumber)
      ->type_name("ROWS");
  AddParsed(options, "--fit-start", &build.fit_start_ns, ParseNanos,
            "Fit labels on rows at or after this time")
      ->type_name("TIME");
  AddParsed(options, "--fit-end", &build.fit_end_ns, ParseNanos, "Fit labels on rows before this time")
      ->type_name("TIME");
  options
      .add_option("--mode", request->mode, "new (the samples table must not be there), append or overwrite")
      ->check(CLI::IsMember({"new", "append", "overwrite"}))
      ->type_name("MODE");
  return [request](Session& session) { return RunDepth(session, *request); };
}

}  // namespace marquet::cli
