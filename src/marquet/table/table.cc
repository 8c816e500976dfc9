#include "marquet/table/table.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "arrow/scalar.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/log.h"
#include "marquet/base/saturating.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/delta/schema.h"
#include "marquet/schema/field_names.h"
#include "marquet/table/appender.h"
#include "marquet/table/data_file_path.h"
#include "marquet/table/follow_up.h"
#include "marquet/table/latest_timestamp.h"
#include "marquet/table/partition_path.h"
#include "marquet/table/scan_internal.h"
#include "marquet/table/table_state.h"
#include "marquet/table/time_column.h"

namespace marquet::table {
namespace {

// What a table that is created with its first append makes before any data file: it tells the remains of an
// attempt that was interrupted, data files that no log names among them, from a directory that holds other
// things.
constexpr std::string_view kOwnDirectory = "_marquet";

// Names that a directory may hold and still become a table: those that data files' listings leave out.
bool IsHidden(std::string_view name) { return name.starts_with('.') || name.starts_with('_'); }

arrow::Status CheckPath(const std::string& path) {
  if (path.empty()) return InvalidInput("the name of the table is empty");
  if (path.find('\0') != std::string::npos) {
    return InvalidInput(fmt::format("{}: a table's name cannot hold a NUL", Quoted(path)));
  }
  return arrow::Status::OK();
}

// Of a path that is no table because it is a folder of tables, an error that names these.
arrow::Status WithTablesInside(file::FileSystem& fs, const std::string& path, const arrow::Status& status) {
  if (!IsKind(status, ErrorKind::kNotFound)) return status;
  const auto entries = fs.List(path);
  if (!entries.ok()) return status;
  std::vector<std::string> tables;
  for (const file::FileInfo& entry : *entries) {
    if (entry.path == "_delta_log") return status;  // it is a table, and lacks something else
    if (!entry.is_directory || IsHidden(entry.path)) continue;
    const std::string inside = file::JoinPath(path, entry.path);
    if (file::Exists(fs, file::JoinPath(inside, "_delta_log")).ValueOr(false)) tables.push_back(inside);
  }
  if (tables.empty()) return status;
  std::sort(tables.begin(), tables.end());
  return NotFound(fmt::format("{}: not a table, but a folder of tables", path),
                  fmt::format("name one of them: {}", fmt::join(tables, ", ")));
}

// Delta tells names apart without regard to case.
arrow::Status CheckColumns(const std::string& path, const arrow::Schema& schema) {
  return WithContext(schema::CheckFieldNames(schema.fields()), path);
}

// Below a table's own directory what may lie there before its first commit; what only comes with or after
// one, and what others than tables put there, is not among it.
constexpr std::array<std::string_view, 5> kBeforeFirstCommit = {"follow-ups", "labels", "labels/digests",
                                                                "sources", "sources/attempts"};
// Of these, directories that hold no files of their own yet.
constexpr std::array<std::string_view, 2> kWithoutFiles = {"", "labels"};

// The first thing in a table's own directory that an interrupted creation does not leave; nothing where there
// is none. `inside`: a directory in it, or "" for itself.
arrow::Result<std::string> ForeignIn(file::FileSystem& fs, const std::string& own,
                                     const std::string& inside) {
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(file::JoinPath(own, inside)));
  for (const file::FileInfo& entry : entries) {
    if (IsHidden(entry.path)) continue;
    const std::string name = inside.empty() ? entry.path : file::JoinPath(inside, entry.path);
    const auto& known = kBeforeFirstCommit;
    const bool expected = entry.is_directory ? std::find(known.begin(), known.end(), name) != known.end()
                                             : std::find(kWithoutFiles.begin(), kWithoutFiles.end(),
                                                         inside) == kWithoutFiles.end();
    if (!expected) return file::JoinPath(kOwnDirectory, name);
    if (!entry.is_directory) continue;
    ARROW_ASSIGN_OR_RAISE(std::string foreign, ForeignIn(fs, own, name));
    if (!foreign.empty()) return foreign;
  }
  return std::string();
}

// Data files that no log names yet, and the directories of partitions.
bool IsOfAppend(const file::FileInfo& entry) {
  if (entry.is_directory) return entry.path.find('=') != std::string::npos;
  return entry.path.starts_with("part-") && entry.path.ends_with(".parquet");
}

// Below this age what lies there may be of creations that are under way, several at once.
constexpr int64_t kLongAgoMs = int64_t{3'600} * 1'000;

// A creation that was interrupted leaves the description of one source. A table whose log is gone has one for
// each: a new table in its place would be without their rows, and in the way of the log when it is put back.
arrow::Status CheckRemains(file::FileSystem& fs, const std::string& path) {
  const auto entries = fs.List(file::JoinPath(path, file::JoinPath(kOwnDirectory, "sources")));
  if (!entries.ok())
    return IsKind(entries.status(), ErrorKind::kNotFound) ? arrow::Status::OK() : entries.status();
  int64_t descriptions = 0, newest_ms = 0;
  for (const file::FileInfo& entry : *entries) {
    if (entry.is_directory || IsHidden(entry.path)) continue;
    ++descriptions;
    newest_ms = std::max(newest_ms, entry.modified_ms);
  }
  if (descriptions == 0 || NowNanos() / 1'000'000 - newest_ms < kLongAgoMs) return arrow::Status::OK();
  const std::string found = descriptions == 1
                                ? fmt::format("{}: holds the description of a source and no log", path)
                                : fmt::format("{}: holds the descriptions of {} sources and no log", path,
                                              WithCommas(descriptions));
  constexpr const char* kPutBack = "Where this was a table, its _delta_log is gone: put that back";
  if (descriptions > 1) {
    return InvalidInput(found + "; an interrupted creation leaves one",
                        fmt::format("{}. Else choose an empty or a new directory.", kPutBack));
  }
  Log().warn("{}, as an interrupted creation leaves it: a new table is made there. {} instead", found,
             kPutBack);
  return arrow::Status::OK();
}

arrow::Status CheckTarget(file::FileSystem& fs, const std::string& path) {
  const auto info = fs.Stat(path);
  if (!info.ok()) return IsKind(info.status(), ErrorKind::kNotFound) ? arrow::Status::OK() : info.status();
  if (!info->is_directory) {
    return InvalidInput(fmt::format("{}: is a file; a table is a directory", path));
  }
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(path));
  const bool interrupted = std::any_of(entries.begin(), entries.end(), [](const file::FileInfo& entry) {
    return entry.path == kOwnDirectory && entry.is_directory;
  });
  std::string foreign;
  if (interrupted) {
    ARROW_ASSIGN_OR_RAISE(foreign, ForeignIn(fs, file::JoinPath(path, kOwnDirectory), ""));
  }
  for (const file::FileInfo& entry : entries) {
    if (!foreign.empty()) break;
    if (!IsHidden(entry.path) && !(interrupted && IsOfAppend(entry))) foreign = entry.path;
  }
  if (foreign.empty()) return interrupted ? CheckRemains(fs, path) : arrow::Status::OK();
  return InvalidInput(
      fmt::format("{}: holds other things ({}) and no table", path, Quoted(foreign)),
      interrupted ? "Choose an empty or a new directory. Where this was a table, its _delta_log is gone: put "
                    "that back."
                  : "Choose an empty or a new directory.");
}

arrow::Status CheckPartitions(const std::string& path, const arrow::Schema& schema,
                              const std::vector<std::string>& partition_by) {
  for (size_t i = 0; i < partition_by.size(); ++i) {
    const std::string& name = partition_by[i];
    const auto field = schema.GetFieldByName(name);
    if (field == nullptr) {
      return InvalidInput(fmt::format("{}: cannot partition by {}: no such column", path, Quoted(name)),
                          DidYouMean(name, schema.field_names()));
    }
    if (arrow::is_nested(field->type()->id()) || arrow::is_binary(field->type()->id())) {
      return InvalidInput(fmt::format("{}: cannot partition by {} of type {}", path, Quoted(name),
                                      field->type()->ToString()));
    }
    ARROW_RETURN_NOT_OK(WithContext(CheckPartitionName(name), path));
    if (std::find(partition_by.begin(), partition_by.begin() + static_cast<int64_t>(i), name) !=
        partition_by.begin() + static_cast<int64_t>(i)) {
      return InvalidInput(fmt::format("{}: partition column {} is named twice", path, Quoted(name)));
    }
  }
  if (static_cast<int>(partition_by.size()) >= schema.num_fields()) {
    return InvalidInput(fmt::format("{}: {} of {} columns are partition columns; at least one must hold data",
                                    path, partition_by.size(), schema.num_fields()));
  }
  return arrow::Status::OK();
}

// The state of a table that is not there yet, once it was found that it can be made.
arrow::Result<std::shared_ptr<TableState>> StateOfNewTable(std::shared_ptr<file::FileSystem> fs,
                                                           std::string path, const arrow::Schema& schema,
                                                           const CreateOptions& options) {
  ARROW_RETURN_NOT_OK(CheckPath(path));
  ARROW_RETURN_NOT_OK(WithContext(CheckColumns(path, schema), "create"));
  ARROW_RETURN_NOT_OK(WithContext(CheckPartitions(path, schema, options.partition_by), "create"));
  auto state = std::make_shared<TableState>(std::move(fs), std::move(path));
  const auto there = state->log.Latest();
  if (there.ok()) {
    return AlreadyExists(
        fmt::format("{}: there is a table already, at version {}", state->path, (*there)->version));
  }
  if (!IsKind(there.status(), ErrorKind::kNotFound)) return there.status();
  ARROW_RETURN_NOT_OK(CheckTarget(*state->fs, state->path));
  return state;
}

// A table can be read as well when this cannot be done, as on a read-only disk.
void TryFollowUps(const TableState& state, const delta::Snapshot& newest) {
  BestEffort([&] {
    const arrow::Status status = FinishFollowUps(state.fs, state.path, newest);
    const int error = ErrnoOf(status);
    const bool refused = error == EROFS || error == EACCES || error == EPERM;
    if (!status.ok()) {
      Log().log(refused ? spdlog::level::debug : spdlog::level::warn,
                "{}: what was to follow a commit could not be finished: {}", state.path, status.message());
    }
    return status;
  });
}

// Out of the log, else of the file's footer; nothing where that cannot be read.
std::optional<int64_t> RowsOf(TableState& state, const IndexedFile& file, const arrow::Schema& data_schema) {
  if (const auto rows = file.statistics(data_schema).rows) return rows;
  const auto path = DataFilePath(state.path, file.add().path);
  if (!path.ok()) return std::nullopt;
  const auto reader = state.readers.Open(*path, file.add().size);
  return reader.ok() ? std::optional((*reader)->rows()) : std::nullopt;
}

arrow::Result<delta::Metadata> MetadataOf(const arrow::Schema& schema, CreateOptions options) {
  delta::Metadata metadata;
  metadata.id = RandomUuid();
  metadata.name = std::move(options.name);
  metadata.description = std::move(options.description);
  ARROW_ASSIGN_OR_RAISE(metadata.schema_string, delta::SchemaToJson(schema));
  metadata.partition_columns = std::move(options.partition_by);
  metadata.configuration = std::move(options.configuration);
  metadata.created_time_ms = NowNanos() / 1'000'000;
  return metadata;
}

}  // namespace

Table::Table(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Table::~Table() = default;

arrow::Result<std::shared_ptr<Table>> Table::Create(std::shared_ptr<file::FileSystem> fs, std::string path,
                                                    const arrow::Schema& schema, CreateOptions options) {
  ARROW_ASSIGN_OR_RAISE(auto state, StateOfNewTable(std::move(fs), std::move(path), schema, options));
  ARROW_ASSIGN_OR_RAISE(delta::Metadata metadata, MetadataOf(schema, std::move(options)));
  delta::CommitRequest request;
  request.info.operation = "CREATE TABLE";
  request.actions = {delta::Protocol{}, std::move(metadata)};
  request.blind_append = false;
  auto committed = state->log.Commit(std::move(request));
  if (IsKind(committed.status(), ErrorKind::kConflict)) {
    return AsKind(committed.status(), ErrorKind::kAlreadyExists);
  }
  ARROW_RETURN_NOT_OK(committed.status());
  state->Advance(committed->snapshot);
  auto impl = std::make_unique<Impl>();
  impl->state = std::move(state);
  return std::shared_ptr<Table>(new Table(std::move(impl)));
}

arrow::Result<std::shared_ptr<Table>> Table::CreateWithFirstAppend(std::shared_ptr<file::FileSystem> fs,
                                                                   std::string path,
                                                                   const arrow::Schema& schema,
                                                                   CreateOptions options) {
  ARROW_ASSIGN_OR_RAISE(auto state, StateOfNewTable(std::move(fs), std::move(path), schema, options));
  auto snapshot = std::make_shared<delta::Snapshot>();
  ARROW_ASSIGN_OR_RAISE(snapshot->metadata, MetadataOf(schema, std::move(options)));
  // As the log will give it back.
  ARROW_ASSIGN_OR_RAISE(snapshot->schema, delta::SchemaFromJson(snapshot->metadata.schema_string));
  ARROW_RETURN_NOT_OK(file::CreateDirectories(*state->fs, file::JoinPath(state->path, kOwnDirectory)));
  state->Advance(std::move(snapshot));
  auto impl = std::make_unique<Impl>();
  impl->state = std::move(state);
  return std::shared_ptr<Table>(new Table(std::move(impl)));
}

arrow::Status Table::CheckCreate(std::shared_ptr<file::FileSystem> fs, std::string path,
                                 const arrow::Schema& schema, const CreateOptions& options) {
  return StateOfNewTable(std::move(fs), std::move(path), schema, options).status();
}

arrow::Result<std::shared_ptr<Table>> Table::Open(std::shared_ptr<file::FileSystem> fs, std::string path,
                                                  std::optional<int64_t> version,
                                                  std::optional<int64_t> as_of_ns) {
  if (version && as_of_ns) {
    return InvalidInput(fmt::format("{}: asked for a version and for a time; one of them decides", path));
  }
  ARROW_RETURN_NOT_OK(CheckPath(path));
  const auto there = fs->Stat(path);
  if (!there.ok() && !IsKind(there.status(), ErrorKind::kNotFound)) return there.status();
  if (there.ok() && !there->is_directory) {
    return InvalidInput(path + ": is a file; a table is a directory",
                        "ingest the file into a table, and name that");
  }
  auto state = std::make_shared<TableState>(std::move(fs), std::move(path));
  auto snapshot = version    ? state->log.AtVersion(*version)
                  : as_of_ns ? state->log.AtTime(FloorDiv(*as_of_ns, 1'000'000))
                             : state->log.Latest();
  if (!snapshot.ok()) return WithTablesInside(*state->fs, state->path, snapshot.status());
  if (!version && !as_of_ns) TryFollowUps(*state, **snapshot);
  state->Advance(*std::move(snapshot));
  auto impl = std::make_unique<Impl>();
  impl->state = std::move(state);
  return std::shared_ptr<Table>(new Table(std::move(impl)));
}

const std::string& Table::path() const { return impl_->state->path; }
const std::shared_ptr<file::FileSystem>& Table::fs() const { return impl_->state->fs; }
delta::Log& Table::log() { return impl_->state->log; }
std::shared_ptr<const delta::Snapshot> Table::snapshot() const { return impl_->state->snapshot(); }
int64_t Table::version() const { return snapshot()->version; }
std::shared_ptr<arrow::Schema> Table::schema() const { return snapshot()->schema; }

arrow::Status Table::Refresh() {
  if (version() < 0) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto snapshot, impl_->state->log.Latest());
  impl_->state->Advance(std::move(snapshot));
  return arrow::Status::OK();
}

arrow::Result<std::unique_ptr<Appender>> Table::NewAppender(AppendOptions options) {
  return MakeAppender(impl_->state, std::move(options));
}

arrow::Result<AppendReport> Table::Append(arrow::RecordBatchReader& rows, AppendOptions options) {
  return Caught(path(), [&]() -> arrow::Result<AppendReport> {
    ARROW_ASSIGN_OR_RAISE(const auto appender, NewAppender(std::move(options)));
    while (true) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(rows.ReadNext(&batch));
      if (batch == nullptr) return appender->Commit();
      ARROW_RETURN_NOT_OK(appender->Write(*batch));
    }
  });
}

arrow::Result<Scan> Table::NewScan(ScanOptions options) const {
  auto impl = std::make_shared<Scan::Impl>();
  ARROW_ASSIGN_OR_RAISE(impl->spec, BindScan(impl_->state, std::move(options)));
  return Scan(std::move(impl));
}

TableInfo Table::Info() const {
  const auto snapshot = impl_->state->snapshot();
  TableInfo info;
  info.path = impl_->state->path;
  info.version = snapshot->version;
  info.timestamp_ms = snapshot->timestamp_ms;
  info.id = snapshot->metadata.id;
  info.name = snapshot->metadata.name;
  info.description = snapshot->metadata.description;
  info.partition_columns = snapshot->metadata.partition_columns;
  info.schema = snapshot->schema;
  std::map<delta::PartitionValues, PartitionInfo> partitions;
  const auto index = impl_->state->index();
  for (const auto& add : snapshot->files) {
    ++info.files;
    info.bytes = SaturatingSum(info.bytes, add->size);
    PartitionInfo& partition = partitions[add->partition_values];
    ++partition.files;
    partition.bytes = SaturatingSum(partition.bytes, add->size);
  }
  if (index.ok()) {
    for (const IndexedFile& file : (*index)->files()) {
      const auto rows = RowsOf(*impl_->state, file, *(*index)->data_schema());
      PartitionInfo& partition = partitions[file.add().partition_values];
      if (!rows) info.rows = partition.rows = -1;
      if (info.rows >= 0) info.rows += *rows;
      if (partition.rows >= 0) partition.rows += *rows;
    }
  } else {
    info.rows = -1;
  }
  if (!info.partition_columns.empty()) {
    for (auto& [values, partition] : partitions) {
      partition.values = values;
      info.partitions.push_back(std::move(partition));
    }
  }
  info.latest_timestamp_ns = LatestTimestamp().ValueOr(std::nullopt);
  return info;
}

arrow::Result<std::vector<delta::CommitEntry>> Table::History(std::optional<int64_t> limit) {
  return impl_->state->log.History(limit);
}

arrow::Result<std::optional<__int128>> Table::LatestTimestamp(const std::string& column) const {
  const auto snapshot = impl_->state->snapshot();
  const std::string name = column.empty() ? TimeColumnOf(*snapshot->schema) : column;
  if (name.empty()) return std::optional<__int128>();
  ARROW_ASSIGN_OR_RAISE(const auto index, impl_->state->index());
  return LatestOf(*impl_->state, *index, name);
}

}  // namespace marquet::table
