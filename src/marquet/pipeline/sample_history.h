// What a table of samples holds already, and whether further samples fit to it. Internal to the room.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

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
  depth::FittedLabels labels;  // those of its samples' digest
  // Samples by the place of their last row: source, row, and whether there is a label.
  std::unordered_map<std::string, std::unordered_map<int64_t, bool>> ends;
  int64_t samples = 0;
  std::set<std::string> sources;  // of first and last rows
};

// The checks give kInvalidInput, naming what differs. A symbol that the table does not hold is compared with
// another one, whose micro-pip, row filter and boundaries may differ.
class SampleHistory {
 public:
  SampleHistory() = default;  // of a table that holds nothing

  // kInvalidInput for a table whose samples of one symbol differ in their settings, or of which two are the
  // same; kSchema for one that is no table of samples; kCorruptData when the labels stored beside it are not
  // those of its samples.
  static arrow::Result<SampleHistory> Read(std::shared_ptr<file::FileSystem> fs, const table::Table& samples,
                                           const StopFlag* stop);

  bool empty() const { return symbols_.empty(); }
  const HeldSymbol* Find(const std::string& symbol) const;    // null for none
  std::map<std::string, depth::FittedLabels> labels() const;  // by symbol
  std::set<std::string> digests() const;                      // of these

  // That further samples may be made so; the digest of `wanted` is not looked at.
  arrow::Status CheckSettings(const std::string& symbol, const SampleSettings& wanted) const;
  // The same of their labels: windows, policies and whether they are thresholds; then the boundaries.
  arrow::Status CheckLabels(const std::string& symbol, const depth::LabelSpec& wanted, bool thresholds) const;
  arrow::Status CheckBoundaries(const std::string& symbol, const depth::FittedLabels& wanted) const;
  // That the rows of all samples come out of this book.
  arrow::Status CheckBook(const table::Table& book) const;

 private:
  arrow::Status ReadRows(const table::Table& samples, const StopFlag* stop);
  arrow::Status ReadLabels(const std::shared_ptr<file::FileSystem>& fs);
  std::pair<std::string, const HeldSymbol*> Like(const std::string& symbol) const;

  std::string path_;
  std::map<std::string, HeldSymbol> symbols_;
};

}  // namespace marquet::pipeline
