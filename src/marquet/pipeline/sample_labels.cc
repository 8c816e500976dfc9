#include "marquet/pipeline/sample_labels.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/file/durable_file.h"

namespace marquet::pipeline {
namespace {

using Json = nlohmann::json;

std::string LabelsPath(const std::string& samples, const std::string& name) {
  return file::JoinPath(samples, "_marquet/labels/" + name + ".json");
}

std::string Dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

}  // namespace

arrow::Status CheckLabelsName(const std::string& name) {
  const bool plain =
      !name.empty() && name.size() <= 100 && name[0] != '.' && name[0] != '-' &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
          std::string::npos;
  if (plain) return arrow::Status::OK();
  return InvalidInput(
      fmt::format("{} cannot name labels; expected letters, digits, '-', '_' and '.'", Quoted(name)));
}

bool WindowsAreValid(std::span<const int64_t> bid, std::span<const int64_t> ask, int64_t row,
                     const depth::LabelSpec& spec) {
  const auto enough = [&](int64_t begin, int64_t length) {
    int64_t valid = 0;
    for (int64_t i = begin; i < begin + length; ++i) {
      valid += bid[i] != depth::kUndefinedPrice && ask[i] != depth::kUndefinedPrice && bid[i] <= ask[i];
    }
    return spec.invalid == depth::InvalidRows::kSkip ? valid > 0 : valid == length;
  };
  return enough(row - spec.lookback, spec.lookback) && enough(row + 1 + spec.offset, spec.lookforward);
}

arrow::Result<std::map<std::string, depth::FittedLabels>> LabelsFromJson(const std::string& text) {
  std::map<std::string, depth::FittedLabels> labels;
  try {
    const Json json = Json::parse(text);
    if (json.is_object() && json.value("format", "") == "marquet-labels-1") {
      ARROW_ASSIGN_OR_RAISE(labels[""], depth::FittedLabelsFromJson(text));
      return labels;
    }
    for (const auto& [symbol, entry] : json.at("symbols").items()) {
      ARROW_ASSIGN_OR_RAISE(labels[symbol], depth::FittedLabelsFromJson(entry.dump()));
    }
  } catch (const Json::exception& error) {
    return CorruptData(fmt::format("no fitted labels in this JSON: {}", error.what()));
  }
  return labels;
}

arrow::Result<std::map<std::string, depth::FittedLabels>> LoadLabels(std::shared_ptr<file::FileSystem> fs,
                                                                     const std::string& samples,
                                                                     const std::string& name) {
  ARROW_RETURN_NOT_OK(CheckLabelsName(name));
  const std::string path = LabelsPath(samples, name);
  auto text = file::ReadAll(*fs, path);
  if (!text.ok()) return text.status();
  auto labels = LabelsFromJson(*text);
  if (!labels.ok()) return WithContext(labels.status(), path);
  return labels;
}

arrow::Status StoreLabels(const std::shared_ptr<file::FileSystem>& fs, const std::string& samples,
                          const std::string& name, const BuildSamplesReport& report, bool keep_others) {
  const std::string path = LabelsPath(samples, name);
  std::map<std::string, depth::FittedLabels> labels;
  if (keep_others) {
    ARROW_ASSIGN_OR_RAISE(labels, LoadLabels(fs, samples, name));
  }
  for (const SymbolSamples& symbol : report.symbols) {
    if (symbol.skipped.empty()) labels[symbol.symbol] = symbol.fitted;
  }
  Json json;
  json["format"] = "marquet-label-set-1";
  json["symbols"] = Json::object();
  for (const auto& [symbol, fitted] : labels) json["symbols"][symbol] = Json::parse(depth::ToJson(fitted));
  ARROW_RETURN_NOT_OK(file::CreateDirectories(*fs, file::ParentPath(path)));
  return file::PutReplacing(fs, path, Dump(json));
}

std::string ToText(const BuildSamplesReport& report) {
  std::string text;
  for (const SymbolSamples& s : report.symbols) {
    if (!s.warning.empty()) text += fmt::format("warning: {}\n", s.warning);
    if (!s.skipped.empty()) {
      text += fmt::format("{}: no samples: {}\n", s.symbol, s.skipped);
      continue;
    }
    text +=
        fmt::format("{}: {} samples of {} candidates out of {} rows in {} runs", s.symbol,
                    WithCommas(s.samples), WithCommas(s.candidates), WithCommas(s.rows), WithCommas(s.runs));
    if (s.short_runs > 0) text += fmt::format(" ({} too short)", WithCommas(s.short_runs));
    text += '\n';
    if (s.held > 0) {
      text += fmt::format("  {} are in the table already, and were not added again\n", WithCommas(s.held));
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
      text += fmt::format("  {} rows with a null or crossed book\n", WithCommas(s.invalid_rows));
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
    if (!s.labels.coinciding.empty()) {
      text += fmt::format("  {} boundaries coincide: values are tied; ties=rank would share them out\n",
                          s.labels.coinciding.size());
    }
  }
  text += fmt::format("{} samples into {} (version {}) in {}\n", WithCommas(report.rows), report.samples,
                      report.version, HumanSeconds(report.seconds));
  return text;
}

std::string ToJson(const BuildSamplesReport& report) {
  Json json = {{"book", report.book},       {"book_version", report.book_version},
               {"samples", report.samples}, {"version", report.version},
               {"rows", report.rows},       {"seconds", report.seconds},
               {"symbols", Json::array()}};
  for (const SymbolSamples& s : report.symbols) {
    json["symbols"].push_back({
        {"symbol", s.symbol},
        {"micro_pip", s.micro_pip},
        {"rows", s.rows},
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
        {"labels", s.skipped.empty() ? Json::parse(depth::ToJson(s.fitted)) : Json()},
        {"no_samples", s.skipped.empty() ? Json() : Json(s.skipped)},
        {"warning", s.warning.empty() ? Json() : Json(s.warning)},
    });
  }
  return Dump(json);
}

}  // namespace marquet::pipeline
