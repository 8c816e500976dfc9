// Fitted labels as JSON: what is stored beside a table of samples.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/labels.h"

namespace marquet::depth {

using SortedJson = nlohmann::json;

namespace {

// A value of exactly the type asked for: nlohmann's own get() cuts fractions and high bits off, takes true
// for 1, and leaves what becomes of 1e300 to the compiler.
template <typename T>
arrow::Status Take(const SortedJson& json, const std::string& name, T* value) {
  const auto unexpected = [&](const std::string& expected) {
    std::string found = json.is_structured() ? json.type_name()
                                             : json.dump(-1, ' ', true, SortedJson::error_handler_t::replace);
    return CorruptData(
        fmt::format("labels: {} is {}; expected {}", Quoted(name), found.substr(0, 40), expected));
  };
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) return unexpected("true or false");
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!json.is_number()) return unexpected("a number");
  } else if constexpr (std::is_integral_v<T>) {
    const bool fits = json.is_number_unsigned()  ? std::in_range<T>(json.get<uint64_t>())
                      : json.is_number_integer() ? std::in_range<T>(json.get<int64_t>())
                                                 : false;
    if (!fits) {
      return unexpected(fmt::format("a whole number from {} to {}", std::numeric_limits<T>::min(),
                                    std::numeric_limits<T>::max()));
    }
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) return unexpected("a string");
  } else {
    if (!json.is_array()) return unexpected("a list");
    value->resize(json.size());
    for (size_t i = 0; i < json.size(); ++i) {
      ARROW_RETURN_NOT_OK(Take(json[i], fmt::format("{}[{}]", name, i), &(*value)[i]));
    }
    return arrow::Status::OK();
  }
  *value = json.get<T>();
  return arrow::Status::OK();
}

// The same of a member that must be there.
template <typename T>
arrow::Status TakeMember(const SortedJson& json, const std::string& name, T* value) {
  return Take(json.at(name), name, value);
}

// The same of one that may be missing.
template <typename T>
arrow::Status TakeOptional(const SortedJson& json, const std::string& name, std::optional<T>* value) {
  value->reset();
  const auto member = json.find(name);
  return member == json.end() ? arrow::Status::OK() : Take(*member, name, &value->emplace());
}

}  // namespace

std::string ToJson(const FittedLabels& fitted) {
  SortedJson json;
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
  json["shared"] = SortedJson::array();
  for (const SharedValue& shared : fitted.shared) {
    json["shared"].push_back(
        {{"value", shared.value}, {"first_class", shared.first_class}, {"counts", shared.counts}});
  }
  return json.dump(2, ' ', false, SortedJson::error_handler_t::replace);
}

arrow::Result<FittedLabels> FittedLabelsFromJson(std::string_view text) {
  try {
    const SortedJson json = SortedJson::parse(text);
    if (json.at("format") != "marquet-labels-1") {
      return Unsupported(
          fmt::format("labels of the format {}; expected marquet-labels-1",
                      json.at("format").dump(-1, ' ', false, SortedJson::error_handler_t::replace)));
    }
    FittedLabels fitted;
    ARROW_RETURN_NOT_OK(TakeMember(json, "classes", &fitted.spec.classes));
    ARROW_RETURN_NOT_OK(TakeMember(json, "lookback", &fitted.spec.lookback));
    ARROW_RETURN_NOT_OK(TakeMember(json, "lookforward", &fitted.spec.lookforward));
    ARROW_RETURN_NOT_OK(TakeMember(json, "offset", &fitted.spec.offset));
    std::string invalid, ties;
    ARROW_RETURN_NOT_OK(TakeMember(json, "invalid", &invalid));
    ARROW_RETURN_NOT_OK(TakeMember(json, "ties", &ties));
    ARROW_ASSIGN_OR_RAISE(fitted.spec.invalid, ParseInvalidRows(invalid));
    ARROW_ASSIGN_OR_RAISE(fitted.spec.ties, ParseTies(ties));
    ARROW_RETURN_NOT_OK(TakeMember(json, "seed", &fitted.spec.seed));
    ARROW_RETURN_NOT_OK(TakeOptional(json, "across_rolls", &fitted.spec.across_rolls));
    ARROW_RETURN_NOT_OK(TakeOptional(json, "prices_end_ns", &fitted.prices_end_ns));
    ARROW_RETURN_NOT_OK(TakeMember(json, "thresholds", &fitted.thresholds));
    ARROW_RETURN_NOT_OK(TakeMember(json, "interior", &fitted.interior));
    std::optional<double> low, high;
    ARROW_RETURN_NOT_OK(TakeOptional(json, "low", &low));
    ARROW_RETURN_NOT_OK(TakeOptional(json, "high", &high));
    fitted.low = low.value_or(-std::numeric_limits<double>::infinity());
    fitted.high = high.value_or(std::numeric_limits<double>::infinity());
    ARROW_RETURN_NOT_OK(TakeMember(json, "rows", &fitted.rows));
    ARROW_RETURN_NOT_OK(TakeMember(json, "fit_start_ns", &fitted.fit_start_ns));
    ARROW_RETURN_NOT_OK(TakeMember(json, "fit_end_ns", &fitted.fit_end_ns));
    ARROW_RETURN_NOT_OK(TakeMember(json, "data_version", &fitted.data_version));
    for (const SortedJson& entry : json.at("shared")) {
      SharedValue shared;
      ARROW_RETURN_NOT_OK(TakeMember(entry, "value", &shared.value));
      ARROW_RETURN_NOT_OK(TakeMember(entry, "first_class", &shared.first_class));
      ARROW_RETURN_NOT_OK(TakeMember(entry, "counts", &shared.counts));
      const int64_t classes = static_cast<int64_t>(shared.counts.size());
      if (shared.first_class < 0 || shared.first_class + classes > fitted.spec.classes) {
        return CorruptData("labels share a value among classes that there are not");
      }
      int64_t rows = 0;  // that have the value
      for (const int64_t count : shared.counts) {
        if (count < 0 || count > fitted.rows - rows) {
          return CorruptData(fmt::format("labels share a value among other rows than the {} fitted on",
                                         WithCommas(fitted.rows)));
        }
        rows += count;
      }
      if (rows == 0) return CorruptData("labels share a value that no row has");
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
  } catch (const SortedJson::exception& error) {
    return CorruptData(fmt::format("no fitted labels in this JSON: {}", error.what()));
  }
}

}  // namespace marquet::depth
