#include "marquet/jobs/samples/sample_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/depth/micro_pip.h"
#include "marquet/jobs/samples/build_samples.h"
#include "marquet/jobs/samples/sample_labels.h"
#include "marquet/jobs/samples/sample_rows.h"
#include "marquet/sampling/book_sequence.h"

namespace marquet::jobs {
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
  arrow::Status Status(const std::string& samples, const std::string& symbol,
                       const std::string& hint = kHowToGoOn) const {
    if (found_.empty()) return arrow::Status::OK();
    return InvalidInput(fmt::format("{}: its samples of {} were made otherwise than those to append: {}",
                                    samples, Quoted(symbol), fmt::join(found_, ", ")),
                        hint);
  }

 private:
  std::vector<std::string> found_;
};

}  // namespace

arrow::Result<SampleHistory> SampleHistory::Read(std::shared_ptr<file::FileSystem> fs,
                                                 const table::Table& samples, const StopFlag* stop) {
  SampleHistory history;
  history.path_ = samples.path();
  ARROW_RETURN_NOT_OK(history.ReadRows(samples, stop));
  if (!history.empty()) ARROW_RETURN_NOT_OK(history.ReadLabels(fs));
  return history;
}

arrow::Status SampleHistory::ReadRows(const table::Table& samples, const StopFlag* stop) {
  enum {
    kSymbol,
    kId,
    kFirst,
    kFirstRow,
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
    kDigest,
    kVersion
  };
  table::ScanOptions options;
  options.columns = {"symbol",      "sample_id",       "first_source",  "first_source_row",
                     "last_source", "last_source_row", "label",         "features",
                     "time_bins",   "ticks_per_bin",   "micro_pip",     "hop",
                     "row_filter",  "labels",          "labels_digest", "book_version"};
  const auto expected = SampleSchema(0);
  for (const std::string& column : options.columns) {
    const auto there = samples.schema()->GetFieldByName(column);
    const auto type = expected->GetFieldByName(column)->type();
    if (there && there->type()->Equals(type)) continue;
    return SchemaError(
        there ? fmt::format("{}: column {} is of type {}; a table of depth samples has {}", path_, column,
                            there->type()->ToString(), type->ToString())
              : fmt::format("{}: there is no column {}; expected a table of depth samples", path_, column),
        "Make one with `marquet depth` or mq.depth.build_samples.");
  }
  options.stop = stop;
  ARROW_ASSIGN_OR_RAISE(const auto scan, samples.NewScan(std::move(options)));
  ARROW_ASSIGN_OR_RAISE(const auto reader, scan.ToReader());
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (!batch) return arrow::Status::OK();
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
      HeldSymbol& symbol = symbols_[name];
      SampleSettings settings{text(kFeatures, i), small(kBins, i),  small(kTicks, i), number(kHop, i),
                              number(kPip, i),    text(kFilter, i), text(kName, i),   text(kDigest, i)};
      if (symbol.samples == 0) {
        symbol.settings = std::move(settings);
      } else if (!(symbol.settings == settings)) {
        return InvalidInput(fmt::format("{}: its samples of {} were made in more than one way, such as {}",
                                        path_, Quoted(name), text(kId, i)),
                            "Build them again: --mode overwrite (mode=\"overwrite\" in Python).");
      }
      HeldSample sample;
      sample.has_label = batch->column(kLabel)->IsValid(i);
      sample.first_row = number(kFirstRow, i);
      sample.book_version = number(kVersion, i);
      for (const std::string& source : {last, text(kFirst, i)}) {
        auto& there =
            symbol.sources.try_emplace(source, HeldSampleSource{static_cast<int32_t>(symbol.sources.size())})
                .first->second;
        there.known_since = std::min(there.known_since, sample.book_version);
        sample.first_source = there.number;
      }
      if (!symbol.ends[last].emplace(number(kRow, i), sample).second) {
        return InvalidInput(fmt::format("{}: it holds the sample {} twice", path_, text(kId, i)),
                            "Build the samples again: --mode overwrite (mode=\"overwrite\" in Python).");
      }
      ++symbol.samples;
    }
  }
}

arrow::Status SampleHistory::ReadLabels(const std::shared_ptr<file::FileSystem>& fs) {
  std::map<std::string, std::string> digests;
  for (const auto& [symbol, held] : symbols_) digests[symbol] = held.settings.labels_digest;
  ARROW_ASSIGN_OR_RAISE(auto labels,
                        FindLabels(*fs, path_, symbols_.begin()->second.settings.labels_name, digests));
  for (auto& [symbol, held] : symbols_) held.labels = std::move(labels.at(symbol));
  return arrow::Status::OK();
}

const HeldSymbol* SampleHistory::Find(const std::string& symbol) const {
  const auto found = symbols_.find(symbol);
  return found == symbols_.end() ? nullptr : &found->second;
}

std::map<std::string, depth::FittedLabels> SampleHistory::labels() const {
  std::map<std::string, depth::FittedLabels> result;
  for (const auto& [symbol, held] : symbols_) result[symbol] = held.labels;
  return result;
}

std::set<std::string> SampleHistory::digests() const {
  std::set<std::string> result;
  for (const auto& [symbol, held] : symbols_) result.insert(held.settings.labels_digest);
  return result;
}

std::pair<std::string, const HeldSymbol*> SampleHistory::Like(const std::string& symbol) const {
  if (const HeldSymbol* held = Find(symbol)) return {symbol, held};
  if (empty()) return {symbol, nullptr};
  return {symbols_.begin()->first, &symbols_.begin()->second};
}

arrow::Status SampleHistory::CheckSettings(const std::string& symbol, const SampleSettings& wanted) const {
  const auto [like, there] = Like(symbol);
  if (there == nullptr) return arrow::Status::OK();
  const SampleSettings& held = there->settings;
  Differences differences;
  differences.Compare("features", wanted.features, held.features);
  differences.Compare("time bins", wanted.time_bins, held.time_bins);
  differences.Compare("ticks per bin", wanted.ticks_per_bin, held.ticks_per_bin);
  differences.Compare("hop", wanted.hop, held.hop);
  if (like == symbol) {
    differences.Compare("micro-pip", depth::MicroPipText(wanted.micro_pip),
                        depth::MicroPipText(held.micro_pip));
    differences.Compare("row filter", Quoted(wanted.row_filter), Quoted(held.row_filter));
  }
  differences.Compare("labels name", Quoted(wanted.labels_name), Quoted(held.labels_name));
  return differences.Status(path_, like);
}

arrow::Status SampleHistory::CheckLabels(const std::string& symbol, const depth::LabelSpec& wanted,
                                         bool thresholds) const {
  const auto [like, there_symbol] = Like(symbol);
  if (there_symbol == nullptr) return arrow::Status::OK();
  const depth::FittedLabels& held = there_symbol->labels;
  Differences differences;
  const depth::LabelSpec& there = held.spec;
  const auto kind = [](bool fixed) { return fixed ? "fixed thresholds" : "fitted boundaries"; };
  differences.Compare<std::string>("labels by", kind(thresholds), kind(held.thresholds));
  differences.Compare("classes", wanted.classes, there.classes);
  differences.Compare("lookback", wanted.lookback, there.lookback);
  differences.Compare("lookforward", wanted.lookforward, there.lookforward);
  differences.Compare("offset", wanted.offset, there.offset);
  differences.Compare("invalid rows", NameOf(wanted.invalid), NameOf(there.invalid));
  if (wanted.across_rolls && there.across_rolls) {  // else FindHeld sees whether it matters
    const auto yes = [](bool across) { return across ? "yes" : "no"; };
    differences.Compare<std::string>("across rolls", yes(*wanted.across_rolls), yes(*there.across_rolls));
  }
  if (!thresholds && !held.thresholds) {
    differences.Compare("ties", NameOf(wanted.ties), NameOf(there.ties));
    if (wanted.ties == depth::Ties::kRank) differences.Compare("seed", wanted.seed, there.seed);
  }
  return differences.Status(path_, like);
}

arrow::Status SampleHistory::CheckBoundaries(const std::string& symbol,
                                             const depth::FittedLabels& wanted) const {
  const HeldSymbol* there = Find(symbol);
  if (there == nullptr) return arrow::Status::OK();
  const depth::FittedLabels& held = there->labels;
  if (LabelsDigest(wanted) == LabelsDigest(held)) return arrow::Status::OK();
  // What one of them does not tell cannot differ.
  depth::FittedLabels here = wanted, other = held;
  if (!here.spec.across_rolls || !other.spec.across_rolls) {
    here.spec.across_rolls.reset();
    other.spec.across_rolls.reset();
  }
  if (!here.prices_end_ns || !other.prices_end_ns) {
    here.prices_end_ns.reset();
    other.prices_end_ns.reset();
  }
  if (LabelsDigest(here) == LabelsDigest(other)) return arrow::Status::OK();
  Differences differences;
  const auto list = [](const std::vector<double>& values) {
    return fmt::format("{:.6g}", fmt::join(values, " "));
  };
  // What was asked for first; boundaries, of which there are many, where nothing else tells why.
  differences.Compare("first time fitted on (--fit-start)", FormatNanos(wanted.fit_start_ns),
                      FormatNanos(held.fit_start_ns));
  differences.Compare("last time fitted on (--fit-end)", FormatNanos(wanted.fit_end_ns),
                      FormatNanos(held.fit_end_ns));
  differences.Compare("moves fitted on", wanted.rows, held.rows);
  if (differences.empty()) differences.Compare("boundaries", list(wanted.interior), list(held.interior));
  // What is left are last digits, and values that are shared among classes.
  if (differences.empty()) {
    differences.Compare<std::string>("digest of the labels", LabelsDigest(wanted), LabelsDigest(held));
  }
  return differences.Status(
      path_, symbol,
      std::string("Without --labels, --fit-start and --fit-end (labels, thresholds, fit_start and fit_end in "
                  "Python) the stored boundaries are used. ") +
          kHowToGoOn);
}

arrow::Status SampleHistory::CheckBook(const table::Table& book) const {
  const auto sources = sampling::BookSources(book);
  for (const auto& [symbol, held] : symbols_) {
    for (const auto& [source, since] : held.sources) {
      if (sources.count(source)) continue;
      return InvalidInput(
          fmt::format("{}: its samples of {} are made of rows of the source {}, which {} does not hold",
                      path_, Quoted(symbol), Quoted(source), book.path()),
          "A table of samples belongs to one book. Choose another table for the samples of this one, or "
          "replace all that are there: --mode overwrite (mode=\"overwrite\" in Python).");
    }
  }
  return arrow::Status::OK();
}

HeldWindows::HeldWindows(const table::Table& book, const HeldSymbol& held, const RowNames& rows)
    : held_(held), rows_(rows), history_(book) {
  for (const auto& [source, known] : held.sources) history_.Note(source, known.known_since);
}

arrow::Result<std::optional<std::string>> HeldWindows::Change(const HeldSample& sample, int64_t begin,
                                                              int64_t end, int64_t seen_begin,
                                                              int64_t seen_end) {
  const auto& parts = rows_.parts;
  const auto first = held_.sources.find(parts[rows_.PartOf(begin)].source);
  if (first == held_.sources.end() || first->second.number != sample.first_source ||
      rows_.source_rows[begin] != sample.first_row) {
    return "begins at another row than it did";
  }
  const int64_t from = std::min(begin, seen_begin), to = std::max(end, seen_end);
  for (size_t part = rows_.PartOf(from); part < parts.size() && parts[part].begin < to; ++part) {
    ARROW_ASSIGN_OR_RAISE(auto why_new, history_.WhyNew(parts[part].source, sample.book_version));
    if (why_new) return why_new;
  }
  return std::nullopt;
}

}  // namespace marquet::jobs
