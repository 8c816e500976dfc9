// A source's rows of one kind become part of a table like this:
//
//   1. They are written to data files.                      Crash: temporary files.
//   2. What the log and other sources' descriptions say     Crash: as above.
//      of the same symbols, dates and times is looked at;
//      an overlap is refused, or its source's files are
//      marked for removal.
//   3. The data files are synced, verified, and get         Crash: files that no version names.
//      their names.
//   4. The source's description is written, durable,        Crash: a description of a source that is not in
//      under _marquet/sources/.                             the table; the next attempt writes the same.
//   5. One commit adds the files, removes replaced ones,    Crash: committed, or not at all. Run again, the
//      and records the source's txn action; it also         txn action tells that nothing is left to do.
//      creates the table where there was none.
#include "marquet/pipeline/ingest_target.h"

#include <algorithm>
#include <set>

#include <arrow/compute/api.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/pipeline/source_overlap.h"

namespace marquet::pipeline {
namespace {

constexpr const char* kKindProperty = "marquet.kind";

arrow::Status CheckKind(const table::Table& table, const arrow::Schema& expected,
                        const TargetOptions& options) {
  const auto snapshot = table.snapshot();
  const auto kind = snapshot->metadata.configuration.find(kKindProperty);
  const std::string_view ours = dbn::KindName(options.kind);
  if (kind != snapshot->metadata.configuration.end() && kind->second != ours) {
    return SchemaError(
        fmt::format("{}: holds {} records; the source holds {} records", table.path(), kind->second, ours),
        "a table holds one kind of records: ingest into another table");
  }
  for (const auto& field : expected.fields()) {
    const auto there = snapshot->schema->GetFieldByName(field->name());
    if (there == nullptr) {
      return SchemaError(fmt::format("{}: has no column {}, which {} records have", table.path(),
                                     Quoted(field->name()), ours),
                         "ingest into another table");
    }
    if (!there->type()->Equals(field->type())) {
      return SchemaError(
          fmt::format("{}: column {} is of type {}; {} records need {}", table.path(), Quoted(field->name()),
                      there->type()->ToString(), ours, field->type()->ToString()),
          "ingest into another table");
    }
  }
  return arrow::Status::OK();
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

std::string OverlapMessage(const SourceDescription& source, const Overlap& overlap, size_t others) {
  return fmt::format(
      "{}: {} is already filled from {} to {} by {}{}", source.name, RangeName(overlap.where),
      FormatNanos(overlap.range.first_us * 1'000), FormatNanos(overlap.range.last_us * 1'000),
      overlap.source.name,
      others == 0 ? "" : fmt::format(" (and {} other {})", others, others == 1 ? "source" : "sources"));
}

}  // namespace

arrow::Result<std::unique_ptr<IngestTarget>> IngestTarget::Open(std::shared_ptr<file::FileSystem> fs,
                                                                std::shared_ptr<table::Table> existing,
                                                                TargetOptions options) {
  const auto schema = dbn::TableSchema(options.kind, options.with_ts_out);
  std::unique_ptr<IngestTarget> target(new IngestTarget(std::move(fs), std::move(options)));
  const TargetOptions& settings = target->options_;
  if (existing != nullptr) {
    ARROW_RETURN_NOT_OK(CheckKind(*existing, *schema, settings));
    target->partition_columns_ = existing->snapshot()->metadata.partition_columns;
    target->table_ = std::move(existing);
  } else {
    target->partition_columns_ = settings.partition_by;
    if (!settings.dry_run) {
      table::CreateOptions create;
      create.partition_by = settings.partition_by;
      create.configuration[kKindProperty] = std::string(dbn::KindName(settings.kind));
      ARROW_ASSIGN_OR_RAISE(target->table_,
                            table::Table::CreateWithFirstAppend(target->fs_, settings.path, *schema, create));
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

arrow::Status IngestTarget::Count(const dbn::Batch& batch) {
  rows_ += batch.rows->num_rows();
  if (!batch.group) return CountRows(*batch.rows);
  RangeKey key{batch.group->symbol, {}};
  if (batch.group->date) key.second = FormatDate(*batch.group->date);
  SourceRange& range = ranges_[key];
  range.rows += batch.rows->num_rows();
  const auto& ts = static_cast<const arrow::TimestampArray&>(*batch.rows->GetColumnByName("ts"));
  for (int64_t i = 0; i < ts.length(); ++i) {
    if (ts.IsNull(i)) continue;
    range.first_us = std::min(range.first_us, ts.Value(i));
    range.last_us = std::max(range.last_us, ts.Value(i));
  }
  symbols_[key.first] = true;
  return arrow::Status::OK();
}

arrow::Status IngestTarget::CountRows(const arrow::RecordBatch& rows) {
  const auto& ts = static_cast<const arrow::TimestampArray&>(*rows.GetColumnByName("ts"));
  const auto& date = static_cast<const arrow::Date32Array&>(*rows.GetColumnByName("date"));
  const auto& symbol = static_cast<const arrow::StringArray&>(*rows.GetColumnByName("symbol"));
  const auto symbol_at = [&](int64_t row) {
    return symbol.IsNull(row) ? std::optional<std::string_view>() : symbol.GetView(row);
  };
  const auto date_at = [&](int64_t row) {
    return date.IsNull(row) ? std::optional<int32_t>() : date.Value(row);
  };
  SourceRange* range = nullptr;
  std::optional<std::string_view> last_symbol;
  std::optional<int32_t> last_date;
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    if (range == nullptr || last_symbol != symbol_at(row) || last_date != date_at(row)) {
      last_symbol = symbol_at(row);
      last_date = date_at(row);
      RangeKey key{last_symbol ? std::optional<std::string>(*last_symbol) : std::nullopt,
                   last_date ? std::optional<std::string>(FormatDate(*last_date)) : std::nullopt};
      symbols_[key.first] = true;
      range = &ranges_[std::move(key)];
    }
    ++range->rows;
    if (ts.IsNull(row)) continue;
    range->first_us = std::min(range->first_us, ts.Value(row));
    range->last_us = std::max(range->last_us, ts.Value(row));
  }
  return arrow::Status::OK();
}

arrow::Status IngestTarget::Add(const dbn::Batch& batch) {
  ARROW_RETURN_NOT_OK(Count(batch));
  if (static_cast<int64_t>(symbols_.size()) > kMostSymbolPartitions && !sorted_ &&
      (table_ == nullptr || created_)) {
    too_many_symbols_ = true;
  }
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

arrow::Result<TargetReport> IngestTarget::Commit(SourceDescription description) {
  TargetReport report;
  description.kind = options_.kind;
  description.rows = rows_;
  description.ranges = ranges_;
  if (table_ == nullptr) return report;  // a dry run into nothing
  const auto snapshot = table_->snapshot();
  const std::string app_id = SourceAppId(description.digest);
  const delta::Transaction* stored = snapshot->transactions.Find(app_id);
  const int64_t before = stored == nullptr ? 0 : stored->version;
  const int64_t version = before % 2 == 0 ? before + 1 : before + 2;
  description.id = SourceId(description.digest, version);

  if (options_.on_overlap != OnOverlap::kAppendAnyway) {
    ARROW_ASSIGN_OR_RAISE(
        const auto overlaps,
        FindOverlaps(
            *fs_, table_->path(), *snapshot, ranges_, description.digest,
            options_.on_overlap == OnOverlap::kReplace ? SameBytes::kOverlap : SameBytes::kAreNoOverlap));
    if (!overlaps.empty() && options_.on_overlap == OnOverlap::kError) {
      return InvalidInput(
          OverlapMessage(description, overlaps.front(), overlaps.size() - 1),
          "pass --replace (on_overlap=\"replace\" in Python) to put this source in its place, or "
          "--append-anyway (on_overlap=\"append\") to keep both");
    }
    for (const Overlap& overlap : overlaps) {
      if (overlap.apart) continue;
      return Unsupported(
          fmt::format("{}: cannot take the place of {}, whose rows another engine has put into "
                      "files with other rows",
                      description.name, overlap.source.name),
          "pass --append-anyway (on_overlap=\"append\" in Python) to keep both, or ingest into another "
          "table");
    }
    std::set<std::string> withdrawn = {app_id};  // of these bytes, the record below says what became
    for (const Overlap& overlap : overlaps) {
      report.replaced.push_back(overlap.source.name);
      report.rows_replaced += overlap.source.rows;
      if (options_.dry_run) continue;
      for (const auto& file : overlap.files) appender_->Remove(file);
      const std::string replaced = SourceAppId(overlap.source.digest);
      const delta::Transaction* theirs = snapshot->transactions.Find(replaced);
      // The same bytes may have been ingested several times.
      if (theirs != nullptr && theirs->version % 2 == 1 && withdrawn.insert(replaced).second) {
        appender_->Record({replaced, theirs->version + 1, NowNanos() / 1'000'000});
      }
    }
  }
  if (options_.dry_run) return report;

  ARROW_RETURN_NOT_OK(WriteRun());
  ARROW_RETURN_NOT_OK(appender_->Finish());
  ARROW_RETURN_NOT_OK(WriteSourceDescription(fs_, table_->path(), description));
  appender_->Tag(kSourceTag, description.id);
  appender_->Record({app_id, version, NowNanos() / 1'000'000});
  ARROW_ASSIGN_OR_RAISE(const table::AppendReport append, appender_->Commit());
  committed_ = true;
  report.version = append.version;
  report.files_written = static_cast<int64_t>(append.files.size());
  report.bytes_written = append.bytes;
  report.already_applied = append.already_applied;
  return report;
}

}  // namespace marquet::pipeline
