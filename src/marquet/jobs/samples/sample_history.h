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
#include "marquet/jobs/samples/symbol_reader.h"
#include "marquet/sampling/book_history.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

// How samples of one symbol were made, as their rows say it.
struct SampleSettings {
  std::string features;
  int64_t time_bins = 0, ticks_per_bin = 0, hop = 0, micro_pip = 0;
  std::string row_filter;
  std::string labels_name;
  std::string labels_digest;

  bool operator==(const SampleSettings&) const = default;
};

struct HeldSample {
  bool has_label = false;
  int32_t first_source = 0;  // the number of its first row's source
  int64_t first_row = 0;     // and the row's place there
  int64_t book_version = 0;  // that it was made of
};

struct HeldSampleSource {
  int32_t number = 0;
  int64_t known_since = INT64_MAX;  // a version of the book that had it: the least of its samples'
};

struct HeldSymbol {
  SampleSettings settings;
  depth::FittedLabels labels;  // those of its samples' digest
  // Samples by the place of their last row: source and row.
  std::unordered_map<std::string, std::unordered_map<int64_t, HeldSample>> ends;
  int64_t samples = 0;
  std::map<std::string, HeldSampleSource> sources;  // of first and last rows
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

// Whether samples still have the rows that they were made of. Rows that are replaced by as many leave all
// ends of windows where they were, so that only what lies between tells.
class HeldWindows {
 public:
  // All outlive it. `rows`: those of the symbol, as the book holds them now.
  HeldWindows(const table::Table& book, const HeldSymbol& held, const RowNames& rows);

  // What is not as it was, in words; nothing for a sample of which nothing changed. Its window are the rows
  // [begin, end); [seen_begin, seen_end) are those that its label looks at, too. That no source came into
  // them since is taken from the samples; where they do not say it, from the book's log.
  arrow::Result<std::optional<std::string>> Change(const HeldSample& sample, int64_t begin, int64_t end,
                                                   int64_t seen_begin, int64_t seen_end);

 private:
  const HeldSymbol& held_;
  const RowNames& rows_;
  sampling::BookHistory history_;
};

}  // namespace marquet::jobs
