// A source's rows of one kind become part of a table like this:
//
//   1. They are written to data files.                      Crash: temporary files.
//   2. What the log and other sources' descriptions say     Crash: as above.
//      of the same symbols, dates and times is looked at;
//      an overlap is refused, or what of its source stays
//      is written anew.
//   3. The data files are synced, verified, and get         Crash: files that no version names.
//      their names.
//   4. The source's description is written, durable,        Crash: a description of a source that is not in
//      under _marquet/sources/, and what is left of those   the table; the next attempt writes the same. What
//      of which rows go.                                    is left is under a number that no version names.
//   5. One commit adds the files, removes replaced ones,    Crash: committed, or not at all. Run again, the
//      and records the source's txn action; it also         txn action tells that nothing is left to do.
//      creates the table where there was none.
#include "marquet/jobs/ingest/ingest_target.h"

#include <algorithm>
#include <set>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/ledger/held_source.h"
#include "marquet/ledger/source_overlap.h"

namespace marquet::jobs {
namespace {

constexpr const char* kKindProperty = "marquet.kind";

// Whether a table with this schema takes records of the options' kind; `kind` is what it says to hold.
arrow::Status CheckKind(std::string_view kind, const arrow::Schema& schema, const arrow::Schema& expected,
                        const TargetOptions& options) {
  const std::string_view ours = dbn::KindName(options.kind);
  if (!kind.empty() && kind != ours) {
    return SchemaError(
        fmt::format("{}: holds {} records; the source holds {} records", options.path, kind, ours),
        "a table holds one kind of records: ingest into another table, or pass --split-by-schema "
        "(split_by_schema=True in Python) and a folder for one table of each kind");
  }
  for (const auto& field : expected.fields()) {
    const auto there = schema.GetFieldByName(field->name());
    if (there == nullptr) {
      return SchemaError(fmt::format("{}: has no column {}, which {} records have", options.path,
                                     Quoted(field->name()), ours),
                         "ingest into another table");
    }
    if (!there->type()->Equals(field->type())) {
      return SchemaError(
          fmt::format("{}: column {} is of type {}; {} records need {}", options.path, Quoted(field->name()),
                      there->type()->ToString(), ours, field->type()->ToString()),
          "ingest into another table");
    }
  }
  return arrow::Status::OK();
}

std::string_view KindOf(const delta::Snapshot& snapshot) {
  const auto kind = snapshot.metadata.configuration.find(kKindProperty);
  return kind == snapshot.metadata.configuration.end() ? std::string_view() : std::string_view(kind->second);
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::string_view kOwnDirectory = "_marquet";

void RemoveEmptyDirectories(file::FileSystem& fs, const std::string& directory) {
  const auto entries = fs.List(directory);
  if (!entries.ok()) return;
  for (const file::FileInfo& entry : *entries) {
    if (entry.is_directory) RemoveEmptyDirectories(fs, file::JoinPath(directory, entry.path));
  }
  (void)fs.Remove(directory);  // fails where something is left, which stays
}

// How many of a source's rows a selection takes in.
enum class Reach { kNone, kSome, kAll };

Reach ReachOf(const dbn::Selection& selection, const ledger::SourceRanges& ranges) {
  if (selection.is_all()) return Reach::kAll;
  bool some = false, all = true;
  for (const auto& [key, of_key] : ranges) {
    const bool has_symbol = selection.HasSymbol(key.first);
    for (const ledger::SourceRange& range : of_key) {
      bool meets = selection.HasTime(std::nullopt), covers = meets;
      if (range.has_times()) {
        meets = (!selection.start_ns || range.last_ns >= *selection.start_ns) &&
                (!selection.end_ns || range.first_ns < *selection.end_ns);
        covers = selection.HasTime(range.first_ns) && selection.HasTime(range.last_ns);
      }
      some = some || (has_symbol && meets);
      all = all && has_symbol && covers;
    }
  }
  return !some ? Reach::kNone : all ? Reach::kAll : Reach::kSome;
}

// Rows that went and did not come again would be lost.
arrow::Status RefusalOfPart(const ledger::SourceDescription& description,
                            const ledger::SourceDescription& held) {
  return InvalidInput(
      fmt::format("{}: the table holds {} of these bytes; to replace that by {} would lose the rest of it",
                  description.name, dbn::ToText(held.part.selection),
                  dbn::ToText(description.part.selection)),
      "select all that came together, or more, or leave the selection out");
}

}  // namespace

arrow::Result<std::unique_ptr<IngestTarget>> IngestTarget::Open(std::shared_ptr<file::FileSystem> fs,
                                                                std::shared_ptr<table::Table> existing,
                                                                TargetOptions options) {
  const auto schema = dbn::TableSchema(options.kind, options.with_ts_out);
  std::unique_ptr<IngestTarget> target(new IngestTarget(std::move(fs), std::move(options)));
  const TargetOptions& settings = target->options_;
  if (existing != nullptr) {
    target->base_ = existing->snapshot();
    ARROW_RETURN_NOT_OK(CheckKind(KindOf(*target->base_), *target->base_->schema, *schema, settings));
    target->partition_columns_ = target->base_->metadata.partition_columns;
    target->table_ = std::move(existing);
  } else if (const auto planned = settings.call->planned.find(settings.path);
             planned != settings.call->planned.end()) {
    ARROW_RETURN_NOT_OK(
        CheckKind(dbn::KindName(planned->second.kind), *planned->second.schema, *schema, settings));
    target->partition_columns_ = planned->second.partition_columns;
  } else {
    target->partition_columns_ = settings.partition_by;
    target->is_new_ = true;
    table::CreateOptions create;
    create.partition_by = settings.partition_by;
    create.configuration[kKindProperty] = std::string(dbn::KindName(settings.kind));
    if (settings.dry_run) {
      ARROW_RETURN_NOT_OK(table::Table::CheckCreate(target->fs_, settings.path, *schema, create));
    } else {
      ARROW_ASSIGN_OR_RAISE(target->table_,
                            table::Table::CreateWithFirstAppend(target->fs_, settings.path, *schema, create));
      target->base_ = target->table_->snapshot();
      target->created_ = true;
    }
  }
  const auto& columns = target->partition_columns_;
  const bool same_columns =
      target->table_ == nullptr || target->table_->schema()->num_fields() == schema->num_fields();
  target->direct_ =
      same_columns && columns.size() == 2 && Contains(columns, "symbol") && Contains(columns, "date");
  target->sorted_ = !Contains(columns, "symbol");
  for (int i = 0; i < schema->num_fields(); ++i) {
    if (!Contains(columns, schema->field(i)->name())) target->data_columns_.push_back(i);
  }
  if (settings.dry_run) return target;
  table::AppendOptions append;
  append.file = settings.file;
  append.file.memory = settings.memory / 2;
  if (settings.jobs == 1) append.file.parallel = false;
  append.threads = settings.jobs;
  append.stop = settings.stop;
  append.commit_metadata["source"] = settings.source;
  ARROW_ASSIGN_OR_RAISE(target->appender_, target->table_->NewAppender(std::move(append)));
  return target;
}

IngestTarget::~IngestTarget() {
  if (committed_) return;
  // What they could not remove stays unseen. The appender leaves what a version names or may name.
  if (appender_ != nullptr) BestEffort([&] { return appender_->Abort(); });
  if (created_) {
    BestEffort([&] {
      RemoveRemains();
      return arrow::Status::OK();
    });
  }
}

// Of a table that did not come to be. Its own directory stays while anything else does: by it the next ingest
// knows what a killed one left from a directory that holds other things.
void IngestTarget::RemoveRemains() {
  const auto log = file::Exists(*fs_, file::JoinPath(options_.path, "_delta_log"));
  if (!log.ok() || *log) return;
  const auto entries = fs_->List(options_.path);
  if (!entries.ok()) return;
  for (const file::FileInfo& entry : *entries) {
    if (entry.is_directory && entry.path != kOwnDirectory) {
      RemoveEmptyDirectories(*fs_, file::JoinPath(options_.path, entry.path));
    }
  }
  const auto left = fs_->List(options_.path);
  if (left.ok() && left->size() == 1) RemoveEmptyDirectories(*fs_, options_.path);
}

arrow::Status IngestTarget::Add(const dbn::Batch& batch) {
  rows_ += batch.rows->num_rows();
  ARROW_RETURN_NOT_OK(counter_.Add(*batch.rows, batch.group.has_value()));
  if (counter_.symbols() > kMostSymbolPartitions && !sorted_ && is_new_) too_many_symbols_ = true;
  if (options_.dry_run) return arrow::Status::OK();
  if (direct_ && batch.group) {
    delta::PartitionValues partition = {{"symbol", batch.group->symbol}, {"date", {}}};
    if (batch.group->date) partition["date"] = FormatDate(*batch.group->date);
    ARROW_ASSIGN_OR_RAISE(const auto data, batch.rows->SelectColumns(data_columns_));
    return appender_->WritePartition(partition, *data);
  }
  if (!sorted_) return appender_->Write(*batch.rows);
  run_.push_back(batch.rows);
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, arrow::util::ReferencedBufferSize(*batch.rows));
  run_bytes_ += bytes;
  // Sorting holds a run three times: as it came, in one piece, and sorted.
  return run_bytes_ > options_.memory / 12 ? WriteRun() : arrow::Status::OK();
}

arrow::Status IngestTarget::WriteRun() {
  if (run_.empty()) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto rows, arrow::ConcatenateRecordBatches(run_));
  run_.clear();
  run_bytes_ = 0;
  using arrow::compute::SortKey;
  const arrow::compute::SortOptions order({SortKey("date"), SortKey("symbol"), SortKey("source_row")});
  ARROW_ASSIGN_OR_RAISE(const auto places, arrow::compute::SortIndices(arrow::Datum(rows), order));
  ARROW_ASSIGN_OR_RAISE(const auto sorted, arrow::compute::Take(arrow::Datum(rows), arrow::Datum(places)));
  return appender_->Write(*sorted.record_batch());
}

arrow::Status IngestTarget::Refusal(const ledger::SourceDescription& description,
                                    const ledger::SourceDescription& other,
                                    const ledger::RangeOverlap& where) const {
  return InvalidInput(
      fmt::format("{}: {} is already filled from {} to {} by {}", description.name,
                  ledger::RangeName(where.where, where.ours.instrument), FormatNanos(where.theirs.first_ns),
                  FormatNanos(where.theirs.last_ns), other.name),
      "pass --append-anyway (on_overlap=\"append\" in Python) to keep both. --replace "
      "(on_overlap=\"replace\") takes away all older rows in this source's time range, of its symbols and "
      "days, whether or not they are equal to new ones; with --dry-run it tells which");
}

arrow::Status IngestTarget::RefusalInCall(const ledger::SourceDescription& description,
                                          const ledger::SourceDescription& other,
                                          const ledger::RangeOverlap& where) const {
  const arrow::Status status = Refusal(description, other, where);
  return InvalidInput(status.message() + ", a source of the same call",
                      "pass --append-anyway (on_overlap=\"append\" in Python) to keep both, or leave one of "
                      "them out: sources of one call never take each other's place");
}

// Of sources of the same call in the first place: whichever table holds them, the message is one.
arrow::Status IngestTarget::CheckOverlaps(const ledger::SourceDescription& description,
                                          const std::vector<ledger::Overlap>& overlaps) const {
  for (const ledger::Overlap& overlap : overlaps) {
    if (overlap.same_bytes) continue;
    const ledger::SourceDescription& other = overlap.source.description;
    const auto real = ledger::OverlapsOf(description, other, ledger::Intent::kAppend);
    if (real.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(const bool same_call, options_.call->Contains(other));
    if (same_call) return RefusalInCall(description, other, real.front());
  }
  if (overlaps.empty() || options_.on_overlap == OnOverlap::kReplace) return arrow::Status::OK();
  return Refusal(description, overlaps.front().source.description, overlaps.front().ranges.front());
}

// What a dry run would have put into the table before.
arrow::Status IngestTarget::CheckPlanned(const ledger::SourceDescription& description) const {
  const auto planned = options_.call->planned.find(options_.path);
  if (planned == options_.call->planned.end() || options_.on_overlap == OnOverlap::kAppendAnyway) {
    return arrow::Status::OK();
  }
  for (const auto& [digest, other] : planned->second.MayMeet(description.ranges)) {
    if (digest == description.digest) continue;
    const auto overlaps = ledger::OverlapsOf(description, *other, ledger::Intent::kAppend);
    if (!overlaps.empty()) return RefusalInCall(description, *other, overlaps.front());
  }
  return arrow::Status::OK();
}

arrow::Result<std::vector<SourceReplacement>> IngestTarget::FindReplaced(
    const ledger::SourceDescription& description) {
  std::vector<SourceReplacement> replaced;
  if (table_ == nullptr || options_.on_overlap == OnOverlap::kAppendAnyway) return replaced;
  const ledger::Intent intent =
      options_.on_overlap == OnOverlap::kReplace ? ledger::Intent::kReplace : ledger::Intent::kAppend;
  const bool with_own = intent == ledger::Intent::kReplace && options_.again;
  ARROW_ASSIGN_OR_RAISE(auto overlaps,
                        ledger::FindOverlaps(*fs_, table_->path(), base_, description, intent, with_own,
                                             &options_.call->KnownTable(options_.path).sources));
  ARROW_RETURN_NOT_OK(CheckOverlaps(description, overlaps));
  for (ledger::Overlap& overlap : overlaps) {
    seen_.insert(overlap.source.description.id);
    if (overlap.same_bytes) {
      const Reach reach = ReachOf(description.part.selection, overlap.source.description.ranges);
      if (reach == Reach::kNone) continue;
      if (reach == Reach::kSome) return RefusalOfPart(description, overlap.source.description);
    } else {
      ARROW_ASSIGN_OR_RAISE(const bool same_call, options_.call->Contains(overlap.source.description));
      if (same_call) continue;  // they merely touch
    }
    ARROW_ASSIGN_OR_RAISE(
        auto plan, SourceReplacement::Plan(*table_, std::move(overlap), description.name, options_.stop));
    if (plan.total() > 0 || plan.is_whole()) replaced.push_back(std::move(plan));
  }
  return replaced;
}

// Of bytes that come again: what of them is there and stays.
arrow::Status IngestTarget::FindEarlier(const std::vector<SourceReplacement>& replaced,
                                        ledger::SourceDescription* description) const {
  description->earlier.clear();
  if (base_ == nullptr || description->part.selection.is_all()) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto newest,
                        ledger::ReadNewestIngest(*fs_, options_.path, *base_, description->digest));
  if (newest) description->earlier = newest->Parts();
  std::erase_if(description->earlier, [&](const ledger::BroughtPart& part) {
    if (description->part.selection.Covers(part.selection))
      return true;  // all of its rows came with this one
    return std::any_of(replaced.begin(), replaced.end(), [&](const SourceReplacement& source) {
      return source.is_whole() && source.source().description.id == part.id;
    });
  });
  return arrow::Status::OK();
}

arrow::Result<TargetReport> IngestTarget::Commit(ledger::SourceDescription description) {
  TargetReport report;
  description.kind = options_.kind;
  description.rows = rows_;
  description.ranges = counter_.ranges();
  ARROW_RETURN_NOT_OK(CheckPlanned(description));
  ARROW_ASSIGN_OR_RAISE(auto replaced, FindReplaced(description));
  for (const SourceReplacement& source : replaced) {
    for (const auto& [key, rows] : source.rows()) {
      if (rows == 0) continue;
      const auto left = source.left().find(key);
      report.replaced.push_back({options_.path, source.source().description.name, key.first, key.second, rows,
                                 left == source.left().end() ? 0 : left->second});
    }
  }
  if (options_.again) ARROW_RETURN_NOT_OK(FindEarlier(replaced, &description));
  if (options_.dry_run) {
    options_.call->Brought(description.digest);
    auto [planned, is_new] = options_.call->planned.try_emplace(options_.path);
    if (is_new) {
      planned->second.is_new = is_new_;
      planned->second.kind = options_.kind;
      planned->second.schema = dbn::TableSchema(options_.kind, options_.with_ts_out);
      planned->second.partition_columns = partition_columns_;
    }
    planned->second.Add(std::move(description));
    return report;
  }

  IngestedTable& known = options_.call->KnownTable(options_.path);
  const auto& snapshot = base_;
  const std::string app_id = ledger::SourceAppId(description.digest);
  const delta::Transaction* stored = snapshot->transactions.Find(app_id);
  const delta::Transaction before = stored == nullptr ? delta::Transaction{app_id, 0, std::nullopt} : *stored;
  ARROW_ASSIGN_OR_RAISE(const int64_t version,
                        ledger::RaisedVersion(table_->path(), before, before.version % 2 == 0 ? 1 : 2));
  const int64_t now_ms = NowNanos() / 1'000'000;
  description.id = description.part.id = ledger::SourceId(description.digest, version);
  for (SourceReplacement& source : replaced) ARROW_RETURN_NOT_OK(source.Apply(appender_.get()));
  ARROW_RETURN_NOT_OK(WriteRun());
  ARROW_RETURN_NOT_OK(appender_->Finish());
  ARROW_ASSIGN_OR_RAISE(const auto attempt,
                        ledger::WriteSourceDescription(fs_, table_->path(), *snapshot, description));
  if (attempt) appender_->Record({ledger::AttemptAppId(description.id), *attempt, now_ms});
  std::map<std::string, bool> is_left;  // by digest: the same bytes may have been ingested several times
  for (const SourceReplacement& source : replaced) {
    const ledger::SourceDescription& left = source.source().description;
    bool& some = is_left[left.digest];
    some = some || !source.is_whole();
    if (source.is_whole()) continue;
    ARROW_ASSIGN_OR_RAISE(const int64_t number,
                          ledger::WriteRemainder(fs_, table_->path(), *snapshot, source.source()));
    appender_->Record({ledger::RemainderAppId(left.id), number, now_ms});
  }
  for (auto& [digest, some] : is_left) {  // other ingests of the same bytes, of which nothing goes
    for (const std::string& id : known.sources.IdsOf(digest)) {
      some = some || std::none_of(replaced.begin(), replaced.end(), [&](const SourceReplacement& source) {
               return source.source().description.id == id;
             });
    }
  }
  for (const auto& [digest, some] : is_left) {
    const delta::Transaction* theirs = snapshot->transactions.Find(ledger::SourceAppId(digest));
    // Of these bytes themselves, the record below says what became.
    if (some || digest == description.digest || theirs == nullptr || theirs->version % 2 == 0) continue;
    ARROW_ASSIGN_OR_RAISE(const int64_t gone, ledger::RaisedVersion(table_->path(), *theirs, 1));
    appender_->Record({theirs->app_id, gone, now_ms});
  }
  appender_->Tag(ledger::kSourceTag, description.id);
  appender_->Tag(ledger::kSourceBytesTag, std::to_string(description.bytes));
  if (!description.part.selection.is_all()) {
    appender_->Note("selection", dbn::ToText(description.part.selection));
  }
  if (!report.replaced.empty()) appender_->Note("replaced", RowsAndSources(report.replaced));
  const delta::Transaction own = {app_id, version, now_ms};
  if (options_.again) {
    appender_->Record(own);  // that others brought the same bytes is not this request done
  } else {
    appender_->RecordOnce(own);
  }
  if (options_.on_overlap != OnOverlap::kAppendAnyway) {
    // Who changes a source that is replaced here records it under the same application, which is a conflict.
    appender_->FollowOnlyIf([&](const delta::Snapshot& newest) -> arrow::Status {
      const auto kept = std::make_shared<const delta::Snapshot>(newest);
      ARROW_ASSIGN_OR_RAISE(auto overlaps,
                            ledger::FindOverlaps(*fs_, table_->path(), kept, description,
                                                 ledger::Intent::kAppend, false, &known.sources));
      std::erase_if(overlaps, [&](const ledger::Overlap& overlap) {
        return seen_.contains(overlap.source.description.id);
      });
      ARROW_RETURN_NOT_OK(CheckOverlaps(description, overlaps));
      if (overlaps.empty()) return arrow::Status::OK();
      return Conflict(fmt::format("{}: {} was ingested meanwhile, which it overlaps with", description.name,
                                  overlaps.front().source.description.name));
    });
  }
  ARROW_ASSIGN_OR_RAISE(const table::AppendReport append, appender_->Commit());
  committed_ = true;
  // Without these notes a file of the call is still known by its bytes, and the table is opened again.
  BestEffort([&] {
    options_.call->Brought(description.digest);
    known.table = table_;
    if (!append.already_applied) known.sources.Brought(append.version, description.bytes);
  });
  report.version = append.version;
  report.files_written = static_cast<int64_t>(append.files.size());
  report.bytes_written = append.bytes;
  report.already_applied = append.already_applied;
  report.empty_as_null = append.empty_as_null;
  if (report.already_applied) report.replaced.clear();
  return report;
}

}  // namespace marquet::jobs
