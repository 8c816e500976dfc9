// Labelled depth samples out of a table of order-book rows: one row a sample, one commit a call.
//
// A sample names its rows by (source, source_row), so that it outlives compaction, and carries its label, its
// prices and times, and the statistics of its tensor; the tensor itself is computed again from the book where
// it is wanted (sampling/sample_store.h). Columns: docs/depth.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/base/progress.h"
#include "marquet/depth/labels.h"
#include "marquet/depth/runs.h"
#include "marquet/depth/tensor.h"
#include "marquet/file/file_system.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

struct BuildSamplesOptions {
  std::string book;
  std::string samples;
  table::AppendMode mode = table::AppendMode::kErrorIfExists;
  std::vector<std::string> symbols;  // empty: all
  std::string where;                 // SQL: only these rows, which then follow each other; empty: all
  // Shape. micro_pip: 0 to look it up by symbol (currency pairs, then the definition table).
  depth::TensorSpec tensor;
  std::optional<std::string> definitions;  // a table of definition records
  int64_t hop = 500;
  int64_t max_gap_ns = depth::kDefaultMaxGap;
  // Whether windows go on where a symbol's rows roll to another instrument or publisher (depth/runs.h).
  bool across_rolls = false;
  // Labels: fitted on the rows of [fit_start_ns, fit_end_ns) (default: all), by symbol, out of prices before
  // fit_end_ns alone; or `thresholds` in basis points; or `fitted` earlier, by symbol, the empty name for
  // every other symbol. What `labels` says of rolls is not looked at.
  depth::LabelSpec labels;
  std::optional<int64_t> fit_start_ns, fit_end_ns;
  std::optional<std::vector<double>> thresholds;
  std::map<std::string, depth::FittedLabels> fitted;
  std::string labels_name = "default";  // sample_labels.h says where they are stored
  int64_t memory = int64_t{2} << 30;    // bound on what one symbol's rows may take
  ProgressCallback progress;
  const StopFlag* stop = nullptr;
};

// candidates = samples + held + no_mid.
struct SymbolSamples {
  std::string symbol;
  int64_t micro_pip = 0;
  int64_t rows = 0;
  int64_t rolls = 0;       // changes of instrument or publisher, at which runs end, or not: across_rolls
  int64_t runs = 0;        // that no window crosses
  int64_t short_runs = 0;  // too short for one sample
  int64_t candidates = 0;  // windows at the hop's places
  int64_t samples = 0;     // written
  int64_t held = 0;        // in the table already, not written again
  int64_t held_late = 0;   // of those without a label, because of rows that were not there yet
  int64_t no_mid = 0;      // skipped: the window's last row lacks a bid or an ask
  int64_t unlabelled = 0;  // written without a label; by reason:
  int64_t past_end = 0;    // the forward window passes the end of the run
  int64_t by_invalid = 0;  // a window holds invalid rows
  int64_t by_base = 0;     // the mean price before it is not positive
  int64_t invalid_rows = 0;
  depth::LabelReport labels;  // of the samples written
  depth::FittedLabels fitted;
  int64_t apply_start_ns = 0, apply_end_ns = 0;
  // Of the labels written, those of samples up to the last price that the fit has seen: no test of anything.
  int64_t seen_by_fit = 0;
  std::string skipped;  // why there is no sample of this symbol, where there is none to make
  std::string warning;  // what is odd about its micro-pip
};

struct BuildSamplesReport {
  std::string book, samples;
  int64_t book_version = -1;
  int64_t version = -1;  // of the samples' table; unchanged when there was nothing to write
  int64_t rows = 0;      // samples written
  std::vector<SymbolSamples> symbols;
  bool across_rolls = false;
  std::string warning;  // what went wrong behind the commit, which stands
  double seconds = 0;
};

// Samples are appended once: those that the table holds already are counted, not written again, and keep
// their labels; a symbol that it holds is labelled as it was. A symbol with too few rows for a sample is
// skipped and says why, unless all are.
//
// Errors: kNotFound (a table, a symbol), kSchema (no order book, no definitions, no table of samples),
// kAlreadyExists (under kErrorIfExists, a table that is there), kInvalidInput (no micro-pip known for a
// symbol, nothing to fit on, constant moves, more rows than `memory` holds; under kAppend, samples that were
// made otherwise or of another book: the message names what differs), kConflict (another build was committed
// to the table meanwhile), kCorruptData (the stored labels are not those of the samples). Nothing is visible
// before the commit.
arrow::Result<BuildSamplesReport> BuildSamples(std::shared_ptr<file::FileSystem> fs,
                                               BuildSamplesOptions options);

// The fitted labels of a samples table, by symbol. kNotFound, naming those there are.
arrow::Result<std::map<std::string, depth::FittedLabels>> LoadLabels(std::shared_ptr<file::FileSystem> fs,
                                                                     const std::string& samples,
                                                                     const std::string& name = "default");
arrow::Result<std::map<std::string, depth::FittedLabels>> LabelsFromJson(const std::string& json);

std::string ToText(const BuildSamplesReport& report);
std::string ToJson(const BuildSamplesReport& report);

}  // namespace marquet::jobs
