#include "marquet/pipeline/build_samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/book_buffer.h"
#include "marquet/depth/int64_columns.h"
#include "marquet/depth/micro_pip.h"
#include "marquet/file/durable_file.h"
#include "marquet/pipeline/sample_labels.h"
#include "marquet/pipeline/sample_rows.h"
#include "marquet/sampling/book_sequence.h"

namespace marquet::pipeline {
namespace {

// Of a symbol's rows, what labels need: 40 bytes a row.
struct Quotes {
  std::vector<int64_t> bid, ask, time;
};

// A window that becomes a sample: rows [end - n, end) of the symbol's sequence.
struct Candidate {
  int64_t end = 0;
  double move = NAN;
  int8_t label = -1;
};

class SampleBuilder {
 public:
  SampleBuilder(std::shared_ptr<file::FileSystem> fs, BuildSamplesOptions options)
      : fs_(std::move(fs)), options_(std::move(options)) {}

  arrow::Result<BuildSamplesReport> Run();

 private:
  arrow::Status CheckOptions();
  arrow::Result<int64_t> MicroPipOf(const std::string& symbol);
  arrow::Result<Quotes> ReadQuotes(const std::string& symbol);
  // Labels first, out of best prices alone; then a second pass for the tensors.
  arrow::Result<std::vector<Candidate>> ChooseWindows(const Quotes& quotes, SymbolSamples* report);
  arrow::Status WriteSamples(const std::vector<Candidate>& candidates, const Quotes& quotes,
                             SymbolSamples* report);
  arrow::Result<std::vector<std::pair<int64_t, int64_t>>> ReadDrawKeys(const std::string& symbol,
                                                                       const std::vector<int64_t>& rows);
  arrow::Status OpenSamples();
  void Tell(const std::string& phase, int64_t rows) {
    if (options_.progress) options_.progress({phase, rows, 0, 0});
  }

  std::shared_ptr<file::FileSystem> fs_;
  BuildSamplesOptions options_;
  std::shared_ptr<table::Table> book_;
  table::Predicate where_;
  std::string time_column_;
  std::shared_ptr<table::Table> samples_;  // null until it is there
  std::unique_ptr<table::Appender> appender_;
};

arrow::Status SampleBuilder::CheckOptions() {
  depth::TensorSpec shape = options_.tensor;
  if (shape.micro_pip == 0) shape.micro_pip = 1;  // looked up by symbol
  ARROW_RETURN_NOT_OK(depth::CheckSpec(shape));
  ARROW_RETURN_NOT_OK(depth::CheckSpec(options_.labels));
  if (options_.hop < 1)
    return InvalidInput(fmt::format("the hop is {} rows; expected 1 or more", options_.hop));
  if (options_.max_gap_ns < 0) return InvalidInput("the largest gap is negative");
  if (options_.thresholds && !options_.fitted.empty()) {
    return InvalidInput("labels are given both as thresholds and as fitted boundaries; expected one of them");
  }
  return CheckLabelsName(options_.labels_name);
}

arrow::Result<int64_t> SampleBuilder::MicroPipOf(const std::string& symbol) {
  if (options_.tensor.micro_pip != 0) return options_.tensor.micro_pip;
  if (const auto known = depth::MicroPipOfPair(symbol)) return *known;
  if (options_.definitions) {
    ARROW_ASSIGN_OR_RAISE(const auto table, table::Table::Open(fs_, *options_.definitions));
    table::ScanOptions scan_options;
    scan_options.columns = {"min_price_increment"};
    ARROW_ASSIGN_OR_RAISE(scan_options.where, table::Predicate::FromTerms({{"raw_symbol", "==", {symbol}}}));
    ARROW_ASSIGN_OR_RAISE(const auto scan, table->NewScan(std::move(scan_options)));
    ARROW_ASSIGN_OR_RAISE(const auto rows, scan.ToTable());
    std::vector<int64_t> ticks;
    for (const auto& chunk : rows->column(0)->chunks()) {
      ARROW_RETURN_NOT_OK(depth::AppendPrices(*chunk, "min_price_increment", &ticks));
    }
    std::set<int64_t> sizes;
    for (const int64_t tick : ticks) {
      if (tick != depth::kUndefinedPrice && tick > 0) sizes.insert(tick);
    }
    if (sizes.size() == 1) return *sizes.begin();
    if (sizes.size() > 1) {
      return InvalidInput(
          fmt::format("{}: the definitions of {} name {} tick sizes, {} and {} (of 1e-9) among "
                      "them; expected one",
                      *options_.definitions, Quoted(symbol), sizes.size(), *sizes.begin(), *sizes.rbegin()),
          "Say which micro-pip to use: --micro-pip 0.25 (micro_pip=0.25 in Python).");
    }
  }
  return InvalidInput(fmt::format("the micro-pip of {} is not known", Quoted(symbol)),
                      "It is known for pairs quoted in USD and for JPY pairs; for others give the tick size "
                      "(--micro-pip 0.25, micro_pip=0.25 in Python) or a table of definitions.");
}

arrow::Result<Quotes> SampleBuilder::ReadQuotes(const std::string& symbol) {
  ARROW_ASSIGN_OR_RAISE(auto sequence,
                        sampling::BookSequence::Open(*book_, symbol, {"bid_px_00", "ask_px_00", time_column_},
                                                     options_.stop, where_));
  Quotes quotes;
  constexpr int64_t kBytesPerRow = 40;
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, sequence.Next());
    if (!batch) return quotes;
    const auto known = static_cast<int64_t>(quotes.time.size());
    if ((known + batch->rows->num_rows()) * kBytesPerRow > options_.memory) {
      return InvalidInput(
          fmt::format("the best prices of {} take more than the budget of {} ({} bytes a row)",
                      Quoted(symbol), HumanBytes(options_.memory), kBytesPerRow),
          "Raise the memory budget.");
    }
    ARROW_RETURN_NOT_OK(depth::AppendPrices(*batch->rows->column(0), "bid_px_00", &quotes.bid));
    ARROW_RETURN_NOT_OK(depth::AppendPrices(*batch->rows->column(1), "ask_px_00", &quotes.ask));
    ARROW_RETURN_NOT_OK(depth::AppendTimes(*batch->rows->column(2), time_column_, &quotes.time));
    Tell("read prices of " + symbol, static_cast<int64_t>(quotes.time.size()));
  }
}

// ts_event and sequence of some rows, ascending.
arrow::Result<std::vector<std::pair<int64_t, int64_t>>> SampleBuilder::ReadDrawKeys(
    const std::string& symbol, const std::vector<int64_t>& rows) {
  std::vector<std::pair<int64_t, int64_t>> keys;
  ARROW_ASSIGN_OR_RAISE(auto sequence, sampling::BookSequence::Open(*book_, symbol, {"ts_event", "sequence"},
                                                                    options_.stop, where_));
  int64_t first = 0;
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, sequence.Next());
    if (!batch) return keys;
    std::vector<int64_t> times, sequences;
    ARROW_RETURN_NOT_OK(depth::AppendIntegers(*batch->rows->column(0), "ts_event", 0, &times));
    ARROW_RETURN_NOT_OK(depth::AppendIntegers(*batch->rows->column(1), "sequence", 0, &sequences));
    const int64_t end = first + batch->rows->num_rows();
    while (keys.size() < rows.size() && rows[keys.size()] < end) {
      const int64_t i = rows[keys.size()] - first;
      keys.emplace_back(times[i], sequences[i]);
    }
    first = end;
  }
}

arrow::Result<std::vector<Candidate>> SampleBuilder::ChooseWindows(const Quotes& quotes,
                                                                   SymbolSamples* report) {
  const depth::LabelSpec& spec = options_.labels;
  const auto rows = static_cast<int64_t>(quotes.time.size());
  const auto begins = depth::RunBegins(quotes.time, options_.max_gap_ns);
  report->rows = rows;
  report->runs = static_cast<int64_t>(begins.size());

  auto fitted = options_.fitted.find(report->symbol);
  if (fitted == options_.fitted.end()) fitted = options_.fitted.find("");
  if (!options_.fitted.empty() && fitted == options_.fitted.end()) {
    return NotFound(fmt::format("the fitted labels say nothing of the symbol {}", Quoted(report->symbol)));
  }
  const bool given = fitted != options_.fitted.end();
  const depth::LabelSpec& used = given ? fitted->second.spec : spec;
  ARROW_ASSIGN_OR_RAISE(const auto moves, depth::ComputeMoves(quotes.bid, quotes.ask, begins, used));
  report->invalid_rows = moves.invalid_rows;
  if (given) {
    report->fitted = fitted->second;
  } else if (options_.thresholds) {
    ARROW_ASSIGN_OR_RAISE(report->fitted, depth::ThresholdLabels(*options_.thresholds, spec));
  } else {
    auto made =
        depth::FitLabelsInRange(moves.r, quotes.time, options_.fit_start_ns, options_.fit_end_ns, spec);
    if (!made.ok()) return WithContext(made.status(), "labels of " + Quoted(report->symbol));
    report->fitted = std::move(made).ValueUnsafe();
    report->fitted.data_version = fmt::format("{}@{}", options_.book, book_->version());
  }

  // The first window of a run ends at the first row that has its rows before it and a full label range; then
  // one every `hop` rows, those near the end of the run without a label.
  std::vector<Candidate> candidates;
  const int64_t n = options_.tensor.rows();
  for (size_t run = 0; run < begins.size(); ++run) {
    const int64_t begin = begins[run];
    const int64_t length = (run + 1 < begins.size() ? begins[run + 1] : rows) - begin;
    const int64_t last_labelled = length - used.lookforward - used.offset;  // one past it
    int64_t s = std::max(n, used.lookback);
    if (s >= last_labelled) {
      ++report->short_runs;
      continue;
    }
    for (; s < length; s += options_.hop) {
      const int64_t row = begin + s;
      ++report->candidates;
      if (quotes.bid[row - 1] == depth::kUndefinedPrice || quotes.ask[row - 1] == depth::kUndefinedPrice) {
        ++report->no_mid;
        continue;
      }
      candidates.push_back({row, moves.r[row], -1});
      if (!std::isnan(moves.r[row])) continue;
      ++report->unlabelled;
      if (s >= last_labelled) {
        ++report->past_end;
      } else {
        // ComputeMoves tells them apart only in sum; a base that is not positive takes whole, valid windows.
        const bool valid = WindowsAreValid(quotes.bid, quotes.ask, row, used);
        ++(valid ? report->by_base : report->by_invalid);
      }
    }
  }

  std::vector<double> r;
  std::vector<int64_t> ends, times, sequences;
  for (const Candidate& candidate : candidates) {
    r.push_back(candidate.move);
    ends.push_back(candidate.end);
  }
  if (!report->fitted.shared.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto keys, ReadDrawKeys(report->symbol, ends));
    for (const auto& [time, sequence] : keys) {
      times.push_back(time);
      sequences.push_back(sequence);
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto labels, depth::ApplyLabels(r, times, sequences, report->fitted));
  report->labels = depth::ReportLabels(r, labels, report->fitted);
  for (size_t i = 0; i < candidates.size(); ++i) candidates[i].label = labels[i];
  if (!candidates.empty()) {
    report->apply_start_ns = quotes.time[candidates.front().end];
    report->apply_end_ns = quotes.time[candidates.back().end];
  }
  return candidates;
}

arrow::Status SampleBuilder::WriteSamples(const std::vector<Candidate>& candidates, const Quotes& quotes,
                                          SymbolSamples* report) {
  depth::TensorSpec spec = options_.tensor;
  spec.micro_pip = report->micro_pip;
  const int64_t n = spec.rows();
  auto columns = depth::BookColumnNames(spec.features);
  const size_t book_columns = columns.size();
  columns.insert(columns.end(), {"ts_event", "sequence", "source_row"});
  ARROW_ASSIGN_OR_RAISE(auto sequence,
                        sampling::BookSequence::Open(*book_, report->symbol, columns, options_.stop, where_));
  depth::BookBuffer buffer(spec.features);
  std::vector<int64_t> times, sequences, source_rows;  // of the rows in the buffer
  std::vector<uint32_t> source_numbers;
  std::vector<std::string> sources;
  ARROW_ASSIGN_OR_RAISE(auto stream, depth::TensorStream::Make(buffer, spec));
  std::vector<float> tensor(spec.cells());
  SampleRows rows(report->symbol, spec, book_->version(), options_.where);
  const auto flush = [&]() -> arrow::Status {
    if (rows.size() == 0) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto batch, rows.Finish());
    ARROW_RETURN_NOT_OK(OpenSamples());
    return appender_->Write(*batch);
  };

  size_t next = 0;
  while (next < candidates.size()) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, sequence.Next());
    if (!batch)
      return CorruptData(fmt::format("{}: rows of {} went missing", options_.book, Quoted(report->symbol)));
    // Forget what no further window reaches.
    const int64_t first = std::clamp(candidates[next].end - n, buffer.begin(), buffer.end());
    const int64_t gone = first - buffer.begin();
    buffer.DropBefore(first);
    for (auto* column : {&times, &sequences, &source_rows})
      column->erase(column->begin(), column->begin() + gone);
    source_numbers.erase(source_numbers.begin(), source_numbers.begin() + gone);

    ARROW_RETURN_NOT_OK(WithContext(buffer.Append(*batch->rows), options_.book));
    const auto column = [&](size_t i) { return batch->rows->column(static_cast<int>(book_columns + i)); };
    ARROW_RETURN_NOT_OK(depth::AppendIntegers(*column(0), "ts_event", 0, &times));
    ARROW_RETURN_NOT_OK(depth::AppendIntegers(*column(1), "sequence", 0, &sequences));
    ARROW_RETURN_NOT_OK(depth::AppendIntegers(*column(2), "source_row", 0, &source_rows));
    if (sources.empty() || sources.back() != batch->source) sources.push_back(batch->source);
    source_numbers.resize(times.size(), static_cast<uint32_t>(sources.size() - 1));

    for (; next < candidates.size() && candidates[next].end <= buffer.end(); ++next) {
      const Candidate& candidate = candidates[next];
      const auto computed = stream->Compute(candidate.end - n, tensor.data());
      ARROW_RETURN_NOT_OK(
          WithContext(computed, fmt::format("{}: {}", options_.book, Quoted(report->symbol))));
      const auto identity = [&](int64_t row) {
        const int64_t i = row - first;
        RowIdentity result{sources[source_numbers[i]], source_rows[i], times[i], sequences[i], {}};
        if (quotes.bid[row] != depth::kUndefinedPrice && quotes.ask[row] != depth::kUndefinedPrice) {
          result.doubled_mid = quotes.bid[row] + quotes.ask[row];
        }
        return result;
      };
      SampleRow row{identity(candidate.end - n), identity(candidate.end - 1), {}, {}};
      if (candidate.label >= 0) row.label = candidate.label;
      if (!std::isnan(candidate.move)) row.move = candidate.move;
      ARROW_RETURN_NOT_OK(rows.Append(row, tensor.data()));
      ++report->samples;
      if (rows.size() >= 4'096) ARROW_RETURN_NOT_OK(flush());
      if (report->samples % 64 == 0 && options_.stop) ARROW_RETURN_NOT_OK(options_.stop->Check());
    }
    Tell("build samples of " + report->symbol, buffer.end());
  }
  return flush();
}

// As late as there is something to write, so that a build that fails early leaves nothing behind.
arrow::Status SampleBuilder::OpenSamples() {
  if (appender_) return arrow::Status::OK();
  if (!samples_) {
    table::CreateOptions create;
    create.partition_by = {"symbol"};
    create.description = "depth samples of " + options_.book;
    ARROW_ASSIGN_OR_RAISE(samples_, table::Table::Create(fs_, options_.samples,
                                                         *SampleSchema(options_.tensor.features), create));
  }
  table::AppendOptions append;
  append.mode = options_.mode == table::AppendMode::kOverwrite ? table::AppendMode::kOverwrite
                                                               : table::AppendMode::kAppend;
  append.operation = "BUILD SAMPLES";
  append.commit_metadata = {{"marquet.book", options_.book},
                            {"marquet.bookVersion", std::to_string(book_->version())},
                            {"marquet.labels", options_.labels_name}};
  append.stop = options_.stop;
  ARROW_ASSIGN_OR_RAISE(appender_, samples_->NewAppender(std::move(append)));
  return arrow::Status::OK();
}

arrow::Result<BuildSamplesReport> SampleBuilder::Run() {
  const auto started = std::chrono::steady_clock::now();
  ARROW_RETURN_NOT_OK(CheckOptions());
  ARROW_ASSIGN_OR_RAISE(book_, table::Table::Open(fs_, options_.book));
  if (!options_.where.empty()) {
    ARROW_ASSIGN_OR_RAISE(where_, table::Predicate::Parse(options_.where));
  }
  ARROW_ASSIGN_OR_RAISE(time_column_, sampling::TimeColumn(*book_));
  ARROW_ASSIGN_OR_RAISE(const auto symbols, sampling::BookSymbols(*book_, options_.symbols));
  BuildSamplesReport report;
  report.book = options_.book;
  report.samples = options_.samples;
  report.book_version = book_->version();
  for (const std::string& symbol : symbols) {
    SymbolSamples entry;
    entry.symbol = symbol;
    ARROW_ASSIGN_OR_RAISE(entry.micro_pip, MicroPipOf(symbol));
    report.symbols.push_back(std::move(entry));
  }

  auto existing = table::Table::Open(fs_, options_.samples);
  if (existing.ok()) {
    samples_ = *existing;
    if (options_.mode == table::AppendMode::kErrorIfExists && !samples_->snapshot()->files.empty()) {
      return AlreadyExists(fmt::format("{}: there is a table already", options_.samples),
                           "Append to it (--mode append) or replace its rows (--mode overwrite).");
    }
  } else if (!IsKind(existing.status(), ErrorKind::kNotFound)) {
    return existing.status();
  }

  const auto work = [&]() -> arrow::Status {
    for (SymbolSamples& entry : report.symbols) {
      ARROW_ASSIGN_OR_RAISE(const auto quotes, ReadQuotes(entry.symbol));
      ARROW_ASSIGN_OR_RAISE(const auto candidates, ChooseWindows(quotes, &entry));
      ARROW_RETURN_NOT_OK(WriteSamples(candidates, quotes, &entry));
      report.rows += entry.samples;
    }
    ARROW_RETURN_NOT_OK(OpenSamples());
    return StoreLabels(fs_, options_.samples, options_.labels_name, report);
  };
  if (const arrow::Status status = work(); !status.ok()) {
    const arrow::Status aborted = appender_ ? appender_->Abort() : arrow::Status::OK();
    return aborted.ok() ? status : WithContext(status, OneLine(aborted) + "; after");
  }
  ARROW_ASSIGN_OR_RAISE(const auto committed, appender_->Commit());
  report.version = committed.version;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return report;
}

}  // namespace

arrow::Result<BuildSamplesReport> BuildSamples(std::shared_ptr<file::FileSystem> fs,
                                               BuildSamplesOptions options) {
  return SampleBuilder(std::move(fs), std::move(options)).Run();
}

}  // namespace marquet::pipeline
