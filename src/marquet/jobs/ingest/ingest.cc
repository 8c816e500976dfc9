// One ingest of one source, from its bytes to its commit:
//
//   1. What the tables hold of the bytes already is looked up; when that is all, the source is skipped.
//   2. Its records are read, and rows go to the table of their kind, whose files are written meanwhile.
//   3. At its end the digest of the bytes is known, and every record is accounted for.
//   4. Each table commits: first the description of the source, then its rows, unless another process has
//      brought them meanwhile.
//
// A crash before 4 leaves the tables as they were; between two commits of 4, the first holds its part, which
// the next attempt passes over.
#include "marquet/jobs/ingest/ingest.h"

#include <algorithm>
#include <chrono>

#include <arrow/api.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/jobs/ingest/candidate_table_internal.h"
#include "marquet/jobs/ingest/held_parts_internal.h"
#include "marquet/jobs/ingest/ingest_advice_internal.h"
#include "marquet/jobs/ingest/ingest_call.h"
#include "marquet/jobs/ingest/ingest_target.h"
#include "marquet/jobs/ingest/source_files.h"
#include "marquet/jobs/ingest/source_report_internal.h"
#include "marquet/jobs/ingest/source_stream.h"
#include "marquet/ledger/held_source.h"
#include "marquet/ledger/source_description.h"
#include "spdlog/logger.h"

namespace marquet::jobs {
namespace {

constexpr auto kProgressInterval = std::chrono::milliseconds(100);
// How often a source is read again because others changed meanwhile what it replaces.
constexpr int kMostConflicts = 3;

// Distinct symbols that the metadata maps to instruments, or instruments to, and that are selected.
int64_t MappedSymbols(const dbn::Metadata& metadata, const dbn::Selection& selection) {
  int64_t symbols = 0;
  for (const dbn::SymbolMapping& mapping : metadata.mappings) {
    if (mapping.intervals.empty()) continue;
    symbols += selection.HasSymbol(mapping.raw_symbol) ||
               std::any_of(mapping.intervals.begin(), mapping.intervals.end(),
                           [&](const auto& interval) { return selection.HasSymbol(interval.symbol); });
  }
  return symbols;
}

// Reads one source to its end and commits what it holds.
class SourceIngest {
 public:
  // `commits` counts the tables that hold a part of the source by now, whatever the report comes to tell.
  SourceIngest(std::shared_ptr<file::FileSystem> fs, const IngestOptions& options, const SourceFile& source,
               IngestCall* call, SourceReport* report, int64_t* commits)
      : fs_(std::move(fs)),
        options_(options),
        source_(source),
        call_(call),
        report_(report),
        commits_(commits) {}

  arrow::Status Run() {
    report_->source = source_.name();
    const SourceReport empty = *report_;
    for (int conflicts = 1;; ++conflicts) {
      const arrow::Status status = RunOnce();
      const bool again = IsKind(status, ErrorKind::kConflict) && !source_.standard_input() &&
                         *commits_ == 0 && report_->parts.empty();
      if (!again || conflicts == kMostConflicts) return status;
      Log().info("{}: once more, because {}", source_.name(), OneLine(status));
      *report_ = empty;
    }
  }

 private:
  arrow::Status RunOnce() {
    Log().info("{}: looking whether {} holds it", source_.name(), options_.table);
    ARROW_ASSIGN_OR_RAISE(HeldBytes held, FindHeldBytes(fs_.get(), options_, source_, report_->bytes, call_));
    if (held.all) {
      report_->digest = held.all->source.digest;
      report_->bytes = held.all->source.bytes;
      TellHeld(options_, source_, *held.all, report_);
      call_->NotRead();
      return arrow::Status::OK();
    }
    held_ = std::move(held.parts);
    bool by_date = false;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool done, Attempt(by_date));
      if (done) return arrow::Status::OK();
      by_date = true;  // more symbols than a new table should have directories
    }
  }

  // False when the attempt was given up because a new table must be partitioned by date alone.
  arrow::Result<bool> Attempt(bool by_date) {
    const auto started = std::chrono::steady_clock::now();
    targets_.clear();
    Log().info("{}: reading it{}", source_.name(), by_date ? ", to be partitioned by date alone" : "");
    ARROW_ASSIGN_OR_RAISE(const OpenedSource opened, OpenSource(*fs_, source_, options_.stop));
    dbn::ReadOptions read = ReadingOf(*opened.hashed);
    ARROW_ASSIGN_OR_RAISE(read.split_by_symbol_and_date, WantsSplit(by_date));
    ARROW_ASSIGN_OR_RAISE(const auto reader, dbn::Reader::Open(opened.stream, read));
    if (!by_date && MappedSymbols(reader->summary().metadata, options_.selection) > kMostSymbolPartitions &&
        options_.partition_by.empty()) {
      by_date = true;
    }
    Progress progress{(options_.dry_run ? "read " : "ingest ") + file::FileName(source_.name()), 0, 0,
                      opened.size};
    auto reported = started;
    while (true) {
      if (options_.stop != nullptr) ARROW_RETURN_NOT_OK(options_.stop->Check());
      ARROW_ASSIGN_OR_RAISE(const auto batch, reader->Next());
      if (!batch) break;
      ARROW_ASSIGN_OR_RAISE(IngestTarget * target, TargetFor(*batch, by_date));
      ARROW_RETURN_NOT_OK(target->Add(*batch));
      if (target->has_too_many_symbols() && options_.partition_by.empty() && !source_.standard_input())
        return false;
      progress.rows += batch->rows->num_rows();
      const auto now = std::chrono::steady_clock::now();
      if (options_.progress && now - reported >= kProgressInterval) {
        reported = now;
        progress.bytes = PositionOf(*opened.hashed);
        options_.progress(progress);
      }
    }
    ledger::SourceDescription description;
    ARROW_ASSIGN_OR_RAISE(description.digest, FinishDigest(*opened.hashed, source_, options_.stop));
    description.name = source_.name();
    description.bytes = PositionOf(*opened.hashed);
    description.summary = reader->summary();
    ARROW_RETURN_NOT_OK(held_.Check(source_, description));
    ARROW_RETURN_NOT_OK(
        TellRead(*fs_, options_, source_, description, RowsOfTargets(), targets_.size(), report_));
    call_->Selected(description.summary);
    // Before anything is committed: its errors are none of a source that came.
    ARROW_ASSIGN_OR_RAISE(const ledger::SourceLosses lost, held_.Losses(fs_.get(), call_));
    if (report_->rows == 0 && (!options_.selection.is_all() || report_->rows_not_selected > 0)) {
      TellNothingSelected(options_, lost, report_);
    } else {
      ARROW_RETURN_NOT_OK(TargetOfNoRecords(description.summary, by_date));
      ARROW_RETURN_NOT_OK(CommitAll(description, lost));
    }
    report_->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return true;
  }

  dbn::ReadOptions ReadingOf(SourceStream& stream) const {
    dbn::ReadOptions read;
    read.name = source_.name();
    read.allow_truncated = options_.allow_truncated;
    read.keep_unknown = options_.keep_unknown;
    read.on_time_overflow =
        options_.null_on_overflow ? dbn::OnTimeOverflow::kNull : dbn::OnTimeOverflow::kError;
    if (source_.mappings != nullptr) read.extra_mappings = *source_.mappings;
    read.max_held_bytes = options_.memory / 10;
    read.abandon_input = [&stream] { Abandon(stream); };
    read.selection = options_.selection;
    held_.LeaveOut(&read);
    return read;
  }

  int64_t RowsOfTargets() const {
    int64_t rows = 0;
    for (const auto& [kind, target] : targets_) rows += target->rows();
    return rows;
  }

  // Whether batches are to hold rows of one symbol and date, as partitions do.
  arrow::Result<bool> WantsSplit(bool by_date) {
    if (by_date) return false;
    if (options_.split_by_schema) return true;
    ARROW_ASSIGN_OR_RAISE(const CandidateTable table, TableAt(options_.table, /*refresh=*/false));
    if (!table.is_there() && options_.partition_by.empty()) return true;
    const std::vector<std::string>& columns =
        table.is_there() ? table.partition_columns() : options_.partition_by;
    const auto has = [&](const char* name) {
      return std::find(columns.begin(), columns.end(), name) != columns.end();
    };
    return has("symbol") && has("date");
  }

  arrow::Result<IngestTarget*> TargetFor(const dbn::Batch& batch, bool by_date) {
    const auto found = targets_.find(batch.kind);
    if (found != targets_.end()) return found->second.get();
    if (!targets_.empty() && !options_.split_by_schema) {
      return InvalidInput(
          fmt::format("{}: holds records of several kinds ({} and {}); a table holds one", source_.name(),
                      dbn::KindName(targets_.begin()->first), dbn::KindName(batch.kind)),
          "pass --split-by-schema (split_by_schema=True in Python) and a folder for one table of each");
    }
    return OpenTarget(batch.kind, batch.rows->schema()->GetFieldIndex("ts_out") >= 0, by_date);
  }

  arrow::Result<IngestTarget*> OpenTarget(dbn::RecordKind kind, bool with_ts_out, bool by_date) {
    TargetOptions target;
    target.path = TableOfKind(options_, kind);
    target.source = source_.name();
    target.kind = kind;
    target.with_ts_out = with_ts_out;
    target.partition_by = options_.partition_by;
    if (target.partition_by.empty()) {
      target.partition_by =
          by_date ? std::vector<std::string>{"date"} : std::vector<std::string>{"symbol", "date"};
    }
    target.dry_run = options_.dry_run;
    target.on_overlap = options_.on_overlap;
    target.file = options_.file;
    target.jobs = options_.jobs;
    target.memory = options_.memory;
    target.stop = options_.stop;
    target.call = call_;
    target.again = options_.again;
    for (const ledger::BroughtPart& part : held_.Of(target.path)) target.held.push_back(part.selection);
    Log().debug("{}: holds {} records, for {}", source_.name(), dbn::KindName(kind), target.path);
    ARROW_ASSIGN_OR_RAISE(const CandidateTable table, TableAt(target.path, /*refresh=*/true));
    if (by_date && !table.is_there() && options_.partition_by.empty()) {
      AddNote(
          fmt::format("partitioned by date alone: more than {} symbols", WithCommas(kMostSymbolPartitions)),
          report_);
    }
    ARROW_ASSIGN_OR_RAISE(targets_[kind], IngestTarget::Open(fs_, table.table(), std::move(target)));
    return targets_[kind].get();
  }

  // A source without records is an ingest of no rows, into the table of the kind that its metadata names.
  arrow::Status TargetOfNoRecords(const dbn::ReadSummary& summary, bool by_date) {
    if (!targets_.empty()) return arrow::Status::OK();
    if (!summary.metadata.schema) {
      return InvalidInput(
          fmt::format("{}: holds no rows, and nothing says of which kind they would be", source_.name()));
    }
    const auto kind = dbn::KindOfSchema(*summary.metadata.schema);
    if (!kind) {
      return Unsupported(fmt::format("{}: schema {} in its metadata is not known", source_.name(),
                                     *summary.metadata.schema));
    }
    return OpenTarget(*kind, summary.metadata.ts_out, by_date).status();
  }

  // `lost`: of the rows that came with earlier parts.
  arrow::Status CommitAll(const ledger::SourceDescription& description, const ledger::SourceLosses& lost) {
    report_->status = options_.dry_run ? "would ingest" : "ingested";
    report_->table = options_.table;
    report_->kind = targets_.size() == 1 ? std::string(dbn::KindName(targets_.begin()->first)) : "mixed";
    bool all_known = true;
    for (const auto& [kind, target] : targets_) {
      ARROW_ASSIGN_OR_RAISE(const bool known, CommitOne(kind, *target, description));
      all_known = all_known && known;
      if (!known) continue;
      report_->rows -= target->rows();
      report_->rows_there += target->rows();
      report_->rows_not_selected += target->rows();
    }
    if (all_known) return SkipAfterAll(description.digest);
    TellLosses("of what came before ", lost, report_);
    return arrow::Status::OK();
  }

  // A source that was read, and that all of its tables hold by now.
  arrow::Status SkipAfterAll(const std::string& digest) {
    std::vector<CandidateTable> holders;
    for (const auto& [kind, target] : targets_) {
      ARROW_ASSIGN_OR_RAISE(CandidateTable holder, TableAt(TableOfKind(options_, kind), /*refresh=*/true));
      holders.push_back(std::move(holder));
    }
    ARROW_ASSIGN_OR_RAISE(const HeldInAll held, HeldInAll::Of(holders, digest, source_.name()));
    SourceReport skipped;  // as of a source that was not read
    skipped.source = report_->source;
    skipped.digest = report_->digest;
    skipped.bytes = report_->bytes;
    TellHeld(options_, source_, held, &skipped);
    skipped.version = report_->version;
    *report_ = std::move(skipped);
    return arrow::Status::OK();
  }

  // True when the table held the source already.
  arrow::Result<bool> CommitOne(dbn::RecordKind kind, IngestTarget& target,
                                ledger::SourceDescription description) {
    const auto& matched = description.summary.selection.matched;
    const auto of_kind = matched.find(kind);
    description.part = {{}, options_.selection, of_kind == matched.end() ? target.rows() : of_kind->second};
    const std::string path = TableOfKind(options_, kind);
    description.earlier = held_.Of(path);
    if (!options_.again) {  // standard input, or a source that another process brought meanwhile
      ARROW_ASSIGN_OR_RAISE(CandidateTable table, TableAt(path, /*refresh=*/false));
      ARROW_RETURN_NOT_OK(table.LookAgain());
      ARROW_ASSIGN_OR_RAISE(const bool came, CameMeanwhile(table, description.digest));
      if (came) {
        report_->version = table.version();
        return true;
      }
    }
    ARROW_ASSIGN_OR_RAISE(const TargetReport report, target.Commit(description));
    report_->version = report.version;
    if (report.already_applied) {
      ARROW_ASSIGN_OR_RAISE(const CandidateTable table, TableAt(path, /*refresh=*/true));
      ARROW_ASSIGN_OR_RAISE(const bool came, CameMeanwhile(table, description.digest));
      if (came) return true;
      return GoneMeanwhile(path, source_.name());
    }
    *commits_ += !options_.dry_run;
    // It is committed: what telling of it fails at is a warning.
    const arrow::Status told = Caught(source_.name(), [&] {
      TellCommitted(options_, {std::string(dbn::KindName(kind)), path, report.version, target.rows()}, report,
                    report_);
      return arrow::Status::OK();
    });
    if (!told.ok())
      Log().warn("version {} was committed, and its report is not whole: {}", report.version, told.message());
    return false;
  }

  arrow::Result<CandidateTable> TableAt(const std::string& path, bool refresh) const {
    return CandidateTable::At(fs_.get(), call_, path, refresh);
  }

  arrow::Result<bool> CameMeanwhile(const CandidateTable& table, const std::string& digest) const {
    return held_.CameMeanwhile(table, source_, digest, options_.selection);
  }

  const std::shared_ptr<file::FileSystem> fs_;
  const IngestOptions& options_;
  const SourceFile& source_;
  IngestCall* const call_;
  SourceReport* const report_;
  int64_t* const commits_;
  HeldParts held_;  // when the reading began
  std::map<dbn::RecordKind, std::unique_ptr<IngestTarget>> targets_;
};

// A new table inside another would be taken for its litter: `directory` and those above it must be no tables.
arrow::Status CheckOutsideTables(file::FileSystem& fs, const std::string& path, std::string directory) {
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool is_table, file::Exists(fs, file::JoinPath(directory, "_delta_log")));
    if (is_table && directory == path) {
      return InvalidInput(path + ": is a table; expected a folder for one table of each record kind",
                          "name a folder that is no table, such as " + path + "-split");
    }
    if (is_table) {
      return InvalidInput(
          fmt::format("{}: would be inside the table {}, where a vacuum removes it", path, directory),
          "choose a place outside that table");
    }
    if (directory == "." || directory == "/" || file::FileName(directory) == "..") return arrow::Status::OK();
    directory = file::ParentPath(directory);
  }
}

// What the caller knows of files by their paths.
arrow::Status AddAbout(file::FileSystem& fs, const IngestOptions& options, std::vector<SourceFile>* files) {
  for (SourceFile& source : *files) {
    const auto about = options.about.find(source.path);
    if (about == options.about.end()) continue;
    source.told_as = about->second.name;
    if (source.told_as->empty()) {
      ARROW_ASSIGN_OR_RAISE(source.told_as, DigestOfFile(fs, source.path, options.stop));
    }
    source.mappings = std::make_shared<const std::vector<dbn::SymbolMapping>>(about->second.mappings);
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<IngestOutcome> Ingest(std::shared_ptr<file::FileSystem> fs, IngestOptions options) {
  constexpr int64_t kLeastMemory = int64_t{64} << 20;
  if (options.memory < kLeastMemory) {
    return InvalidInput(fmt::format("a memory of {} is too little; at least {} are needed",
                                    HumanBytes(options.memory), HumanBytes(kLeastMemory)));
  }
  if (options.table.empty()) return InvalidInput("the name of the table is empty");
  ARROW_RETURN_NOT_OK(dbn::CheckSelection(options.selection));
  while (options.table.size() > 1 && options.table.back() == '/') options.table.pop_back();
  if (!IsUtf8(options.table)) {
    return InvalidInput(fmt::format("the name of the table {} is not UTF-8", Quoted(options.table)),
                        "choose another name for it");
  }
  ARROW_ASSIGN_OR_RAISE(FoundSources found, FindSourceFiles(*fs, options.sources));
  ARROW_RETURN_NOT_OK(AddAbout(*fs, options, &found.files));
  const std::vector<SourceFile>& sources = found.files;
  const auto target = fs->Stat(options.table);
  if (target.ok() && !target->is_directory) {
    return InvalidInput(options.table + ": is a file; a table is a directory",
                        "choose another name for the table");
  }
  IngestCall call(fs, sources, options.stop);
  if (options.split_by_schema) {
    ARROW_RETURN_NOT_OK(CheckOutsideTables(*fs, options.table, options.table));
  } else {
    ARROW_ASSIGN_OR_RAISE(const IngestedTable* there, call.TableAt(options.table));
    if (there->table == nullptr) {
      ARROW_RETURN_NOT_OK(CheckOutsideTables(*fs, options.table, file::ParentPath(options.table)));
    }
  }
  IngestOutcome outcome;
  outcome.report.passed_over = std::move(found.passed_over);
  outcome.report.sources.reserve(sources.size());
  for (const SourceFile& source : sources) {
    SourceReport report;
    int64_t commits = 0;
    const arrow::Status status = Caught(source.name(), [&] {
      if (!source.standard_input()) {
        const auto info = fs->Stat(source.path);
        if (info.ok()) report.bytes = info->size;
      }
      SourceIngest ingest(fs, options, source, &call, &report, &commits);
      return ingest.Run();
    });
    if (!status.ok()) {
      outcome.first_error = WithAdvice(status, report, commits);
      report.status = "failed";
      report.rows = 0;  // but for those of tables that committed
      for (const SourcePart& part : report.parts) report.rows += part.rows;
      report.commit_unknown = IsKind(status, ErrorKind::kCommitUnknown);
      report.error = OneLine(outcome.first_error);
      report.hint = HintOf(outcome.first_error);
      outcome.report.ok = false;
    }
    outcome.report.sources.push_back(std::move(report));
    if (!status.ok()) break;
  }
  outcome.report.not_tried = static_cast<int64_t>(sources.size() - outcome.report.sources.size());
  if (outcome.report.ok && call.has_read_all()) TellOfUnselected(options, call, &outcome);
  if (const arrow::Status& error = outcome.first_error; !error.ok()) {
    outcome.report.error = OneLine(error);
    outcome.report.kind = error.IsCancelled() ? "stopped" : std::string(KindName(KindOf(error)));
    outcome.report.hint = HintOf(error);
  }
  return outcome;
}

}  // namespace marquet::jobs
