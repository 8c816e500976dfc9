#include "marquet/depth/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"

namespace marquet::depth {
namespace {

// The rank at which class i begins: ceil((n - 1) i / classes).
int64_t FirstRank(int64_t n, int i, int classes) {
  const __int128 scaled = static_cast<__int128>(n - 1) * i;
  return static_cast<int64_t>((scaled + classes - 1) / classes);
}

int ClassOfRank(int64_t rank, int64_t n, int classes) {
  int result = 0;
  while (result + 1 < classes && FirstRank(n, result + 1, classes) <= rank) ++result;
  return result;
}

// Values that hold ranks of more than one class.
std::vector<SharedValue> FindShared(const std::vector<double>& sorted, int classes) {
  const auto n = static_cast<int64_t>(sorted.size());
  std::vector<SharedValue> shared;
  for (int i = 1; i < classes; ++i) {
    const int64_t rank = FirstRank(n, i, classes);
    const double value = sorted[rank];
    if (!shared.empty() && shared.back().value == value) continue;
    const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), value);
    const int64_t first = low - sorted.begin(), end = high - sorted.begin();
    const int first_class = ClassOfRank(first, n, classes), last_class = ClassOfRank(end - 1, n, classes);
    if (first_class == last_class) continue;
    SharedValue entry{value, first_class, {}};
    for (int c = first_class; c <= last_class; ++c) {
      const int64_t from = std::max(first, c == 0 ? 0 : FirstRank(n, c, classes));
      const int64_t to = std::min(end, c + 1 == classes ? n : FirstRank(n, c + 1, classes));
      entry.counts.push_back(std::max<int64_t>(0, to - from));
    }
    shared.push_back(std::move(entry));
  }
  return shared;
}

int DrawClass(const SharedValue& shared, uint64_t seed, int64_t time, int64_t sequence) {
  const int64_t key[2] = {time, sequence};
  const uint64_t hash = Xxh3Hash64({reinterpret_cast<const char*>(key), sizeof(key)}, seed);
  int64_t total = 0;
  for (const int64_t count : shared.counts) total += count;
  auto place =
      static_cast<int64_t>((static_cast<unsigned __int128>(hash) * static_cast<uint64_t>(total)) >> 64);
  int c = shared.first_class;
  for (const int64_t count : shared.counts) {
    if (place < count) break;
    place -= count;
    ++c;
  }
  return c;
}

}  // namespace

arrow::Result<Ties> ParseTies(std::string_view name) {
  if (name == "boundary") return Ties::kShareBoundary;
  if (name == "rank") return Ties::kRank;
  return InvalidInput(fmt::format("{} is no way to treat ties; expected boundary or rank", Quoted(name)));
}

std::string NameOf(Ties ties) { return ties == Ties::kRank ? "rank" : "boundary"; }

namespace {

// Of the moves that may be fitted on, out of so many rows.
arrow::Result<FittedLabels> FitMoves(std::span<const double> r, int64_t rows, const LabelSpec& spec) {
  ARROW_RETURN_NOT_OK(CheckSpec(spec));
  std::vector<double> sorted;
  sorted.reserve(r.size());
  std::copy_if(r.begin(), r.end(), std::back_inserter(sorted), [](double v) { return !std::isnan(v); });
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<int64_t>(sorted.size());
  if (n < spec.classes) {
    return InvalidInput(
        fmt::format("{} of {} rows have a price move to fit on; expected at least {}, one a class",
                    WithCommas(n), WithCommas(rows), spec.classes),
        fmt::format("A row needs {} rows before it and {} after it without a gap and with valid prices.",
                    WithCommas(spec.lookback), WithCommas(spec.offset + spec.lookforward)));
  }
  if (sorted.front() == sorted.back()) {
    return InvalidInput(fmt::format("all {} price moves are {}; there are no classes to tell apart",
                                    WithCommas(n), sorted.front()),
                        "Fit on a range in which the mid price moves, or use thresholds.");
  }
  FittedLabels fitted;
  fitted.spec = spec;
  fitted.low = sorted.front();
  fitted.high = sorted.back();
  fitted.rows = n;
  for (int i = 1; i < spec.classes; ++i) {
    const __int128 scaled = static_cast<__int128>(n - 1) * i;
    const auto rank = static_cast<int64_t>(scaled / spec.classes);
    const double part = static_cast<double>(static_cast<int>(scaled % spec.classes)) / spec.classes;
    double boundary = sorted[rank];
    if (part > 0) boundary += (sorted[rank + 1] - sorted[rank]) * part;
    fitted.interior.push_back(boundary);
  }
  if (spec.ties == Ties::kRank) fitted.shared = FindShared(sorted, spec.classes);
  return fitted;
}

}  // namespace

arrow::Result<FittedLabels> FitLabels(std::span<const double> r, const LabelSpec& spec) {
  return FitMoves(r, static_cast<int64_t>(r.size()), spec);
}

arrow::Result<FittedLabels> FitLabelsInRange(std::span<const double> r, std::span<const int64_t> times,
                                             std::optional<int64_t> start_ns, std::optional<int64_t> end_ns,
                                             const LabelSpec& spec) {
  if (times.empty()) {
    if (!start_ns && !end_ns) return FitLabels(r, spec);
    return SchemaError("the rows have no times to choose a range to fit on by");
  }
  // A move looks at the rows [s - lookback, s + reach]. Rows need not ascend in time, so of all rows up to
  // the end of a move's, the last one that lies too late is kept.
  const auto rows = static_cast<int64_t>(r.size());
  const int64_t reach = spec.offset + spec.lookforward;
  std::vector<double> chosen;
  int64_t first = INT64_MAX, last = INT64_MIN, first_move = INT64_MAX, last_move = INT64_MIN;
  int64_t seen = 0, too_late = INT64_MIN, prices_end = INT64_MIN, counted = 0;
  for (int64_t s = 0; s < rows; ++s) {
    if (std::isnan(r[s])) continue;
    first_move = std::min(first_move, times[s]);
    last_move = std::max(last_move, times[s]);
    const int64_t end = std::min(s + reach + 1, rows);
    for (; end_ns && seen < end; ++seen) {
      if (times[seen] >= *end_ns) too_late = seen;
    }
    if ((start_ns && times[s] < *start_ns) || too_late >= s - spec.lookback) continue;
    chosen.push_back(r[s]);
    first = std::min(first, times[s]);
    last = std::max(last, times[s]);
    for (counted = std::max(counted, s - spec.lookback); counted < end; ++counted) {
      prices_end = std::max(prices_end, times[counted]);
    }
  }
  if (chosen.empty() && first_move <= last_move) {
    return InvalidInput(
        fmt::format(
            "no price move lies in the range to fit on, from {} to before {}, with all of its prices; there "
            "are moves from {} to {}",
            start_ns ? FormatNanos(*start_ns) : "the start", end_ns ? FormatNanos(*end_ns) : "the end",
            FormatNanos(first_move), FormatNanos(last_move)),
        "Choose another range to fit on: --fit-start and --fit-end (fit_start and fit_end of build_samples, "
        "start and end of fit_labels).");
  }
  ARROW_ASSIGN_OR_RAISE(auto fitted, FitMoves(chosen, rows, spec));
  fitted.fit_start_ns = first;
  fitted.fit_end_ns = last;
  fitted.prices_end_ns = prices_end;
  return fitted;
}

std::span<const double> DefaultThresholds() {
  static constexpr double kThresholds[] = {0.47, 1.55, 2.69, 3.92, 5.45, 7.73};
  return kThresholds;
}

arrow::Status CheckGiven(const LabelSpec& asked, const FittedLabels& given) {
  const LabelSpec usual;
  const auto differs = [](std::string_view name, const auto& wanted, const auto& made) {
    return InvalidInput(
        fmt::format("{} is {}; the labels that are given were made with {}", name, wanted, made),
        fmt::format("Leave {} out, or fit labels with it.", name));
  };
  if (asked.classes != usual.classes && asked.classes != given.spec.classes) {
    return differs("classes (nbins in Python)", asked.classes, given.spec.classes);
  }
  if (asked.lookback != usual.lookback && asked.lookback != given.spec.lookback) {
    return differs("lookback", asked.lookback, given.spec.lookback);
  }
  if (asked.lookforward != usual.lookforward && asked.lookforward != given.spec.lookforward) {
    return differs("lookforward", asked.lookforward, given.spec.lookforward);
  }
  if (asked.offset != usual.offset && asked.offset != given.spec.offset) {
    return differs("offset", asked.offset, given.spec.offset);
  }
  if (asked.invalid != usual.invalid && asked.invalid != given.spec.invalid) {
    return differs("invalid", NameOf(asked.invalid), NameOf(given.spec.invalid));
  }
  if (asked.ties != usual.ties && (given.thresholds || asked.ties != given.spec.ties)) {
    return differs("ties", NameOf(asked.ties),
                   given.thresholds ? std::string("fixed thresholds") : NameOf(given.spec.ties));
  }
  if (asked.seed != usual.seed && (given.thresholds || asked.seed != given.spec.seed)) {
    return differs("seed", std::to_string(asked.seed),
                   given.thresholds ? std::string("fixed thresholds") : std::to_string(given.spec.seed));
  }
  return arrow::Status::OK();
}

arrow::Result<FittedLabels> ThresholdLabels(std::span<const double> basis_points, const LabelSpec& spec) {
  LabelSpec with_classes = spec;
  with_classes.classes = static_cast<int>(basis_points.size()) * 2 + 1;
  ARROW_RETURN_NOT_OK(CheckSpec(with_classes));
  FittedLabels fitted;
  fitted.spec = with_classes;
  fitted.thresholds = true;
  fitted.low = -std::numeric_limits<double>::infinity();
  fitted.high = std::numeric_limits<double>::infinity();
  double before = 0;
  for (const double t : basis_points) {
    if (!(t > before) || !std::isfinite(t)) {
      return InvalidInput(
          fmt::format("the threshold {} follows {}; expected ascending, positive basis points", t, before));
    }
    before = t;
    fitted.interior.push_back(t / 10'000);
    fitted.interior.insert(fitted.interior.begin(), -t / 10'000);
  }
  ARROW_RETURN_NOT_OK(CheckGiven(spec, fitted));
  return fitted;
}

arrow::Result<std::vector<int8_t>> ApplyLabels(std::span<const double> r, std::span<const int64_t> times,
                                               std::span<const int64_t> sequences,
                                               const FittedLabels& fitted) {
  const bool draws = !fitted.shared.empty();
  if (draws && (times.size() != r.size() || sequences.size() != r.size())) {
    return InvalidInput(
        "labels fitted with ties=\"rank\" are drawn by ts_event and sequence, which are absent");
  }
  std::vector<int8_t> labels(r.size(), -1);
  for (size_t i = 0; i < r.size(); ++i) {
    if (std::isnan(r[i])) continue;
    const auto above = std::upper_bound(fitted.interior.begin(), fitted.interior.end(), r[i]);
    labels[i] = static_cast<int8_t>(above - fitted.interior.begin());
    if (!draws) continue;
    const auto shared = std::lower_bound(fitted.shared.begin(), fitted.shared.end(), r[i],
                                         [](const SharedValue& s, double value) { return s.value < value; });
    if (shared != fitted.shared.end() && shared->value == r[i]) {
      labels[i] = static_cast<int8_t>(DrawClass(*shared, fitted.spec.seed, times[i], sequences[i]));
    }
  }
  return labels;
}

LabelReport ReportLabels(std::span<const double> r, std::span<const int8_t> labels,
                         const FittedLabels& fitted) {
  LabelReport report;
  report.counts.assign(fitted.spec.classes, 0);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0) {
      ++report.unlabelled;
      continue;
    }
    ++report.labelled;
    ++report.counts[labels[i]];
    report.outside_fitted += r[i] < fitted.low || r[i] > fitted.high;
  }
  const double even = 100.0 / fitted.spec.classes;
  for (const int64_t count : report.counts) {
    if (report.labelled == 0) break;
    const double share = 100.0 * static_cast<double>(count) / static_cast<double>(report.labelled);
    report.largest_deviation = std::max(report.largest_deviation, std::fabs(share - even));
  }
  const double d = report.largest_deviation;
  report.quality = d < 1 ? "excellent" : d < 2 ? "good" : d < 3 ? "acceptable" : "uneven";
  for (size_t i = 1; i < fitted.interior.size(); ++i) {
    if (fitted.interior[i] == fitted.interior[i - 1]) report.coinciding.push_back(static_cast<int>(i) + 1);
  }
  return report;
}

}  // namespace marquet::depth
