// Labels of price moves: how the mean mid price after a row compares with the one before it, in classes.
//
// With lookback LB, lookforward LF and offset off, row s of a run of N rows (runs.h) has
//   B = mean(mid[s - LB, s)), F = mean(mid[s + 1 + off, s + 1 + off + LF)), r = (F - B) / B,
// for LB <= s < N - LF - off; row s itself lies in neither window. Sums of bid + ask are exact integers. The
// class of r is the number of interior boundaries <= r. Boundaries are fitted on one range of rows and
// applied to others, so that labels are comparable. Definitions: docs/depth.md. Thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"

namespace marquet::depth {

// What a row whose book has a null side, or a bid above its ask, does to a mean.
enum class InvalidRows {
  kNull,   // a window that holds one gives no r
  kSkip,   // it is left out of the mean; a window of nothing else gives no r
  kError,  // the first one is an error
};
arrow::Result<InvalidRows> ParseInvalidRows(std::string_view name);  // "null", "skip", "error"
std::string NameOf(InvalidRows policy);

enum class Ties {
  kShareBoundary,  // tied values fall into one class; coinciding boundaries are reported
  kRank,           // a value that spans several classes is shared among them
};
arrow::Result<Ties> ParseTies(std::string_view name);  // "boundary", "rank"
std::string NameOf(Ties ties);

struct LabelSpec {
  int64_t lookback = 5'000;
  int64_t lookforward = 5'000;
  int64_t offset = 500;
  int classes = 13;  // 3, 5, 7, 9 or 13
  InvalidRows invalid = InvalidRows::kNull;
  Ties ties = Ties::kShareBoundary;
  uint64_t seed = 0;  // of Ties::kRank
  // Whether windows go on where the rows roll to another instrument or publisher (runs.h). Nothing for labels
  // of a time when nobody looked.
  std::optional<bool> across_rolls = false;
};
arrow::Status CheckSpec(const LabelSpec& spec);

// r of every row, NaN where there is none, and why.
struct Moves {
  std::vector<double> r;
  int64_t invalid_rows = 0;     // a null side, or bid > ask
  int64_t out_of_range = 0;     // rows too near to the start or the end of their run
  int64_t invalid_windows = 0;  // rows without r because of invalid rows
  int64_t no_base = 0;          // rows without r because B <= 0
};

// Best prices in units of 1e-9, kUndefinedPrice for null. `begins` as of RunBegins. kInvalidInput under
// InvalidRows::kError, naming the row, and for a bad spec.
arrow::Result<Moves> ComputeMoves(std::span<const int64_t> bid, std::span<const int64_t> ask,
                                  std::span<const int64_t> begins, const LabelSpec& spec);

// A value of r that spans several classes under Ties::kRank, and how many of its rows fell to each.
struct SharedValue {
  double value = 0;
  int first_class = 0;
  std::vector<int64_t> counts;
};

struct FittedLabels {
  LabelSpec spec;
  bool thresholds = false;       // fixed, not fitted
  std::vector<double> interior;  // classes - 1 boundaries, ascending
  double low = 0, high = 0;      // the smallest and largest r fitted on
  int64_t rows = 0;              // values fitted on
  std::vector<SharedValue> shared;
  int64_t fit_start_ns = 0, fit_end_ns = 0;  // times of the first and last row fitted on, where known
  // The latest time of a price that the fit looked at, which lies behind the last row's, where known.
  std::optional<int64_t> prices_end_ns;
  std::string data_version;  // which version of which table; filled in by the caller

  // Up to when the fit is known to have seen prices: rows up to it are no test of what learns these labels.
  // Nothing for thresholds, and where no times were known.
  std::optional<int64_t> seen_until_ns() const {
    if (thresholds || prices_end_ns || fit_end_ns == 0) return prices_end_ns;
    return fit_end_ns;
  }
};

// Boundary i is the quantile i / classes of the values that are not NaN, at position (n - 1) i / classes, an
// exact fraction, by linear interpolation. kInvalidInput when there are fewer values than classes, or all are
// the same.
arrow::Result<FittedLabels> FitLabels(std::span<const double> r, const LabelSpec& spec);

// The same on the rows whose time is in [start_ns, end_ns), each bound optional, without look-ahead: a move
// with a price at or after end_ns in one of its windows takes no part. (Those of prices before start_ns do.)
// `times` may be empty without bounds (kSchema with them). kInvalidInput, naming the range of the moves, when
// it holds none of them.
arrow::Result<FittedLabels> FitLabelsInRange(std::span<const double> r, std::span<const int64_t> times,
                                             std::optional<int64_t> start_ns, std::optional<int64_t> end_ns,
                                             const LabelSpec& spec);

// Fixed boundaries +-t / 10,000 for each of the ascending, positive `basis_points`; 2 k + 1 classes.
// kInvalidInput for others, and as of CheckGiven.
arrow::Result<FittedLabels> ThresholdLabels(std::span<const double> basis_points, const LabelSpec& spec);
// 0.47, 1.55, 2.69, 3.92, 5.45, 7.73: for 13 classes and a lookforward of 5,000.
std::span<const double> DefaultThresholds();

// kInvalidInput where `asked` says, other than its default, what is not so of the labels that are `given`:
// they are used as they were made, and nothing that was asked for goes unheard.
arrow::Status CheckGiven(const LabelSpec& asked, const FittedLabels& given);

// Classes, -1 where r is NaN. `times` (ts_event) and `sequences` identify rows for the draws of Ties::kRank;
// may be empty otherwise.
arrow::Result<std::vector<int8_t>> ApplyLabels(std::span<const double> r, std::span<const int64_t> times,
                                               std::span<const int64_t> sequences,
                                               const FittedLabels& fitted);

struct LabelReport {
  std::vector<int64_t> counts;  // by class
  int64_t labelled = 0, unlabelled = 0;
  double largest_deviation = 0;  // from uniform, in percentage points
  std::string quality;           // "excellent" (under 1), "good" (2), "acceptable" (3), "uneven"
  int64_t outside_fitted = 0;    // values below the smallest or above the largest fitted on
  // Interior boundaries (1-based) that are equal to the one before: their class can hold nothing.
  std::vector<int> coinciding;
};
LabelReport ReportLabels(std::span<const double> r, std::span<const int8_t> labels,
                         const FittedLabels& fitted);

// JSON, exact in both directions. Reading: kCorruptData for text that is not of this form.
std::string ToJson(const FittedLabels& fitted);
arrow::Result<FittedLabels> FittedLabelsFromJson(std::string_view json);

}  // namespace marquet::depth
