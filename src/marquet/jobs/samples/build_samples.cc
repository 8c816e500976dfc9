#include "marquet/jobs/samples/build_samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/text.h"
#include "marquet/depth/book_buffer.h"
#include "marquet/depth/int64_columns.h"
#include "marquet/file/durable_file.h"
#include "marquet/jobs/samples/book_prices_internal.h"
#include "marquet/jobs/samples/label_choice_internal.h"
#include "marquet/jobs/samples/label_windows_internal.h"
#include "marquet/jobs/samples/sample_history.h"
#include "marquet/jobs/samples/sample_labels.h"
#include "marquet/jobs/samples/sample_rows.h"
#include "marquet/jobs/samples/sample_windows_internal.h"
#include "marquet/jobs/samples/symbol_micro_pip.h"
#include "marquet/jobs/samples/symbol_reader.h"
#include "marquet/sampling/book_sequence.h"
#include "marquet/table/follow_up.h"

namespace marquet::jobs {
namespace {

// To a symbol without a sample.
const char* HowToGetSamples(const SymbolSamples& symbol) {
  if (symbol.rows == 0) return "Look at --where (where in Python).";
  if (symbol.rolls * 10 > symbol.rows) {
    return "Where the rows of several venues or instruments take turns, build the samples of one: "
           "--where \"publisher_id = 1\" or --where \"instrument_id = 1\" (where in Python).";
  }
  return "Fewer --time-bins, --ticks-per-bin, --lookback or --lookforward need fewer rows; a longer "
         "--max-gap "
         "and --across-rolls join runs.";
}

class SampleBuilder {
 public:
  SampleBuilder(std::shared_ptr<file::FileSystem> fs, BuildSamplesOptions options)
      : fs_(std::move(fs)), options_(std::move(options)) {}

  arrow::Result<BuildSamplesReport> Run();

 private:
  arrow::Status CheckOptions();
  arrow::Status OpenHeld(const BuildSamplesReport& report);
  arrow::Status CheckHeld(const BuildSamplesReport& report);
  SampleSettings SettingsOf(const SymbolSamples& entry) const;

  // Labels first, out of best prices alone; then a second pass for the tensors.
  arrow::Result<std::vector<SampleWindow>> ChooseWindows(const Quotes& quotes, SymbolSamples* report);
  arrow::Status WriteSamples(const std::vector<SampleWindow>& windows, const Quotes& quotes,
                             SymbolSamples* report);
  arrow::Status OpenSamples();
  arrow::Result<int64_t> Commit();
  arrow::Status PrepareLabels(const BuildSamplesReport& report);
  void FinishLabelSet(BuildSamplesReport* report);
  void Tell(const std::string& phase, int64_t rows) {
    if (options_.progress) options_.progress({phase, rows, 0, 0});
  }

  std::shared_ptr<file::FileSystem> fs_;
  BuildSamplesOptions options_;
  std::shared_ptr<table::Table> book_;
  SymbolReader reader_;
  MicroPips micro_pips_;
  std::shared_ptr<table::Table> samples_;  // null until it is there
  SampleHistory history_;                  // of what is appended to; else empty
  std::unique_ptr<table::Appender> appender_;
  std::optional<table::FollowUp> label_set_;  // the copy of the labels, behind the commit; nothing for none
  std::unique_ptr<file::FileLock> labels_lock_;
};

arrow::Status SampleBuilder::CheckOptions() {
  depth::TensorSpec shape = options_.tensor;
  if (shape.micro_pip == 0) shape.micro_pip = 1;  // looked up by symbol
  ARROW_RETURN_NOT_OK(depth::CheckSpec(shape));
  if (options_.hop < 1)
    return InvalidInput(fmt::format("the hop is {} rows; expected 1 or more", options_.hop));
  if (options_.max_gap_ns < 0) return InvalidInput("the largest gap is negative");
  return CheckLabelOptions(&options_);
}

arrow::Result<std::vector<SampleWindow>> SampleBuilder::ChooseWindows(const Quotes& quotes,
                                                                      SymbolSamples* report) {
  ARROW_ASSIGN_OR_RAISE(report->warning, micro_pips_.Warning(report->symbol, quotes.bid, quotes.ask));
  ARROW_ASSIGN_OR_RAISE(const depth::LabelSpec spec, LabelSpecOf(options_, report->symbol));
  PlacedWindows placed = PlaceWindows(quotes, options_, spec, report);
  if (const HeldSymbol* held = history_.Find(report->symbol)) {
    ARROW_RETURN_NOT_OK(MarkHeld(*held, *book_, reader_, options_, &placed.windows, report));
  }
  if (!report->skipped.empty()) return std::move(placed.windows);
  ARROW_ASSIGN_OR_RAISE(const auto moves, depth::ComputeMoves(quotes.bid, quotes.ask, placed.begins, spec));
  report->invalid_rows = moves.invalid_rows;
  ARROW_ASSIGN_OR_RAISE(report->fitted, ChooseLabels(options_, history_, report->symbol, quotes, moves.r,
                                                     fmt::format("{}@{}", options_.book, book_->version())));
  ARROW_RETURN_NOT_OK(LabelWindows(quotes, moves, spec, reader_, &placed.windows, report));
  return std::move(placed.windows);
}

SampleSettings SampleBuilder::SettingsOf(const SymbolSamples& entry) const {
  SampleSettings settings;
  settings.features = fmt::format("{}", fmt::join(depth::FeatureNames(options_.tensor.features), ","));
  settings.time_bins = options_.tensor.time_bins;
  settings.ticks_per_bin = options_.tensor.ticks_per_bin;
  settings.hop = options_.hop;
  settings.micro_pip = entry.micro_pip;
  settings.row_filter = options_.where;
  settings.labels_name = options_.labels_name;
  settings.labels_digest = LabelsDigest(entry.fitted);
  return settings;
}

// What is in the table that the samples go to, and that they fit to it.
arrow::Status SampleBuilder::OpenHeld(const BuildSamplesReport& report) {
  auto existing = table::Table::Open(fs_, options_.samples);
  if (IsKind(existing.status(), ErrorKind::kNotFound)) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(samples_, std::move(existing));
  if (samples_->snapshot()->metadata.id == book_->snapshot()->metadata.id) {
    return InvalidInput(fmt::format("{}: the samples are to go into the book itself", options_.samples),
                        "Choose another table for the samples.");
  }
  if (!samples_->schema()->GetFieldByName("sample_id")) {
    return SchemaError(
        fmt::format("{}: there is a table already, and it holds no depth samples", options_.samples),
        "Choose another table for the samples.");
  }
  const bool empty = samples_->snapshot()->files.empty();
  if (options_.mode == table::AppendMode::kErrorIfExists && !empty) {
    return AlreadyExists(fmt::format("{}: there is a table already", options_.samples),
                         "Append to it (--mode append, mode=\"append\" in Python), replace its rows "
                         "(--mode overwrite, mode=\"overwrite\"), or choose another name.");
  }
  if (options_.mode == table::AppendMode::kAppend && !empty) ARROW_RETURN_NOT_OK(CheckHeld(report));
  const auto columns = SampleSchema(options_.tensor.features)->field_names();
  auto there = samples_->schema()->field_names();
  if (std::set<std::string>(columns.begin(), columns.end()) !=
      std::set<std::string>(there.begin(), there.end())) {
    return SchemaError(
        fmt::format("{}: its columns are not those of samples with the features {}", options_.samples,
                    fmt::join(depth::FeatureNames(options_.tensor.features), ",")),
        "Choose another table for these samples.");
  }
  return arrow::Status::OK();
}

arrow::Status SampleBuilder::CheckHeld(const BuildSamplesReport& report) {
  ARROW_ASSIGN_OR_RAISE(history_, SampleHistory::Read(fs_, *samples_, options_.stop));
  for (const SymbolSamples& entry : report.symbols) {
    ARROW_RETURN_NOT_OK(history_.CheckSettings(entry.symbol, SettingsOf(entry)));
    ARROW_ASSIGN_OR_RAISE(const depth::LabelSpec spec, LabelSpecOf(options_, entry.symbol));
    const bool thresholds = AsksForThresholds(options_, entry.symbol);
    ARROW_RETURN_NOT_OK(history_.CheckLabels(entry.symbol, spec, thresholds));
  }
  return history_.CheckBook(*book_);
}

arrow::Status SampleBuilder::WriteSamples(const std::vector<SampleWindow>& windows, const Quotes& quotes,
                                          SymbolSamples* report) {
  const bool all_held =
      std::all_of(windows.begin(), windows.end(), [](const SampleWindow& window) { return window.held; });
  if (all_held) return arrow::Status::OK();
  depth::TensorSpec spec = options_.tensor;
  spec.micro_pip = report->micro_pip;
  const int64_t n = spec.rows();
  auto columns = depth::BookColumnNames(spec.features);
  const size_t book_columns = columns.size();
  columns.insert(columns.end(), {"ts_event", "sequence", "source_row"});
  ARROW_ASSIGN_OR_RAISE(auto sequence, reader_.Open(report->symbol, columns));
  depth::BookBuffer buffer(spec.features);
  std::vector<int64_t> times, sequences, source_rows;  // of the rows in the buffer
  std::vector<uint32_t> source_numbers;
  std::vector<std::string> sources;
  ARROW_ASSIGN_OR_RAISE(auto stream, depth::TensorStream::Make(buffer, spec));
  std::vector<float> tensor(spec.cells());
  SampleRows rows(report->symbol, spec, SettingsOf(*report), book_->version());
  const auto flush = [&]() -> arrow::Status {
    if (rows.size() == 0) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto batch, rows.Finish());
    ARROW_RETURN_NOT_OK(OpenSamples());
    return appender_->Write(*batch);
  };

  size_t next = 0;
  while (next < windows.size()) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, sequence.Next());
    if (!batch) return reader_.RowsWentMissing(report->symbol);
    // Forget what no further window reaches.
    const int64_t first = std::clamp(windows[next].end - n, buffer.begin(), buffer.end());
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

    for (; next < windows.size() && windows[next].end <= buffer.end(); ++next) {
      const SampleWindow& window = windows[next];
      const auto identity = [&](int64_t row) {
        const int64_t i = row - first;
        RowIdentity result{sources[source_numbers[i]], source_rows[i], times[i], sequences[i], {}};
        if (quotes.bid[row] != depth::kUndefinedPrice && quotes.ask[row] != depth::kUndefinedPrice) {
          result.doubled_mid = quotes.bid[row] + quotes.ask[row];
        }
        return result;
      };
      if (window.held) {
        rows.Skip(identity(window.end - 1));
        continue;
      }
      const auto computed = stream->Compute(window.end - n, tensor.data());
      ARROW_RETURN_NOT_OK(
          WithContext(computed, fmt::format("{}: {}", options_.book, Quoted(report->symbol))));
      SampleRow row{identity(window.end - n), identity(window.end - 1), {}, {}};
      if (window.label >= 0) row.label = window.label;
      if (!std::isnan(window.move)) row.move = window.move;
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
  // Of two builds that begin at one version the second to commit fails: it knows nothing of the first's
  // samples.
  append.transaction.emplace();
  append.transaction->app_id = "marquet.samples";
  append.transaction->version = samples_->version() + 1;
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
  ARROW_ASSIGN_OR_RAISE(
      reader_, SymbolReader::Make(book_, options_.where, options_.memory, options_.progress, options_.stop));
  ARROW_ASSIGN_OR_RAISE(const auto symbols, sampling::BookSymbols(*book_, options_.symbols));
  BuildSamplesReport report;
  report.book = options_.book;
  report.samples = options_.samples;
  report.book_version = book_->version();
  report.across_rolls = options_.across_rolls;
  if (symbols.empty()) {
    return InvalidInput(fmt::format("{}: there are no rows", options_.book),
                        "Ingest order-book rows into it first.");
  }
  ARROW_ASSIGN_OR_RAISE(micro_pips_, MicroPips::Open(fs_, options_.tensor.micro_pip, options_.definitions));
  for (const std::string& symbol : symbols) {
    SymbolSamples entry;
    entry.symbol = symbol;
    ARROW_ASSIGN_OR_RAISE(entry.micro_pip, micro_pips_.Of(symbol));
    report.symbols.push_back(std::move(entry));
  }
  for (const SymbolSamples& entry : report.symbols) {
    ARROW_RETURN_NOT_OK(CheckBookPrices(*book_, reader_, entry.symbol, entry.micro_pip));
  }
  ARROW_RETURN_NOT_OK(OpenHeld(report));

  const auto work = [&]() -> arrow::Status {
    bool any = false;
    for (SymbolSamples& entry : report.symbols) {
      ARROW_ASSIGN_OR_RAISE(const auto quotes, reader_.ReadQuotes(entry.symbol));
      ARROW_ASSIGN_OR_RAISE(const auto windows, ChooseWindows(quotes, &entry));
      ARROW_RETURN_NOT_OK(WriteSamples(windows, quotes, &entry));
      report.rows += entry.samples;
      any = any || entry.skipped.empty();
    }
    if (!any) {
      const SymbolSamples& first = report.symbols.front();
      return InvalidInput(fmt::format("{}: there is no sample to make of {}: {}", options_.book,
                                      Quoted(first.symbol), first.skipped),
                          HowToGetSamples(first));
    }
    if (report.rows > 0 || history_.empty()) ARROW_RETURN_NOT_OK(OpenSamples());
    return PrepareLabels(report);
  };
  if (const arrow::Status status = work(); !status.ok()) {
    const arrow::Status aborted = appender_ ? appender_->Abort() : arrow::Status::OK();
    return aborted.ok() ? status : WithContext(status, OneLine(aborted) + "; after");
  }
  ARROW_ASSIGN_OR_RAISE(report.version, Commit());
  labels_lock_.reset();
  FinishLabelSet(&report);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return report;
}

// Stores the labels of all samples that there will be. Their copy is written, too, so that behind the commit
// nothing but its name is left to give; without a commit it is set right at once.
arrow::Status SampleBuilder::PrepareLabels(const BuildSamplesReport& report) {
  Labels labels = history_.labels();
  for (const SymbolSamples& entry : report.symbols) {
    if (entry.skipped.empty()) labels[entry.symbol] = entry.fitted;
  }
  const std::string text = LabelSetToJson(labels);
  // The copy that is there is that of the samples that are there.
  ARROW_RETURN_NOT_OK(table::FinishFollowUps(fs_, options_.samples, *samples_->snapshot()));
  const bool copied = HasLabelSet(*fs_, options_.samples, options_.labels_name, text);
  if (!appender_ && copied) return arrow::Status::OK();
  // What takes long first: others may wait for the lock, which is held until the commit.
  if (appender_) ARROW_RETURN_NOT_OK(appender_->Finish());
  ARROW_ASSIGN_OR_RAISE(labels_lock_, WaitForLabels(*fs_, options_.samples, options_.stop));
  ARROW_RETURN_NOT_OK(StoreLabels(fs_, options_.samples, labels, history_.digests()));
  if (copied) return arrow::Status::OK();
  const std::string copy = LabelSetPath(options_.labels_name);
  if (!appender_) {
    return file::NotYetCommitted(file::PutReplacing(fs_, file::JoinPath(options_.samples, copy), text));
  }
  ARROW_ASSIGN_OR_RAISE(label_set_, table::FollowUp::Prepare(*samples_, copy, text));
  appender_->Record(label_set_->transaction());
  return arrow::Status::OK();
}

arrow::Result<int64_t> SampleBuilder::Commit() {
  if (!appender_) return samples_->version();  // all samples are there
  const auto committed = appender_->Commit();
  if (committed.ok() && !committed->already_applied) return committed->version;
  if (label_set_ && !IsKind(committed.status(), ErrorKind::kCommitUnknown)) label_set_->Discard();
  if (!committed.ok() && !IsKind(committed.status(), ErrorKind::kConflict)) return committed.status();
  return Conflict(fmt::format("{}: another build of samples was committed meanwhile", options_.samples),
                  "Run this one again: what is there by then is not added twice.");
}

// The samples are there, so what goes wrong here is told and makes no error of it.
void SampleBuilder::FinishLabelSet(BuildSamplesReport* report) {
  if (!label_set_) return;
  const arrow::Status status = label_set_->Finish();
  if (status.ok()) return;
  report->warning = fmt::format(
      "the samples are there, but not the copy of their labels as {}.json, until it can be made when they "
      "are "
      "opened: {}",
      options_.labels_name, status.message());
}

}  // namespace

arrow::Result<BuildSamplesReport> BuildSamples(std::shared_ptr<file::FileSystem> fs,
                                               BuildSamplesOptions options) {
  const std::string samples = options.samples;
  return Caught(samples, [&] { return SampleBuilder(std::move(fs), std::move(options)).Run(); });
}

}  // namespace marquet::jobs
