#include "marquet/pipeline/ingest.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>

#include <arrow/api.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/pipeline/batch_folder.h"
#include "marquet/pipeline/held_source.h"
#include "marquet/pipeline/ingest_call.h"
#include "marquet/pipeline/ingest_target.h"
#include "marquet/pipeline/source_description.h"
#include "marquet/pipeline/source_files.h"
#include "marquet/pipeline/source_stream.h"
#include "spdlog/logger.h"

namespace marquet::pipeline {
namespace {

constexpr auto kProgressInterval = std::chrono::milliseconds(100);
// How often a source is read again because others changed meanwhile what it replaces.
constexpr int kMostConflicts = 3;

// How often these bytes came and went, by the version of their txn action; odd while rows of theirs are
// there.
int64_t TimesOf(const delta::Snapshot& snapshot, const std::string& digest) {
  const delta::Transaction* stored = snapshot.transactions.Find(SourceAppId(digest));
  return stored == nullptr ? 0 : stored->version;
}

bool Holds(const delta::Snapshot& snapshot, const std::string& digest) {
  return TimesOf(snapshot, digest) % 2 == 1;
}

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

void AddNote(std::string text, SourceReport* report) {
  if (text.empty()) return;
  report->note += (report->note.empty() ? "" : "; ") + std::move(text);
}

// "the header names another symbol than symbology.json for 2 instruments, and is followed: 7 is 'ESH4' on
// ...".
std::string Told(const dbn::SymbolConflict& conflict, const SourceFile& source) {
  return fmt::format(
      "the file's header names another symbol than {} for {}, and is followed: {} is {} on {}, not {}",
      source.told_as ? "the mappings given with it" : "symbology.json",
      Counted(conflict.instruments, "instrument"), conflict.instrument_id, Quoted(conflict.header),
      FormatDate(conflict.date), Quoted(conflict.beside));
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
    held_.clear();
    Log().info("{}: looking whether {} holds it", source_.name(), options_.table);
    ARROW_ASSIGN_OR_RAISE(const bool known, IsKnown());
    if (known) return arrow::Status::OK();
    bool by_date = false;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool done, Attempt(by_date));
      if (done) return arrow::Status::OK();
      by_date = true;  // more symbols than a new table should have directories
    }
  }

  std::string TablePath(dbn::RecordKind kind) const {
    if (!options_.split_by_schema) return options_.table;
    return file::JoinPath(options_.table, dbn::KindName(kind));
  }

  // A table that the source's records may belong in, as it is or as a dry run plans it.
  struct Candidate {
    std::string path;
    IngestedTable* known;
    std::shared_ptr<const delta::Snapshot> snapshot;  // null as long as there is no table
    const PlannedTable* planned;                      // may be null

    bool is_there() const { return snapshot != nullptr || planned != nullptr; }
    int64_t version() const { return snapshot == nullptr ? -1 : snapshot->version; }
    bool HasSources() const {
      return planned != nullptr || (snapshot != nullptr && !snapshot->transactions.empty());
    }
    bool Has(const std::string& digest) const {
      return (planned != nullptr && planned->Find(digest) != nullptr) ||
             (snapshot != nullptr && Holds(*snapshot, digest));
    }
  };

  // `refresh`: with what others committed since the source was begun.
  arrow::Result<Candidate> CandidateAt(const std::string& path, bool refresh) const {
    Candidate candidate{path, &call_->KnownTable(path), nullptr, nullptr};
    if (refresh || candidate.known->table == nullptr) {
      ARROW_ASSIGN_OR_RAISE(candidate.known, call_->TableAt(path));
    }
    if (candidate.known->table != nullptr) candidate.snapshot = candidate.known->table->snapshot();
    const auto planned = call_->planned.find(path);
    if (planned != call_->planned.end()) candidate.planned = &planned->second;
    return candidate;
  }

  // The newest ingest of these bytes into a table, of which rows are there.
  arrow::Result<std::optional<SourceDescription>> NewestIn(const Candidate& candidate,
                                                           const std::string& digest) const {
    const SourceDescription* planned = candidate.planned ? candidate.planned->Find(digest) : nullptr;
    if (planned != nullptr) return *planned;
    if (candidate.snapshot == nullptr) return std::nullopt;
    return ReadNewestIngest(*fs_, candidate.path, *candidate.snapshot, digest);
  }

  // Whether the table, or each that the source is split into, holds all that is selected of these bytes.
  // Notes what is held of them otherwise. A file is hashed first where the answer may be yes, which costs a
  // small part of decoding it; whether it may be, its size tells.
  arrow::Result<bool> IsKnown() {
    if (source_.standard_input()) return false;
    const bool replaces = options_.on_overlap == OnOverlap::kReplace;
    // Of --again --replace only what the call itself has brought: its sources never take each other's place.
    if (options_.again && (!replaces || !call_->HasBroughtAny())) return false;
    std::vector<Candidate> tables;
    for (const std::string& path : TablePaths()) {
      ARROW_ASSIGN_OR_RAISE(Candidate candidate, CandidateAt(path, true));
      if (candidate.HasSources() && MayHoldBytes(candidate)) tables.push_back(std::move(candidate));
    }
    if (tables.empty()) return false;
    Log().debug("{}: hashing it first, because a source of its size is held", source_.name());
    ARROW_ASSIGN_OR_RAISE(const std::string digest, DigestOfFile(*fs_, source_.path, options_.stop));
    if (options_.again && !call_->HasBrought(digest)) return false;
    std::erase_if(tables, [&](const Candidate& candidate) { return !candidate.Has(digest); });
    bool all = !tables.empty();
    for (const Candidate& candidate : tables) {
      ARROW_ASSIGN_OR_RAISE(const auto newest, NewestIn(candidate, digest));
      if (!newest) return GoneMeanwhile(candidate.path);
      if (AnyCovers(newest->Parts(), options_.selection)) continue;
      all = false;
      if (TablePath(newest->kind) != candidate.path) continue;  // no table for it, which is told later
      const int64_t times = candidate.snapshot == nullptr ? 0 : TimesOf(*candidate.snapshot, digest);
      held_[candidate.path] = {times, newest->kind, newest->Parts()};
      held_digest_ = digest;
    }
    if (!all) return false;
    ARROW_ASSIGN_OR_RAISE(const HeldSource source, HeldBy(tables.front(), digest));
    if (options_.split_by_schema && tables.size() < source.description.summary.rows.size()) return false;
    report_->digest = digest;
    report_->bytes = source.description.bytes;
    Skip(tables.front().version(), source);
    call_->NotRead();
    return true;
  }

  bool MayHoldBytes(const Candidate& candidate) const {
    if (candidate.planned != nullptr || candidate.snapshot == nullptr) return candidate.planned != nullptr;
    candidate.known->sources.Update(candidate.snapshot);
    return candidate.known->sources.MayHoldBytes(*fs_, candidate.path, report_->bytes);
  }

  std::vector<std::string> TablePaths() const {
    if (!options_.split_by_schema) return {options_.table};
    std::vector<std::string> paths;
    for (int kind = 0; kind <= static_cast<int>(dbn::RecordKind::kDefinition); ++kind) {
      paths.push_back(TablePath(static_cast<dbn::RecordKind>(kind)));
    }
    return paths;
  }

  // What a table that has these bytes has of them.
  arrow::Result<HeldSource> HeldBy(const Candidate& candidate, const std::string& digest) const {
    const SourceDescription* planned = candidate.planned ? candidate.planned->Find(digest) : nullptr;
    if (planned != nullptr) return HeldSource{*planned, planned->rows, {}};
    if (!candidate.Has(digest)) return GoneMeanwhile(candidate.path);
    const int64_t times = TimesOf(*candidate.snapshot, digest);
    return ReadHeldSource(*fs_, candidate.path, *candidate.snapshot, SourceId(digest, times));
  }

  arrow::Status GoneMeanwhile(const std::string& table) const {
    return Conflict(
        fmt::format("{}: {} was ingested meanwhile, and its rows went again", table, source_.name()),
        "Run this one again: 'marquet history' tells what changed the table.");
  }

  void Skip(int64_t version, const HeldSource& held) {
    report_->status = "skipped";
    report_->kind = options_.split_by_schema ? "mixed" : std::string(dbn::KindName(held.description.kind));
    report_->table = options_.table;
    report_->version = version;
    const std::string& as = held.description.name;
    const bool part = !AnyCovers(held.description.Parts(), {});
    AddNote((part ? "the table holds " + dbn::ToText(options_.selection) + " of these bytes already"
                  : "the table holds these bytes already") +
                (as == source_.name() ? std::string() : ", ingested as " + as),
            report_);
    if (const int64_t lost = held.description.summary.unknown_records;
        lost > 0 && options_.keep_unknown && !held.description.summary.identical_export) {
      AddNote(fmt::format("without its {} of unknown type; --again --replace (again=True, "
                          "on_overlap=\"replace\") keeps them",
                          Counted(lost, "record")),
              report_);
    }
    if (held.is_whole()) return;
    AddNote(held.Losses() + "; --again --replace (again=True, on_overlap=\"replace\") puts them back",
            report_);
  }

  // False when the attempt was given up because a new table must be partitioned by date alone.
  arrow::Result<bool> Attempt(bool by_date) {
    const auto started = std::chrono::steady_clock::now();
    targets_.clear();
    Log().info("{}: reading it{}", source_.name(), by_date ? ", to be partitioned by date alone" : "");
    ARROW_ASSIGN_OR_RAISE(const OpenedSource opened, OpenSource(*fs_, source_, options_.stop));
    dbn::ReadOptions read;
    read.name = source_.name();
    read.allow_truncated = options_.allow_truncated;
    read.keep_unknown = options_.keep_unknown;
    read.on_time_overflow =
        options_.null_on_overflow ? dbn::OnTimeOverflow::kNull : dbn::OnTimeOverflow::kError;
    if (source_.mappings != nullptr) read.extra_mappings = *source_.mappings;
    read.max_held_bytes = options_.memory / 10;
    read.abandon_input = [&stream = *opened.hashed] { Abandon(stream); };
    read.selection = options_.selection;
    for (const auto& [path, held] : held_) {
      for (const BroughtPart& part : held.parts) read.held[held.kind].push_back(part.selection);
    }
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
    SourceDescription description;
    ARROW_ASSIGN_OR_RAISE(description.digest, FinishDigest(*opened.hashed, source_, options_.stop));
    description.name = source_.name();
    description.bytes = PositionOf(*opened.hashed);
    description.summary = reader->summary();
    ARROW_RETURN_NOT_OK(CheckHeld(description));
    ARROW_RETURN_NOT_OK(Report(description));
    call_->Selected(description.summary);
    if (report_->rows == 0 && (!options_.selection.is_all() || report_->rows_not_selected > 0)) {
      SkipUnselected();
    } else {
      ARROW_RETURN_NOT_OK(TargetOfNoRecords(description.summary, by_date));
      ARROW_RETURN_NOT_OK(CommitAll(description));
    }
    report_->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return true;
  }

  // The parts that are held select as many rows as they did when they came; else symbols are told otherwise
  // by now, and the rows that they did not bring are others, too.
  arrow::Status CheckHeld(const SourceDescription& description) const {
    if (!held_.empty() && description.digest != held_digest_) {
      return Conflict(source_.name() + ": was changed while it was read", "Run this again.");
    }
    for (const auto& [path, held] : held_) {
      const std::vector<int64_t>& matched = description.summary.selection.held_matched.at(held.kind);
      for (size_t i = 0; i < matched.size(); ++i) {
        const BroughtPart& part = held.parts[i];
        if (matched[i] == part.matched) continue;
        return InvalidInput(
            fmt::format("{}: {} selected {} of it when they came into {}, and {} now: its symbols are told "
                        "otherwise, so that the rows which did not come yet cannot be told",
                        source_.name(), dbn::ToText(part.selection), Counted(part.matched, "row"), path,
                        WithCommas(matched[i])),
            "ingest it with the symbology.json that lay beside it, or all of it anew with --again --replace "
            "(again=True, on_overlap=\"replace\")");
      }
    }
    return arrow::Status::OK();
  }

  arrow::Result<bool> WantsSplit(bool by_date) {
    if (by_date) return false;
    if (options_.split_by_schema) return true;
    ARROW_ASSIGN_OR_RAISE(const Candidate candidate, CandidateAt(options_.table, false));
    if (!candidate.is_there() && options_.partition_by.empty()) return true;
    const std::vector<std::string>& columns = !candidate.is_there() ? options_.partition_by
                                              : candidate.snapshot != nullptr
                                                  ? candidate.snapshot->metadata.partition_columns
                                                  : candidate.planned->partition_columns;
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
    target.path = TablePath(kind);
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
    Log().debug("{}: holds {} records, for {}", source_.name(), dbn::KindName(kind), target.path);
    ARROW_ASSIGN_OR_RAISE(const Candidate candidate, CandidateAt(target.path, true));
    const bool is_new = !candidate.is_there();
    if (by_date && is_new && options_.partition_by.empty()) {
      AddNote(
          fmt::format("partitioned by date alone: more than {} symbols", WithCommas(kMostSymbolPartitions)),
          report_);
    }
    ARROW_ASSIGN_OR_RAISE(targets_[kind], IngestTarget::Open(fs_, candidate.known->table, std::move(target)));
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

  arrow::Status Report(const SourceDescription& description) {
    const dbn::ReadSummary& summary = description.summary;
    report_->digest = description.digest;
    report_->bytes = description.bytes;
    report_->records = summary.records;
    report_->control_records = summary.control_records;
    report_->unknown_records = summary.unknown_records;
    report_->unknown_by_rtype = summary.unknown_by_rtype;
    report_->unknown_kept = options_.keep_unknown;
    report_->unmapped_rows = summary.unmapped_rows;
    report_->nulled_times = summary.nulled_times;
    report_->truncated_bytes = summary.truncated_bytes;
    report_->truncated_records = summary.truncated_records;
    report_->rows_not_selected = summary.selection.not_selected;
    report_->rows_held = summary.selection.held;
    for (const auto& [kind, target] : targets_) report_->rows += target->rows();
    if (report_->records !=
        report_->rows + report_->rows_not_selected + report_->control_records + report_->unknown_records) {
      return arrow::Status::UnknownError(
          fmt::format("{}: {} records were read, but {} rows, {} rows that are not selected, {} control and "
                      "{} unknown records are accounted for; nothing of it was committed",
                      source_.name(), report_->records, report_->rows, report_->rows_not_selected,
                      report_->control_records, report_->unknown_records));
    }
    if (summary.truncated_frame) AddNote("the last zstd frame is cut short", report_);
    if (targets_.size() > 1) {
      AddNote(
          "each table holds a part of this file, which an export to DBN cannot put together again: keep it",
          report_);
    }
    if (summary.symbol_conflict) Warn(Told(*summary.symbol_conflict, source_));
    if (summary.unread_ids.count > 0) {
      Warn(fmt::format("{} of instruments in the header are no ids, and give no symbols: {}",
                       Counted(summary.unread_ids.count, "number"), Quoted(summary.unread_ids.first)));
    }
    if (summary.unmapped_rows > 0 && source_.mappings == nullptr && !source_.standard_input()) {
      const std::string folder = file::ParentPath(source_.path);
      ARROW_ASSIGN_OR_RAISE(const bool is_batch, file::Exists(*fs_, file::JoinPath(folder, kManifestName)));
      if (is_batch)
        AddNote("symbols of a batch folder are used where the folder is named: " + folder, report_);
    }
    AddNote(source_.note, report_);
    return arrow::Status::OK();
  }

  void Warn(const std::string& text) {
    Log().warn("{}: {}", source_.name(), text);
    AddNote(text, report_);
  }

  arrow::Status CommitAll(const SourceDescription& description) {
    report_->status = options_.dry_run ? "would ingest" : "ingested";
    report_->table = options_.table;
    report_->kind = targets_.size() == 1 ? std::string(dbn::KindName(targets_.begin()->first)) : "mixed";
    bool all_known = true;
    for (const auto& [kind, target] : targets_) {
      ARROW_ASSIGN_OR_RAISE(const bool known, CommitOne(kind, *target, description));
      all_known = all_known && known;
    }
    if (all_known) {
      ARROW_ASSIGN_OR_RAISE(const Candidate holder, CandidateAt(TablePath(targets_.begin()->first), true));
      ARROW_ASSIGN_OR_RAISE(const HeldSource held, HeldBy(holder, description.digest));
      Skip(report_->version, held);
      report_->rows = report_->records = report_->control_records = report_->unknown_records = 0;
      report_->rows_not_selected = report_->rows_held = 0;
      report_->parts.clear();
    }
    return arrow::Status::OK();
  }

  // A source of which no row is new, or none was asked for.
  void SkipUnselected() {
    report_->status = "skipped";
    report_->table = options_.table;
    const std::string asked = dbn::ToText(options_.selection);
    AddNote(
        report_->rows_held > 0
            ? fmt::format("the table holds all {} of {} already", Counted(report_->rows_held, "row"), asked)
            : fmt::format("none of {} is of {}", Counted(report_->rows_not_selected, "row"), asked),
        report_);
  }

  // Whether the table holds by now what is selected of the source. kConflict when it holds another part of it
  // than when it was read.
  arrow::Result<bool> CameMeanwhile(const Candidate& candidate, const std::string& digest) const {
    ARROW_ASSIGN_OR_RAISE(const auto newest, NewestIn(candidate, digest));
    const auto parts = newest ? newest->Parts() : std::vector<BroughtPart>();
    if (AnyCovers(parts, options_.selection)) return true;
    const auto held = held_.find(candidate.path);
    const int64_t before = held == held_.end() ? 0 : held->second.times;
    const int64_t now = candidate.snapshot == nullptr ? 0 : TimesOf(*candidate.snapshot, digest);
    if (parts.empty() ? held == held_.end() : now == before) return false;
    if (source_.standard_input()) {
      return InvalidInput(
          fmt::format("{}: the table {} holds {} of these bytes; which of them are new must be known before "
                      "they are read",
                      source_.name(), candidate.path, SelectionsOf(parts)),
          "name the file in place of standard input");
    }
    return Conflict(
        fmt::format("{}: the table {} holds {} of these bytes, which others changed while they "
                    "were read",
                    source_.name(), candidate.path, parts.empty() ? "nothing" : SelectionsOf(parts)));
  }

  // True when the table held the source already.
  arrow::Result<bool> CommitOne(dbn::RecordKind kind, IngestTarget& target, SourceDescription description) {
    const auto& matched = description.summary.selection.matched;
    const auto of_kind = matched.find(kind);
    description.part = {{}, options_.selection, of_kind == matched.end() ? target.rows() : of_kind->second};
    const auto held = held_.find(TablePath(kind));
    if (held != held_.end()) description.earlier = held->second.parts;
    if (!options_.again) {  // standard input, or a source that another process brought meanwhile
      ARROW_ASSIGN_OR_RAISE(Candidate candidate, CandidateAt(TablePath(kind), false));
      if (candidate.snapshot != nullptr) {
        ARROW_ASSIGN_OR_RAISE(candidate.snapshot, candidate.known->table->log().Latest());
      }
      ARROW_ASSIGN_OR_RAISE(const bool came, CameMeanwhile(candidate, description.digest));
      if (came) {
        report_->version = candidate.version();
        return true;
      }
    }
    ARROW_ASSIGN_OR_RAISE(const TargetReport report, target.Commit(description));
    report_->version = report.version;
    if (report.already_applied) {
      ARROW_ASSIGN_OR_RAISE(const Candidate candidate, CandidateAt(TablePath(kind), true));
      ARROW_ASSIGN_OR_RAISE(const bool came, CameMeanwhile(candidate, description.digest));
      if (came) return true;
      return GoneMeanwhile(candidate.path);
    }
    *commits_ += !options_.dry_run;
    // It is committed: what telling of it fails at is a warning.
    const arrow::Status told = Caught(source_.name(), [&] {
      Tell(kind, target, report);
      return arrow::Status::OK();
    });
    if (!told.ok())
      Log().warn("version {} was committed, and its report is not whole: {}", report.version, told.message());
    return false;
  }

  void Tell(dbn::RecordKind kind, const IngestTarget& target, const TargetReport& report) {
    report_->parts.push_back(
        {std::string(dbn::KindName(kind)), TablePath(kind), report.version, target.rows()});
    report_->files_written += report.files_written;
    Log().info("{}: version {} adds {} in {}", TablePath(kind), report.version, Counted(target.rows(), "row"),
               Counted(report.files_written, "file"));
    report_->bytes_written += report.bytes_written;
    for (const auto& [column, rows] : report.empty_as_null) {
      AddNote(fmt::format("the empty string became null in {} of partition column {}", Counted(rows, "row"),
                          Quoted(column)),
              report_);
    }
    if (!report.replaced.empty()) {
      report_->status = options_.dry_run ? "would replace" : "replaced";
      report_->replaced.insert(report_->replaced.end(), report.replaced.begin(), report.replaced.end());
      AddNote((options_.dry_run ? "would replace " : "replaced ") + RowsAndSources(report.replaced), report_);
    }
  }

  const std::shared_ptr<file::FileSystem> fs_;
  const IngestOptions& options_;
  const SourceFile& source_;
  IngestCall* const call_;
  SourceReport* const report_;
  std::map<dbn::RecordKind, std::unique_ptr<IngestTarget>> targets_;
  int64_t* const commits_;
  // By table, where it is held in part, as it was when the reading began.
  struct Held {
    int64_t times;
    dbn::RecordKind kind;
    std::vector<BroughtPart> parts;
  };
  std::map<std::string, Held> held_;
  std::string held_digest_;
};

// What the user can do about an ingest that ended early.
arrow::Status WithAdvice(const arrow::Status& status, const SourceReport& report, int64_t commits) {
  const std::string committed = commits == 0
                                    ? "nothing of it was committed"
                                    : fmt::format("{} already {} a part of it", Counted(commits, "table"),
                                                  commits == 1 ? "holds" : "hold");
  if (IsKind(status, ErrorKind::kCommitUnknown)) return status;
  if (status.IsCancelled()) {
    return arrow::Status::Cancelled(report.source, ": ", committed, "; run the same command again to go on");
  }
  if (IsKind(status, ErrorKind::kConflict)) {
    return WithHint(WithContext(status, report.source + ": " + committed),
                    "others change what this source replaces: run the same command again when they are done");
  }
  if (ErrnoOf(status) == ENOSPC || ErrnoOf(status) == EDQUOT) {
    return WithHint(
        WithContext(status, report.source + ": " + committed),
        fmt::format("the table needs about as much space as the source's {}; free it and run the same "
                    "command again",
                    HumanBytes(report.bytes)));
  }
  return commits == 0 ? status : WithContext(status, report.source + ": " + committed);
}

// What of a selection no source has.
void TellOfUnselected(const IngestOptions& options, const IngestCall& call, IngestOutcome* outcome) {
  const auto& symbols = options.selection.symbols;
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (!call.HasMatched(i)) outcome->report.unmatched_symbols.push_back(symbols[i]);
  }
  if (options.selection.is_all() || call.has_matched_rows()) return;
  const auto sources = static_cast<int64_t>(outcome->report.sources.size());
  outcome->first_error = InvalidInput(fmt::format("nothing is selected: no row of {} is of {}",
                                                  Counted(sources, "source"), dbn::ToText(options.selection)),
                                      call.HintOf(options.selection));
  outcome->report.ok = false;
}

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
  return outcome;
}

}  // namespace marquet::pipeline
