// An append, step by step:
//
//   1. Rows are split by partition and written to data files under   Crash: temporary files, which no reader
//      temporary names.                                              looks at and vacuum removes.
//   2. Each file is synced, verified, and gets its name; its         Crash: whole data files that no version
//      directory is synced.                                          names. Readers do not see them.
//   3. One commit names them all in the log.                         Crash: committed, or not at all.
//
// An error in 1 or 2, or a commit that was refused, removes the data files again. When it could not be learnt
// whether the commit happened, they stay: they may be part of the table. So they are let go before 3 begins,
// and taken back only by the log's word that no version names them: what is thrown from 3 on removes nothing.
#include "marquet/table/appender.h"

#include <fmt/format.h>

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/home_process.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/delta/commit_json.h"
#include "marquet/delta/json_text.h"
#include "marquet/delta/schema.h"
#include "marquet/delta/statistics.h"
#include "marquet/file/durable_file.h"
#include "marquet/schema/coercion.h"
#include "marquet/schema/decoded_rows.h"
#include "marquet/table/batch_bytes_internal.h"
#include "marquet/table/partition_path.h"
#include "marquet/table/partition_split.h"
#include "marquet/table/partition_writer.h"
#include "spdlog/logger.h"

namespace marquet::table {
namespace {

constexpr int kOverwriteAttempts = 20;

std::string JsonText(const std::vector<std::string>& names) {
  std::string text = "[";
  for (const std::string& name : names) {
    if (text.size() > 1) text += ",";
    delta::AppendJsonString(name, &text);
  }
  return text + "]";
}

class TableAppender final : public Appender {
 public:
  TableAppender(std::shared_ptr<TableState> table, std::shared_ptr<const delta::Snapshot> snapshot,
                AppendOptions options)
      : table_(std::move(table)),
        snapshot_(std::move(snapshot)),
        options_(std::move(options)),
        splitter_(snapshot_->schema, snapshot_->metadata.partition_columns),
        writer_(table_, splitter_.data_schema(), options_.file, options_.max_rows_per_file, options_.threads,
                options_.on_file) {
    if (options_.transaction) RecordOnce(*options_.transaction);
  }

  arrow::Status Write(const arrow::RecordBatch& batch) override {
    return Remembered([&] { return WriteRows(batch); });
  }

  arrow::Status WritePartition(const delta::PartitionValues& partition,
                               const arrow::RecordBatch& batch) override {
    return Remembered([&] { return WriteRows(partition, batch); });
  }

  void Remove(const std::shared_ptr<const delta::AddFile>& file) override { removed_.push_back(file); }

  arrow::Status Keep(const std::shared_ptr<const delta::AddFile>& file, int part,
                     const arrow::RecordBatch& rows) override {
    return Remembered([&] { return KeepRows(file, part, rows); });
  }

  arrow::Status Finish() override {
    return Remembered([&]() -> arrow::Status {
      ARROW_RETURN_NOT_OK(CheckOpen());
      if (already_applied_ || written_) return arrow::Status::OK();
      ARROW_ASSIGN_OR_RAISE(written_, writer_.Finish());
      return arrow::Status::OK();
    });
  }

  void RecordOnce(delta::Transaction transaction) override {
    const auto* stored = snapshot_->transactions.Find(transaction.app_id);
    if (stored != nullptr && stored->version >= transaction.version) already_applied_ = true;
    own_app_id_ = transaction.app_id;
    transactions_.push_back(std::move(transaction));
  }

  void Record(delta::Transaction transaction) override { transactions_.push_back(std::move(transaction)); }

  void FollowOnlyIf(std::function<arrow::Status(const delta::Snapshot&)> may_follow) override {
    may_follow_ = std::move(may_follow);
  }

  void Tag(const std::string& name, const std::string& value) override { tags_[name] = value; }
  void Note(const std::string& name, const std::string& value) override { notes_[name] = value; }

  arrow::Result<AppendReport> Commit() override {
    ARROW_RETURN_NOT_OK(CheckOpen());
    finished_ = true;
    auto report = CommitWithoutThrowing();
    if (report.ok()) BestEffort([&] { return TellOfEmptyTexts(*report); });
    if (let_go_) return report;
    if (!report.ok()) report = file::NotYetCommitted(report.status());
    // The first error is the one that matters; what could not be removed stays unseen.
    const arrow::Status aborted = Caught(table_->path, [&] { return writer_.Abort(); });
    // The rows are there, whatever becomes of the files that were written to say it again.
    if (report.ok() && !aborted.ok()) BestEffort([&] { return TellOfLeftFiles(aborted); });
    return report;
  }

  arrow::Status Abort() override {
    finished_ = true;
    return Caught(table_->path, [&] { return writer_.Abort(); });
  }

 private:
  arrow::Status CheckOpen() const {
    ARROW_RETURN_NOT_OK(thrown_);
    ARROW_RETURN_NOT_OK(home_.Check(table_->path, "Append in each process anew."));
    if (finished_) return InvalidInput(fmt::format("{}: the append has ended", table_->path));
    return options_.stop == nullptr ? arrow::Status::OK() : options_.stop->Check();
  }

  // What is thrown may leave rows behind that are queued in part: nothing may be committed after it.
  template <typename Body>
  arrow::Status Remembered(Body&& body) {
    try {
      return std::forward<Body>(body)();
    } catch (...) {
      finished_ = true;  // also where there is no memory for the words
      return thrown_ = StatusOfException(table_->path);
    }
  }

  arrow::Status WriteRows(const arrow::RecordBatch& batch) {
    ARROW_RETURN_NOT_OK(CheckOpen());
    if (written_) return InvalidInput(fmt::format("{}: the append was finished", table_->path));
    if (already_applied_ || batch.num_rows() == 0) return arrow::Status::OK();
    if (!coercion_ || coercion_->from() != batch.schema()) {
      ARROW_ASSIGN_OR_RAISE(coercion_, schema::Coercion::Make(batch.schema(), snapshot_->schema));
    }
    const int64_t at_once = schema::RowsWithinMemory(batch, batch.num_rows());
    for (int64_t begin = 0; begin < batch.num_rows(); begin += at_once) {
      const bool whole = at_once == batch.num_rows();
      const arrow::Status written = WriteFitting(whole ? batch : *batch.Slice(begin, at_once));
      if (written.ok()) continue;
      if (begin == 0) return written;
      finished_ = true;  // a part of the batch is queued, and no part of one is committed
      return thrown_ = written;
    }
    return arrow::Status::OK();
  }

  // Rows of the schema of `coercion_`.
  arrow::Status WriteFitting(const arrow::RecordBatch& rows) {
    ARROW_ASSIGN_OR_RAISE(const auto fitted,
                          coercion_->Apply(rows, options_.file.verify == pq::VerifyLevel::kFull));
    ARROW_ASSIGN_OR_RAISE(const auto slices, splitter_.Split(*fitted));
    // Slices of one batch hold it together, however few of its rows a partition has.
    ARROW_ASSIGN_OR_RAISE(const auto memory, MemoryOf(*fitted));
    for (const PartitionSplitter::Slice& slice : slices) {
      ARROW_RETURN_NOT_OK(Queue(slice.partition, slice.rows, memory));
    }
    splitter_.CountEmptyTexts(*fitted, &empty_as_null_);
    return arrow::Status::OK();
  }

  arrow::Status WriteRows(const delta::PartitionValues& partition, const arrow::RecordBatch& batch) {
    ARROW_RETURN_NOT_OK(CheckOpen());
    if (written_) return InvalidInput(fmt::format("{}: the append was finished", table_->path));
    if (already_applied_ || batch.num_rows() == 0) return arrow::Status::OK();
    delta::PartitionValues values;
    std::vector<std::string> empty;
    for (const std::string& column : snapshot_->metadata.partition_columns) {
      const auto found = partition.find(column);
      if (found == partition.end()) {
        return InvalidInput(
            fmt::format("{}: no value for partition column {}", table_->path, Quoted(column)));
      }
      const bool is_empty = found->second && found->second->empty();
      if (is_empty && snapshot_->schema->GetFieldByName(column)->type()->id() == arrow::Type::STRING) {
        empty.push_back(column);
      }
      values.emplace(column, is_empty ? std::nullopt : found->second);
    }
    if (!splitter_.Knows(values)) ARROW_RETURN_NOT_OK(CheckSpelling(values));
    if (!batch.schema()->Equals(*splitter_.data_schema(), /*check_metadata=*/false)) {
      return SchemaError(fmt::format("{}: the rows of one partition must have the schema\n{}\nand have\n{}",
                                     table_->path, splitter_.data_schema()->ToString(),
                                     batch.schema()->ToString()));
    }
    const auto rows = arrow::RecordBatch::Make(splitter_.data_schema(), batch.num_rows(), batch.columns());
    ARROW_ASSIGN_OR_RAISE(auto memory, MemoryOf(*rows));
    ARROW_RETURN_NOT_OK(Queue(splitter_.NumberOf(values), rows, std::move(memory)));
    for (const std::string& column : empty) empty_as_null_[column] += rows->num_rows();
    return arrow::Status::OK();
  }

  arrow::Status KeepRows(const std::shared_ptr<const delta::AddFile>& file, int part,
                         const arrow::RecordBatch& rows) {
    ARROW_RETURN_NOT_OK(CheckOpen());
    if (written_) return InvalidInput(fmt::format("{}: the append was finished", table_->path));
    if (already_applied_ || rows.num_rows() == 0) return arrow::Status::OK();
    const auto [kept, is_new] = kept_parts_.try_emplace({file->path, part});
    if (is_new) {
      kept->second = splitter_.NewNumber(file->partition_values);
      kept_.emplace(kept->second, file);
    }
    ARROW_ASSIGN_OR_RAISE(const auto coercion,
                          schema::Coercion::Make(rows.schema(), splitter_.data_schema()));
    ARROW_ASSIGN_OR_RAISE(auto fitted, coercion.Apply(rows));
    ARROW_ASSIGN_OR_RAISE(auto memory, MemoryOf(*fitted));
    return Queue(kept->second, std::move(fitted), std::move(memory));
  }

  arrow::Result<AppendReport> CommitWithoutThrowing() {
    try {
      return TryCommit();
    } catch (...) {
      const arrow::Status thrown = StatusOfException(table_->path);
      if (!let_go_) return thrown;
      return CommitUnknown(
          thrown, fmt::format("{}: whether the append was committed could not be learnt", thrown.message()),
          "Look in the history before repeating it.");
    }
  }

  // The log's commit. From its beginning until the log says that no version names them, the data files are
  // let go: nothing that is thrown removes them.
  arrow::Result<delta::CommitResult> CommitToLog(delta::CommitRequest request) {
    let_go_ = true;
    writer_.Release();
    auto result = table_->log.Commit(std::move(request));
    const bool named =
        result.ok() ? !result->already_applied : IsKind(result.status(), ErrorKind::kCommitUnknown);
    if (named) return result;
    let_go_ = false;
    writer_.TakeBack();
    return result;
  }

  arrow::Status TellOfEmptyTexts(const AppendReport& report) const {
    std::vector<std::string> columns;
    for (const auto& [column, rows] : report.empty_as_null) {
      columns.push_back(fmt::format("{} ({})", Quoted(column), Counted(rows, "row")));
    }
    if (!columns.empty()) {
      Log().warn("{}: the empty string became null in partition column {}; the log spells both alike",
                 table_->path, fmt::join(columns, ", "));
    }
    return arrow::Status::OK();
  }

  arrow::Status TellOfLeftFiles(const arrow::Status& why) const {
    Log().warn("{}: data files that are not part of the table were left: {}", table_->path, why.message());
    return arrow::Status::OK();
  }

  // That the log's readers will understand these partition values.
  arrow::Status CheckSpelling(const delta::PartitionValues& values) const {
    for (const auto& [column, text] : values) {
      const auto field = snapshot_->schema->GetFieldByName(column);
      if (!text) {
        if (field->nullable()) continue;
        return InvalidInput(
            fmt::format("column {}: takes no nulls, and the partition's value is null", Quoted(column)));
      }
      auto value = delta::PartitionValueFromText(*text, field->type());
      auto status = value.ok() ? delta::NewPartitionValueToText(**value).status() : value.status();
      if (status.ok()) status = CheckPartitionLength(column, *text);
      if (!status.ok()) {
        return WithContext(AsKind(std::move(status), ErrorKind::kInvalidInput), "column " + Quoted(column));
      }
    }
    return arrow::Status::OK();
  }

  static arrow::Result<std::shared_ptr<PartitionWriter::SharedMemory>> MemoryOf(
      const arrow::RecordBatch& rows) {
    ARROW_ASSIGN_OR_RAISE(const int64_t bytes, BytesOf(rows));
    return std::make_shared<PartitionWriter::SharedMemory>(
        PartitionWriter::SharedMemory{.bytes = bytes, .rows = rows.num_rows()});
  }

  arrow::Status Queue(size_t partition, std::shared_ptr<arrow::RecordBatch> rows,
                      std::shared_ptr<PartitionWriter::SharedMemory> memory) {
    return writer_.Write(
        partition,
        [&] {
          return PartitionDirectory(snapshot_->metadata.partition_columns, splitter_.values(partition));
        },
        std::move(rows), std::move(memory));
  }

  arrow::Result<AppendReport> TryCommit() {
    AppendReport report;
    report.version = snapshot_->version;
    if (already_applied_) {
      // Whoever committed it may have been killed before syncing the log; saying that it is there makes it
      // so.
      ARROW_RETURN_NOT_OK(table_->fs->SyncDirectory(file::JoinPath(table_->path, "_delta_log")));
      report.already_applied = true;
      return report;
    }
    if (!written_) {
      ARROW_ASSIGN_OR_RAISE(written_, writer_.Finish());
    }
    if (options_.stop != nullptr) ARROW_RETURN_NOT_OK(options_.stop->Check());
    delta::CommitRequest request;
    const int64_t now_ms = NowNanos() / 1'000'000;
    for (const PartitionWriter::Written& file : *written_) {
      delta::AddFile add;
      add.path = file.relative_path;
      add.partition_values = splitter_.values(file.partition);
      add.size = file.file.bytes;
      add.modification_time_ms = now_ms;
      add.stats = delta::StatisticsToJson(file.file.rows, file.file.columns);
      const auto kept = kept_.find(file.partition);
      add.tags = kept == kept_.end() ? tags_ : kept->second->tags;
      add.tags.insert_or_assign(delta::kDigestTag, file.file.digest);
      request.actions.emplace_back(std::move(add));
      if (kept == kept_.end()) report.rows += file.file.rows;
      report.bytes += file.file.bytes;
      report.files.push_back(file.file);
    }
    for (const delta::Transaction& transaction : transactions_) request.actions.emplace_back(transaction);
    const bool overwrite = options_.mode == AppendMode::kOverwrite;
    if (request.actions.empty() && removed_.empty() && !overwrite) return report;  // nothing to commit

    report.empty_as_null = empty_as_null_;
    request.info.operation = options_.operation;
    request.info.operation_parameters["mode"] = overwrite ? "\"Overwrite\"" : "\"Append\"";
    if (!snapshot_->metadata.partition_columns.empty()) {
      request.info.operation_parameters["partitionBy"] = JsonText(snapshot_->metadata.partition_columns);
    }
    request.info.extra.insert(options_.commit_metadata.begin(), options_.commit_metadata.end());
    request.info.extra.insert(notes_.begin(), notes_.end());
    for (const auto& file : removed_) request.actions.emplace_back(RemovalOf(*file, now_ms));
    return CommitActions(std::move(request), std::move(report), now_ms);
  }

  static delta::RemoveFile RemovalOf(const delta::AddFile& file, int64_t now_ms) {
    delta::RemoveFile remove;
    remove.path = file.path;
    remove.deletion_time_ms = now_ms;
    remove.extended_file_metadata = true;
    remove.partition_values = file.partition_values;
    remove.size = file.size;
    return remove;
  }

  arrow::Result<AppendReport> CommitActions(delta::CommitRequest request, AppendReport report,
                                            int64_t now_ms) {
    const bool overwrite = options_.mode == AppendMode::kOverwrite;
    request.read_version = snapshot_->version;
    request.blind_append = removed_.empty() && !overwrite && options_.mode != AppendMode::kErrorIfExists;
    request.info.is_blind_append = request.blind_append;
    request.own_app_id = own_app_id_;
    request.may_follow = may_follow_;
    if (snapshot_->version < 0) return CommitFirst(std::move(request), std::move(report));
    for (int attempt = 1;; ++attempt) {
      delta::CommitRequest attempted = request;
      if (overwrite) {
        std::shared_ptr<const delta::Snapshot> latest = snapshot_;
        if (attempt > 1) {
          ARROW_ASSIGN_OR_RAISE(latest, table_->log.Latest());
          ARROW_RETURN_NOT_OK(CheckRecorded(*latest));
          if (may_follow_) ARROW_RETURN_NOT_OK(may_follow_(*latest));
        }
        // Whoever comes in between has rows to be taken away, too: it looks again, and asks there.
        if (may_follow_)
          attempted.may_follow = [](const delta::Snapshot& newest) { return Overtaken(newest); };
        attempted.read_version = latest->version;
        for (const auto& file : latest->files) attempted.actions.emplace_back(RemovalOf(*file, now_ms));
      }
      auto result = CommitToLog(std::move(attempted));
      // An overwrite takes away whatever is there, so one that lost the race looks again.
      if (overwrite && IsKind(result.status(), ErrorKind::kConflict) && attempt < kOverwriteAttempts)
        continue;
      if (!result.ok()) return WithContext(result.status(), table_->path);
      if (result->snapshot != nullptr) table_->Advance(result->snapshot);
      report.version = result->version;
      if (result->already_applied) {
        AppendReport nothing;
        nothing.version = result->version;
        nothing.already_applied = true;
        return nothing;
      }
      return report;
    }
  }

  static arrow::Status Overtaken(const delta::Snapshot& newest) {
    return Conflict(fmt::format("version {} was committed meanwhile", newest.version),
                    "Read the table again and repeat the change.");
  }

  // An overwrite that looks again takes away rows that it did not know, but what was recorded for another
  // application must be as it was when the append began.
  arrow::Status CheckRecorded(const delta::Snapshot& latest) const {
    for (const delta::Transaction& transaction : transactions_) {
      if (transaction.app_id == own_app_id_) continue;
      const auto* before = snapshot_->transactions.Find(transaction.app_id);
      const auto* now = latest.transactions.Find(transaction.app_id);
      if (now == nullptr || (before != nullptr && before->version == now->version)) continue;
      return Conflict(
          fmt::format("{}: application {} committed meanwhile", table_->path, Quoted(transaction.app_id)),
          "Read the table again and repeat the change.");
    }
    return arrow::Status::OK();
  }

  // The commit that creates the table. A writer that created the same table first is joined, but only by what
  // means to add to its rows.
  arrow::Result<AppendReport> CommitFirst(delta::CommitRequest request, AppendReport report) {
    delta::CommitRequest creating = request;
    creating.blind_append = false;
    creating.actions.insert(creating.actions.begin(), {snapshot_->protocol, snapshot_->metadata});
    auto result = CommitToLog(std::move(creating));
    if (IsKind(result.status(), ErrorKind::kConflict) && options_.mode == AppendMode::kAppend) {
      ARROW_ASSIGN_OR_RAISE(const auto latest, table_->log.Latest());
      if (latest->metadata.schema_string != snapshot_->metadata.schema_string ||
          latest->metadata.partition_columns != snapshot_->metadata.partition_columns) {
        return Conflict(
            fmt::format("{}: a table with other columns or partitions was created meanwhile", table_->path),
            "Append to that table, or choose another.");
      }
      if (may_follow_) ARROW_RETURN_NOT_OK(may_follow_(*latest));
      request.read_version = latest->version;
      result = CommitToLog(std::move(request));
    }
    if (!result.ok()) return WithContext(result.status(), table_->path);
    if (result->snapshot != nullptr) table_->Advance(result->snapshot);
    if (result->already_applied) report = AppendReport{};
    report.already_applied = result->already_applied;
    report.version = result->version;
    return report;
  }

  const std::shared_ptr<TableState> table_;
  const std::shared_ptr<const delta::Snapshot> snapshot_;
  const AppendOptions options_;
  PartitionSplitter splitter_;
  PartitionWriter writer_;
  const HomeProcess home_;
  std::optional<schema::Coercion> coercion_;
  std::vector<std::shared_ptr<const delta::AddFile>> removed_;
  std::map<std::pair<std::string, int>, size_t> kept_parts_;  // the partition numbers of their own
  std::map<size_t, std::shared_ptr<const delta::AddFile>> kept_;
  std::vector<delta::Transaction> transactions_;
  std::string own_app_id_;
  std::function<arrow::Status(const delta::Snapshot&)> may_follow_;
  delta::StringMap tags_;
  delta::StringMap notes_;
  std::map<std::string, int64_t> empty_as_null_;  // see AppendReport
  std::optional<std::vector<PartitionWriter::Written>> written_;
  bool already_applied_ = false;
  bool let_go_ = false;   // the data files: a version names them, or may
  arrow::Status thrown_;  // by a write, or what it returned when a part of its rows was queued
  bool finished_ = false;
};

}  // namespace

arrow::Result<std::unique_ptr<Appender>> MakeAppender(std::shared_ptr<TableState> table,
                                                      AppendOptions options) {
  ARROW_RETURN_NOT_OK(InitializeKernels());
  const auto snapshot = table->snapshot();
  if (options.mode == AppendMode::kErrorIfExists && !snapshot->files.empty()) {
    return AlreadyExists(fmt::format("{}: the table holds {} files", table->path, snapshot->files.size()),
                         "Append to it, overwrite it, or choose another table.");
  }
  if (options.max_rows_per_file <= 0) {
    return InvalidInput(fmt::format("{}: max_rows_per_file is {}; expected at least 1", table->path,
                                    options.max_rows_per_file));
  }
  ARROW_RETURN_NOT_OK(WithContext(pq::CheckWriteOptions(options.file), table->path));
  ARROW_RETURN_NOT_OK(WithContext(delta::CheckInfoNames(options.commit_metadata), table->path));
  return std::make_unique<TableAppender>(std::move(table), snapshot, std::move(options));
}

}  // namespace marquet::table
