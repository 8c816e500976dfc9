#include "marquet/delta/checkpoint_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "arrow/scalar.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/checkpoint.h"
#include "marquet/delta/commit_json.h"
#include "marquet/delta/log.h"
#include "marquet/delta/log_files.h"
#include "marquet/delta/replay.h"
#include "marquet/delta/schema.h"

namespace marquet::delta {
namespace {

// Other writers may expire transactions by their age.
constexpr const char* kTransactionRetention = "delta.setTransactionRetentionDuration";

// By value where the text differs: a checkpoint's writer may spell a time in another way.
bool IsSameValue(const std::string& column, const std::string& a, const std::string& b,
                 const arrow::Schema& schema) {
  if (a == b) return true;
  const auto field = schema.GetFieldByName(column);
  if (field == nullptr) return false;
  const auto first = PartitionValueFromText(a, field->type());
  const auto second = PartitionValueFromText(b, field->type());
  return first.ok() && second.ok() && (*first)->Equals(**second);
}

bool AreSameValues(const PartitionValues& a, const PartitionValues& b, const Snapshot& state) {
  for (const std::string& column : state.metadata.partition_columns) {
    const auto first = a.find(column), second = b.find(column);
    const bool has_first = first != a.end() && first->second;
    const bool has_second = second != b.end() && second->second;
    if (has_first != has_second) return false;
    if (has_first && !IsSameValue(column, *first->second, *second->second, *state.schema)) return false;
  }
  return true;
}

bool IsSameSchema(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto first = SchemaFromJson(a), second = SchemaFromJson(b);
  return first.ok() && second.ok() && (*first)->Equals(**second, true);
}

arrow::Status Differs(std::string what) { return CorruptData(std::move(what)); }

arrow::Status CompareFiles(const CheckpointContent& content, const Snapshot& state) {
  std::unordered_map<std::string_view, const AddFile*> expected;
  expected.reserve(state.files.size());
  for (const auto& file : state.files) expected.emplace(file->path, file.get());
  for (const auto& file : content.files) {
    const auto found = expected.find(file->path);
    if (found == expected.end()) {
      return Differs(fmt::format("it holds {} more often than the commits before it", Quoted(file->path)));
    }
    if (file->size != found->second->size) {
      return Differs(fmt::format("{} has {} bytes in it; {} by the commits before it", Quoted(file->path),
                                 file->size, found->second->size));
    }
    if (!AreSameValues(file->partition_values, found->second->partition_values, state)) {
      return Differs(fmt::format("{} has other partition values in it than by the commits before it",
                                 Quoted(file->path)));
    }
    expected.erase(found);
  }
  if (expected.empty()) return arrow::Status::OK();
  return Differs(fmt::format("it lacks {} of the {} files that the commits before it leave, {} among them",
                             expected.size(), state.files.size(), Quoted(expected.begin()->first)));
}

arrow::Status CompareTransactions(const CheckpointContent& content, const Snapshot& state) {
  std::map<std::string_view, int64_t> held;
  for (const Action& action : content.rest) {
    if (const auto* txn = std::get_if<Transaction>(&action)) held[txn->app_id] = txn->version;
  }
  for (const auto& [app_id, version] : held) {
    const Transaction* expected = state.transactions.Find(app_id);
    if (expected != nullptr && expected->version == version) continue;
    return Differs(fmt::format("it has application {} at version {}; the commits before it have {}",
                               Quoted(app_id), version,
                               expected == nullptr ? "none of it" : fmt::format("{}", expected->version)));
  }
  if (state.metadata.configuration.contains(kTransactionRetention)) return arrow::Status::OK();
  for (const auto& txn : state.transactions.Sorted()) {
    if (held.contains(txn->app_id)) continue;
    return Differs(
        fmt::format("it lacks {} of the {} transactions that the commits before it leave, that of "
                    "application {} among them",
                    state.transactions.size() - held.size(), state.transactions.size(), Quoted(txn->app_id)));
  }
  return arrow::Status::OK();
}

arrow::Status CompareTable(const CheckpointContent& content, const Snapshot& state) {
  const auto features = [](const std::vector<std::string>& names) {
    return std::set<std::string>(names.begin(), names.end());
  };
  for (const Action& action : content.rest) {
    if (const auto* metadata = std::get_if<Metadata>(&action)) {
      const Metadata& expected = state.metadata;
      const bool same = metadata->id == expected.id && metadata->name == expected.name &&
                        metadata->description == expected.description &&
                        metadata->partition_columns == expected.partition_columns &&
                        metadata->configuration == expected.configuration &&
                        IsSameSchema(metadata->schema_string, expected.schema_string);
      if (!same) return Differs("its metaData is not that of the commits before it");
    } else if (const auto* protocol = std::get_if<Protocol>(&action)) {
      const Protocol& expected = state.protocol;
      const bool same = protocol->min_reader_version == expected.min_reader_version &&
                        protocol->min_writer_version == expected.min_writer_version &&
                        features(protocol->reader_features) == features(expected.reader_features) &&
                        features(protocol->writer_features) == features(expected.writer_features);
      if (!same) return Differs("its protocol is not that of the commits before it");
    }
  }
  return arrow::Status::OK();
}

// Replays the log from its oldest commit on, and holds each checkpoint against the state that it comes to.
class CheckpointCheck {
 public:
  CheckpointCheck(std::shared_ptr<file::FileSystem> fs, const std::string& table, const StopFlag* stop)
      : fs_(std::move(fs)), directory_(file::JoinPath(table, "_delta_log")), stop_(stop) {}

  arrow::Result<std::vector<DamagedCheckpoint>> Run(int64_t version) {
    ARROW_ASSIGN_OR_RAISE(const auto names, fs_->ListNames(directory_));
    const LogListing listing = ClassifyLogFiles(names);
    if (listing.checkpoints.empty()) return std::move(damaged_);
    if (!listing.commits.empty() && listing.commits.front() == 0) replay_ = std::make_unique<Replay>();
    auto checkpoint = listing.checkpoints.begin();
    const auto look_at_checkpoints = [&](int64_t up_to) -> arrow::Status {
      for (; checkpoint != listing.checkpoints.end() && checkpoint->version <= up_to; ++checkpoint) {
        ARROW_RETURN_NOT_OK(LookAt(*checkpoint));
      }
      return arrow::Status::OK();
    };
    for (const int64_t commit : listing.commits) {
      if (commit > version || checkpoint == listing.checkpoints.end()) break;
      if (stop_ != nullptr) ARROW_RETURN_NOT_OK(stop_->Check());
      ARROW_RETURN_NOT_OK(look_at_checkpoints(commit - 1));
      ARROW_RETURN_NOT_OK(Apply(commit));
    }
    ARROW_RETURN_NOT_OK(look_at_checkpoints(version));
    return std::move(damaged_);
  }

 private:
  // With a commit that is not there, or damaged, the comparison ends until the next checkpoint.
  arrow::Status Apply(int64_t version) {
    if (replay_ == nullptr) return arrow::Status::OK();
    const std::string path = file::JoinPath(directory_, CommitName(version));
    const auto text = file::ReadAll(*fs_, path);
    auto commit = text.ok() ? ParseCommit(*fs_, path, *text) : arrow::Result<CommitFile>(text.status());
    const bool whole =
        commit.ok() && replay_->version() + 1 == version && CheckCommitDigest(*text, path).ok();
    if (whole) {
      replay_->Apply(version, commit->timestamp_ms, std::move(commit->actions));
      return arrow::Status::OK();
    }
    replay_ = nullptr;
    return commit.ok() || IsOfContent(commit.status()) ? arrow::Status::OK() : commit.status();
  }

  // What is no failure of reading, but says something of what is read.
  static bool IsOfContent(const arrow::Status& status) {
    return IsKind(status, ErrorKind::kNotFound) || IsKind(status, ErrorKind::kUnsupported) ||
           IsKind(status, ErrorKind::kCorruptData);
  }

  arrow::Status LookAt(const CheckpointFiles& files) {
    if (stop_ != nullptr) ARROW_RETURN_NOT_OK(stop_->Check());
    auto content = ReadCheckpoint(fs_, directory_, files);
    if (!content.ok()) {
      if (IsKind(content.status(), ErrorKind::kCorruptData)) Note(files, content.status());
      return IsOfContent(content.status()) ? arrow::Status::OK() : content.status();
    }
    if (replay_ != nullptr && replay_->version() == files.version) {
      const auto state = replay_->Finish();
      if (!state.ok()) return arrow::Status::OK();  // who opens that version is told
      arrow::Status same = CompareTable(*content, **state);
      if (same.ok()) same = CompareFiles(*content, **state);
      if (same.ok()) same = CompareTransactions(*content, **state);
      if (!same.ok()) Note(files, same);
      return arrow::Status::OK();
    }
    replay_ = std::make_unique<Replay>();
    replay_->Restore(files.version, std::move(content->files), std::move(content->rest));
    return arrow::Status::OK();
  }

  void Note(const CheckpointFiles& files, const arrow::Status& status) {
    DamagedCheckpoint& damaged = damaged_.emplace_back();
    damaged.name = files.names[0];
    damaged.message = status.message();
    const std::string path = file::JoinPath(directory_, damaged.name) + ": ";
    if (damaged.message.starts_with(path)) damaged.message.erase(0, path.size());
  }

  const std::shared_ptr<file::FileSystem> fs_;
  const std::string directory_;
  const StopFlag* const stop_;
  std::unique_ptr<Replay> replay_;  // null where what comes before is not there, or damaged
  std::vector<DamagedCheckpoint> damaged_;
};

}  // namespace

arrow::Result<std::vector<DamagedCheckpoint>> FindDamagedCheckpoints(
    const std::shared_ptr<file::FileSystem>& fs, const std::string& table, int64_t version,
    const StopFlag* stop) {
  return CheckpointCheck(fs, table, stop).Run(version);
}

}  // namespace marquet::delta
