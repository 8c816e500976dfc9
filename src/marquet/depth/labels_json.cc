// Fitted labels as JSON: what is stored beside a table of samples.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "marquet/base/error.h"
#include "marquet/depth/labels.h"

namespace marquet::depth {

using Json = nlohmann::json;

std::string ToJson(const FittedLabels& fitted) {
  Json json;
  json["format"] = "marquet-labels-1";
  json["classes"] = fitted.spec.classes;
  json["lookback"] = fitted.spec.lookback;
  json["lookforward"] = fitted.spec.lookforward;
  json["offset"] = fitted.spec.offset;
  json["invalid"] = NameOf(fitted.spec.invalid);
  json["ties"] = NameOf(fitted.spec.ties);
  json["seed"] = fitted.spec.seed;
  // Absent where they are not known, so that what was stored before they were keeps its text and its digest.
  if (fitted.spec.across_rolls) json["across_rolls"] = *fitted.spec.across_rolls;
  if (fitted.prices_end_ns) json["prices_end_ns"] = *fitted.prices_end_ns;
  json["thresholds"] = fitted.thresholds;
  json["interior"] = fitted.interior;
  if (!fitted.thresholds) {  // JSON has no infinity
    json["low"] = fitted.low;
    json["high"] = fitted.high;
  }
  json["rows"] = fitted.rows;
  json["fit_start_ns"] = fitted.fit_start_ns;
  json["fit_end_ns"] = fitted.fit_end_ns;
  json["data_version"] = fitted.data_version;
  json["shared"] = Json::array();
  for (const SharedValue& shared : fitted.shared) {
    json["shared"].push_back(
        {{"value", shared.value}, {"first_class", shared.first_class}, {"counts", shared.counts}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

arrow::Result<FittedLabels> FittedLabelsFromJson(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("format") != "marquet-labels-1") {
      return Unsupported(fmt::format("labels of the format {}; expected marquet-labels-1",
                                     json.at("format").dump(-1, ' ', false, Json::error_handler_t::replace)));
    }
    FittedLabels fitted;
    json.at("classes").get_to(fitted.spec.classes);
    json.at("lookback").get_to(fitted.spec.lookback);
    json.at("lookforward").get_to(fitted.spec.lookforward);
    json.at("offset").get_to(fitted.spec.offset);
    ARROW_ASSIGN_OR_RAISE(fitted.spec.invalid, ParseInvalidRows(json.at("invalid").get<std::string>()));
    ARROW_ASSIGN_OR_RAISE(fitted.spec.ties, ParseTies(json.at("ties").get<std::string>()));
    json.at("seed").get_to(fitted.spec.seed);
    fitted.spec.across_rolls.reset();
    if (json.contains("across_rolls")) fitted.spec.across_rolls = json["across_rolls"].get<bool>();
    if (json.contains("prices_end_ns")) fitted.prices_end_ns = json["prices_end_ns"].get<int64_t>();
    json.at("thresholds").get_to(fitted.thresholds);
    json.at("interior").get_to(fitted.interior);
    fitted.low = json.value("low", -std::numeric_limits<double>::infinity());
    fitted.high = json.value("high", std::numeric_limits<double>::infinity());
    json.at("rows").get_to(fitted.rows);
    json.at("fit_start_ns").get_to(fitted.fit_start_ns);
    json.at("fit_end_ns").get_to(fitted.fit_end_ns);
    json.at("data_version").get_to(fitted.data_version);
    for (const Json& entry : json.at("shared")) {
      SharedValue shared;
      entry.at("value").get_to(shared.value);
      entry.at("first_class").get_to(shared.first_class);
      entry.at("counts").get_to(shared.counts);
      const int64_t classes = static_cast<int64_t>(shared.counts.size());
      const bool empty =
          std::all_of(shared.counts.begin(), shared.counts.end(), [](int64_t c) { return c == 0; });
      const bool negative =
          std::any_of(shared.counts.begin(), shared.counts.end(), [](int64_t c) { return c < 0; });
      if (shared.first_class < 0 || empty || negative || shared.first_class + classes > fitted.spec.classes) {
        return CorruptData("labels share a value among classes that there are not");
      }
      fitted.shared.push_back(std::move(shared));
    }
    const arrow::Status status = CheckSpec(fitted.spec);
    if (!status.ok()) return AsKind(WithContext(status, "labels"), ErrorKind::kCorruptData);
    if (static_cast<int>(fitted.interior.size()) != fitted.spec.classes - 1 ||
        !std::is_sorted(fitted.interior.begin(), fitted.interior.end())) {
      return CorruptData(fmt::format("labels of {} classes have {} boundaries; expected {}, ascending",
                                     fitted.spec.classes, fitted.interior.size(), fitted.spec.classes - 1));
    }
    return fitted;
  } catch (const Json::exception& error) {
    return CorruptData(fmt::format("no fitted labels in this JSON: {}", error.what()));
  }
}

}  // namespace marquet::depth
