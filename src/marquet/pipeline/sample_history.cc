#include "marquet/pipeline/sample_history.h"

#include <fmt/format.h>

#include <vector>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/depth/micro_pip.h"

namespace marquet::pipeline {
namespace {

using depth::NameOf;

constexpr const char* kHowToGoOn =
    "Give the settings that the table was made with, choose another table, or replace all of its samples: "
    "--mode overwrite (mode=\"overwrite\" in Python).";

// "hop 500 (there: 250)" and so on, as they come.
class Differences {
 public:
  template <typename T>
  void Compare(const char* what, const T& here, const T& there) {
    if (here != there) found_.push_back(fmt::format("{} {} (there: {})", what, here, there));
  }
  bool empty() const { return found_.empty(); }
  arrow::Status Status(const std::string& samples, const std::string& symbol) const {
    if (found_.empty()) return arrow::Status::OK();
    return InvalidInput(fmt::format("{}: its samples of {} were made otherwise than those to append: {}",
                                    samples, Quoted(symbol), fmt::join(found_, ", ")),
                        kHowToGoOn);
  }

 private:
  std::vector<std::string> found_;
};

}  // namespace

arrow::Result<std::map<std::string, HeldSymbol>> ReadHeld(const table::Table& samples, const StopFlag* stop) {
  enum {
    kSymbol,
    kId,
    kFirst,
    kLast,
    kRow,
    kLabel,
    kFeatures,
    kBins,
    kTicks,
    kPip,
    kHop,
    kFilter,
    kName,
    kDigest
  };
  table::ScanOptions options;
  options.columns = {"symbol", "sample_id",  "first_source", "last_source",   "last_source_row",
                     "label",  "features",   "time_bins",    "ticks_per_bin", "micro_pip",
                     "hop",    "row_filter", "labels",       "labels_digest"};
  for (const std::string& column : options.columns) {
    if (samples.schema()->GetFieldByName(column)) continue;
    return SchemaError(
        fmt::format("{}: there is no column {}; expected a table of depth samples", samples.path(), column),
        "Make one with `marquet depth` or mq.depth.build_samples.");
  }
  options.stop = stop;
  ARROW_ASSIGN_OR_RAISE(const auto scan, samples.NewScan(std::move(options)));
  ARROW_ASSIGN_OR_RAISE(const auto reader, scan.ToReader());
  std::map<std::string, HeldSymbol> held;
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (!batch) return held;
    const auto text = [&](int column, int64_t row) {
      return static_cast<const arrow::StringArray&>(*batch->column(column)).GetString(row);
    };
    const auto small = [&](int column, int64_t row) {
      return static_cast<const arrow::Int32Array&>(*batch->column(column)).Value(row);
    };
    const auto number = [&](int column, int64_t row) {
      return static_cast<const arrow::Int64Array&>(*batch->column(column)).Value(row);
    };
    for (int64_t i = 0; i < batch->num_rows(); ++i) {
      const std::string name = text(kSymbol, i), last = text(kLast, i);
      HeldSymbol& symbol = held[name];
      SampleSettings settings{text(kFeatures, i), small(kBins, i),  small(kTicks, i), number(kHop, i),
                              number(kPip, i),    text(kFilter, i), text(kName, i),   text(kDigest, i)};
      if (symbol.samples == 0)
        symbol.settings = std::move(settings);
      else if (!(symbol.settings == settings)) {
        return InvalidInput(fmt::format("{}: its samples of {} were made in more than one way, such as {}",
                                        samples.path(), Quoted(name), text(kId, i)),
                            "Build them again: --mode overwrite (mode=\"overwrite\" in Python).");
      }
      if (!symbol.ends[last].emplace(number(kRow, i), batch->column(kLabel)->IsValid(i)).second) {
        return InvalidInput(fmt::format("{}: it holds the sample {} twice", samples.path(), text(kId, i)),
                            "Build the samples again: --mode overwrite (mode=\"overwrite\" in Python).");
      }
      ++symbol.samples;
      symbol.sources.insert(last);
      symbol.sources.insert(text(kFirst, i));
    }
  }
}

std::string LabelsDigest(const depth::FittedLabels& fitted) {
  depth::FittedLabels bare = fitted;
  bare.data_version.clear();
  return Xxh3Hex(depth::ToJson(bare));
}

arrow::Status CheckSettings(const std::string& samples, const std::string& symbol, const SampleSettings& held,
                            const SampleSettings& wanted, bool same_symbol) {
  Differences differences;
  differences.Compare("features", wanted.features, held.features);
  differences.Compare("time bins", wanted.time_bins, held.time_bins);
  differences.Compare("ticks per bin", wanted.ticks_per_bin, held.ticks_per_bin);
  differences.Compare("hop", wanted.hop, held.hop);
  if (same_symbol) {
    differences.Compare("micro-pip", depth::MicroPipText(wanted.micro_pip),
                        depth::MicroPipText(held.micro_pip));
    differences.Compare("row filter", Quoted(wanted.row_filter), Quoted(held.row_filter));
  }
  differences.Compare("labels name", Quoted(wanted.labels_name), Quoted(held.labels_name));
  return differences.Status(samples, symbol);
}

arrow::Status CheckLabels(const std::string& samples, const std::string& symbol,
                          const depth::FittedLabels& held, const depth::LabelSpec& wanted, bool thresholds) {
  Differences differences;
  const depth::LabelSpec& there = held.spec;
  const auto kind = [](bool fixed) { return fixed ? "fixed thresholds" : "fitted boundaries"; };
  differences.Compare<std::string>("labels by", kind(thresholds), kind(held.thresholds));
  differences.Compare("classes", wanted.classes, there.classes);
  differences.Compare("lookback", wanted.lookback, there.lookback);
  differences.Compare("lookforward", wanted.lookforward, there.lookforward);
  differences.Compare("offset", wanted.offset, there.offset);
  differences.Compare("invalid rows", NameOf(wanted.invalid), NameOf(there.invalid));
  if (!thresholds && !held.thresholds) {
    differences.Compare("ties", NameOf(wanted.ties), NameOf(there.ties));
    if (wanted.ties == depth::Ties::kRank) differences.Compare("seed", wanted.seed, there.seed);
  }
  return differences.Status(samples, symbol);
}

arrow::Status CheckBoundaries(const std::string& samples, const std::string& symbol,
                              const depth::FittedLabels& held, const depth::FittedLabels& wanted) {
  if (LabelsDigest(wanted) == LabelsDigest(held)) return arrow::Status::OK();
  Differences differences;
  const auto list = [](const std::vector<double>& values) {
    return fmt::format("{:.6g}", fmt::join(values, " "));
  };
  differences.Compare("boundaries", list(wanted.interior), list(held.interior));
  differences.Compare("moves fitted on", wanted.rows, held.rows);
  differences.Compare("first time fitted on", FormatNanos(wanted.fit_start_ns),
                      FormatNanos(held.fit_start_ns));
  differences.Compare("last time fitted on", FormatNanos(wanted.fit_end_ns), FormatNanos(held.fit_end_ns));
  // What is left are last digits, and values that are shared among classes.
  if (differences.empty()) {
    differences.Compare<std::string>("digest of the labels", LabelsDigest(wanted), LabelsDigest(held));
  }
  return differences.Status(samples, symbol);
}

}  // namespace marquet::pipeline
