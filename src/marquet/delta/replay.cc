#include "marquet/delta/replay.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <unordered_set>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/schema.h"
#include "marquet/delta/table_features.h"

namespace marquet::delta {
namespace {

// Takes the elements at `paths` out of a list, chunk by chunk.
template <typename T, typename Index>
void EraseAll(const std::unordered_set<std::string_view>& paths, SharedList<T>* list, Index* index) {
  if (list->empty()) return;
  std::unordered_set<size_t> chunks;
  for (const std::string_view path : paths) {
    const auto found = index->find(path);
    if (found == index->end()) continue;
    chunks.insert(found->second);
    index->erase(found);
  }
  for (const size_t chunk : chunks) {
    list->Erase(chunk, [&](const T& element) { return paths.contains(element.path); });
  }
}

template <typename T, typename Index>
void AppendAll(std::vector<std::shared_ptr<const T>> elements, SharedList<T>* list, Index* index) {
  list->Append(std::move(elements), [index](const T& element, size_t chunk) {
    if (index != nullptr) index->insert_or_assign(element.path, chunk);
  });
}

// Whether a data file's path is absolute, has a scheme, or climbs out of the table with "..".
bool LeavesTable(std::string_view path) {
  if (path.starts_with('/') || path.find("://") != path.npos) return true;
  return path == ".." || path.starts_with("../") || path.ends_with("/..") || path.find("/../") != path.npos;
}

}  // namespace

CommitSummary Summarize(const std::vector<Action>& actions) {
  CommitSummary summary;
  for (const Action& action : actions) {
    if (std::holds_alternative<Protocol>(action)) summary.protocol = true;
    if (std::holds_alternative<Metadata>(action)) summary.metadata = true;
    if (std::holds_alternative<AddFile>(action)) ++summary.added;
    if (std::holds_alternative<RemoveFile>(action)) ++summary.removed;
    if (const auto* txn = std::get_if<Transaction>(&action)) summary.app_ids.push_back(txn->app_id);
    if (const auto* info = std::get_if<CommitInfo>(&action)) {
      const auto id = info->extra.find("txnId");
      if (id != info->extra.end()) summary.txn_id = id->second;
    }
  }
  return summary;
}

void Replay::Restore(int64_t version, std::vector<std::shared_ptr<const AddFile>> files,
                     std::vector<Action> rest) {
  state_.version = version;
  checkpoint_version = version;
  state_.files.Append(std::move(files), [this](const AddFile& file, size_t) { NoteOutside(file); });
  std::vector<std::shared_ptr<const RemoveFile>> tombstones;
  for (Action& action : rest) {
    if (auto* protocol = std::get_if<Protocol>(&action)) {
      state_.protocol = std::move(*protocol);
      has_protocol_ = true;
    } else if (auto* metadata = std::get_if<Metadata>(&action)) {
      state_.metadata = std::move(*metadata);
      has_metadata_ = true;
    } else if (auto* remove = std::get_if<RemoveFile>(&action)) {
      tombstones.push_back(std::make_shared<const RemoveFile>(std::move(*remove)));
    } else if (auto* transaction = std::get_if<Transaction>(&action)) {
      state_.transactions.Set(std::move(*transaction));
    }
  }
  state_.tombstones.Append(std::move(tombstones), [](const RemoveFile&, size_t) {});
}

void Replay::NoteOutside(const AddFile& file) {
  if (LeavesTable(file.path)) outside_.insert(file.path);
}

void Replay::BuildIndexes() {
  if (indexed_) return;
  indexed_ = true;
  live_.reserve(state_.files.size());
  for (size_t chunk = 0; chunk < state_.files.chunks(); ++chunk) {
    for (const auto& file : state_.files.chunk(chunk)) live_.emplace(file->path, chunk);
  }
  removed_.reserve(state_.tombstones.size());
  for (size_t chunk = 0; chunk < state_.tombstones.chunks(); ++chunk) {
    for (const auto& file : state_.tombstones.chunk(chunk)) removed_.emplace(file->path, chunk);
  }
}

void Replay::Apply(int64_t version, int64_t timestamp_ms, std::vector<Action> actions) {
  // What comes into an empty table, as a reader of one commit has it, is looked up by nobody.
  if (!state_.files.empty() || !state_.tombstones.empty()) BuildIndexes();
  std::vector<std::shared_ptr<const AddFile>> added;
  std::vector<std::shared_ptr<const RemoveFile>> removed;
  std::unordered_set<std::string_view> added_paths, removed_paths;
  added.reserve(actions.size());
  added_paths.reserve(actions.size());
  for (Action& action : actions) {
    if (auto* protocol = std::get_if<Protocol>(&action)) {
      state_.protocol = std::move(*protocol);
      has_protocol_ = true;
    } else if (auto* metadata = std::get_if<Metadata>(&action)) {
      state_.metadata = std::move(*metadata);
      state_.schema = nullptr;
      has_metadata_ = true;
    } else if (auto* transaction = std::get_if<Transaction>(&action)) {
      state_.transactions.Set(std::move(*transaction));
    } else if (auto* add = std::get_if<AddFile>(&action)) {
      auto file = std::make_shared<const AddFile>(std::move(*add));
      if (!added_paths.insert(file->path).second) continue;
      added.push_back(std::move(file));
    } else if (auto* remove = std::get_if<RemoveFile>(&action)) {
      removed.push_back(std::make_shared<const RemoveFile>(std::move(*remove)));
    }
  }
  std::erase_if(removed, [&](const auto& file) {
    return added_paths.contains(file->path) || !removed_paths.insert(file->path).second;
  });

  actions_since_checkpoint += static_cast<int64_t>(added.size() + removed.size());
  for (const auto* const touched : {&added_paths, &removed_paths}) {
    EraseAll(*touched, &state_.files, &live_);
    EraseAll(*touched, &state_.tombstones, &removed_);
    if (outside_.empty()) continue;
    for (const std::string_view path : *touched) outside_.erase(std::string(path));
  }
  for (const auto& file : added) NoteOutside(*file);
  AppendAll(std::move(added), &state_.files, indexed_ ? &live_ : nullptr);
  AppendAll(std::move(removed), &state_.tombstones, indexed_ ? &removed_ : nullptr);
  state_.version = version;
  state_.timestamp_ms = timestamp_ms;
}

arrow::Result<std::shared_ptr<const Snapshot>> Replay::Finish() {
  if (!has_protocol_) {
    return CorruptData(fmt::format("the log has no protocol action up to version {}", state_.version));
  }
  ARROW_RETURN_NOT_OK(CheckReadable(state_.protocol, state_.metadata));
  if (!has_metadata_) {
    return CorruptData(fmt::format("the log has no metaData action up to version {}", state_.version));
  }
  if (!outside_.empty()) {
    return Unsupported(
        fmt::format("the data file {} lies outside the table's directory", Quoted(*outside_.begin())),
        "Read tables whose files lie elsewhere (shallow clones, say) with the engine that made them.");
  }
  if (state_.schema == nullptr) {
    if (state_.metadata.schema_string.empty()) {
      state_.schema = arrow::schema({});  // a table that was made without columns
    } else {
      ARROW_ASSIGN_OR_RAISE(state_.schema, SchemaFromJson(state_.metadata.schema_string));
    }
    for (const std::string& column : state_.metadata.partition_columns) {
      if (state_.schema->GetFieldIndex(column) < 0) {
        state_.schema = nullptr;
        return CorruptData(fmt::format("the partition column {} is not in the schema", Quoted(column)));
      }
    }
  }
  return std::make_shared<const Snapshot>(state_);
}

void Replay::ExpireTombstones(int64_t now_ms) {
  const int64_t limit = now_ms - DeletedFileRetentionMs(state_.metadata);
  const auto expired = [limit](const RemoveFile& file) { return file.deletion_time_ms.value_or(0) < limit; };
  for (size_t chunk = 0; chunk < state_.tombstones.chunks(); ++chunk) {
    const auto& files = state_.tombstones.chunk(chunk);
    if (std::none_of(files.begin(), files.end(), [&](const auto& file) { return expired(*file); })) continue;
    for (const auto& file : files) {
      if (expired(*file)) removed_.erase(file->path);
    }
    state_.tombstones.Erase(chunk, expired);
  }
}

}  // namespace marquet::delta
