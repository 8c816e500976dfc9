// What a table of samples holds already, and whether further samples fit to it. Internal to the room.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/depth/labels.h"
#include "marquet/table/table.h"

namespace marquet::pipeline {

// How samples of one symbol were made, as their rows say it.
struct SampleSettings {
  std::string features;
  int64_t time_bins = 0, ticks_per_bin = 0, hop = 0, micro_pip = 0;
  std::string row_filter;
  std::string labels_name;
  std::string labels_digest;

  bool operator==(const SampleSettings&) const = default;
};

struct HeldSymbol {
  SampleSettings settings;
  // Samples by the place of their last row: source, row, and whether there is a label.
  std::unordered_map<std::string, std::unordered_map<int64_t, bool>> ends;
  int64_t samples = 0;
  std::set<std::string> sources;  // of first and last rows
};

// By symbol. kInvalidInput for a table whose samples of one symbol differ in their settings, or of which two
// are the same; kSchema for one that is no table of samples.
arrow::Result<std::map<std::string, HeldSymbol>> ReadHeld(const table::Table& samples, const StopFlag* stop);

// Names a fitted set of labels: what they do, not where they were fitted.
std::string LabelsDigest(const depth::FittedLabels& fitted);

// OK when samples made as `wanted` fit to those that `held` says; else kInvalidInput, naming what differs. Of
// `wanted` the digest is not looked at; the micro-pip and the row filter are where `same_symbol`.
arrow::Status CheckSettings(const std::string& samples, const std::string& symbol, const SampleSettings& held,
                            const SampleSettings& wanted, bool same_symbol);

// The same of labels: windows, policies and whether they are thresholds; then the boundaries.
arrow::Status CheckLabels(const std::string& samples, const std::string& symbol,
                          const depth::FittedLabels& held, const depth::LabelSpec& wanted, bool thresholds);
arrow::Status CheckBoundaries(const std::string& samples, const std::string& symbol,
                              const depth::FittedLabels& held, const depth::FittedLabels& wanted);

}  // namespace marquet::pipeline
