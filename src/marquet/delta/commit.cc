// Committing: optimistic, by creating the next commit file if it is absent.
//
//   1. Check the actions by themselves and against the snapshot:   Crash: nothing on disk; data files that
//      duplicates, features, append-only, txn.                     the actions name are not referred to.
//   2. For a new table, create TABLE/_delta_log, each name made    Crash: an empty _delta_log, which no
//      durable in its parent.                                      reader takes for a table.
//      Check that no commit lies behind N+1, which would then be   Crash: the same.
//      one that was lost: by a listing once, by names thereafter.
//   3. Write commit N+1 to a temporary name and sync it.           Crash: a temporary file in _delta_log,
//                                                                  which readers pass over.
//   4. Give it the name of version N+1, if that is free.           Crash: the commit is there or not, as a
//                                                                  whole. After a power cut it may be gone:
//                                                                  nobody was told that it succeeded.
//   5. Sync _delta_log.                                            Crash: committed, durably. The writer was
//                                                                  not told; its txnId, or its txn action,
//                                                                  tells it on the next try.
//   6. Move the snapshot on, and return.
//
// The name was taken in 4: another writer won. Read the winners, decide by the rules of CheckAgainst whether
// this commit may follow them, and try the next version after a random pause. An error in 4 that does not say
// whether the name was given: look at what lies under it (Settle). An error in 5: the commit can be seen, but
// may not survive a power cut, and syncing again would prove nothing: kCommitUnknown.
//
// Why one listing is enough: a version behind an absent one means that a file was lost. Once none lies behind
// the newest version, any that comes later is created in its order, so that only a file that is lost while
// this Log lives, of commits that it has not read yet, can leave another gap; the names that are tried find
// it where at least as many commits are left as were lost.
//
// What is thrown is an error of its step. Behind 5 nothing undoes the commit: what is in memory is read
// again, and a checkpoint that fails is a warning.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <thread>
#include <unordered_set>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/delta/commit_json.h"
#include "marquet/delta/log_impl.h"
#include "marquet/delta/table_features.h"
#include "marquet/file/durable_file.h"

namespace marquet::delta {
namespace {

constexpr std::string_view kEngine = "Marquet/0.1.0";
constexpr std::string_view kTxnId = "txnId";

// What a commit may not hold, whatever the table.
arrow::Status CheckActions(const CommitRequest& request) {
  ARROW_RETURN_NOT_OK(CheckInfoNames(request.info.extra));
  int protocols = 0, metadatas = 0;
  std::unordered_set<std::string_view> app_ids, paths;
  for (const Action& action : request.actions) {
    if (std::holds_alternative<CommitInfo>(action)) {
      return InvalidInput("a commit's actions may not hold a commitInfo: it is made from the request's");
    }
    if (std::holds_alternative<Protocol>(action) && ++protocols > 1) {
      return InvalidInput("a commit may hold one protocol action at most");
    }
    if (std::holds_alternative<Metadata>(action) && ++metadatas > 1) {
      return InvalidInput("a commit may hold one metaData action at most");
    }
    if (const auto* txn = std::get_if<Transaction>(&action); txn && !app_ids.insert(txn->app_id).second) {
      return InvalidInput(
          fmt::format("two txn actions of application {} in one commit", Quoted(txn->app_id)));
    }
    if (const auto* add = std::get_if<AddFile>(&action)) {
      if (add->path.empty()) return InvalidInput("an added file without a path");
      if (add->size < 0) return InvalidInput(fmt::format("{}: a size of {}", Quoted(add->path), add->size));
      if (!paths.insert(add->path).second) {
        return InvalidInput(fmt::format("{} is added twice in one commit", Quoted(add->path)));
      }
    }
  }
  for (const Action& action : request.actions) {
    const auto* remove = std::get_if<RemoveFile>(&action);
    if (remove != nullptr && paths.contains(remove->path)) {
      return InvalidInput(fmt::format("{} is added and removed in one commit", Quoted(remove->path)));
    }
  }
  if (request.read_version < 0 && (protocols == 0 || metadatas == 0)) {
    return InvalidInput("the first commit of a table needs a protocol and a metaData action");
  }
  return arrow::Status::OK();
}

// Whether the table lets this writer do what the commit does.
arrow::Status CheckAllowed(const CommitRequest& request, const Snapshot* head) {
  static const Protocol kNewest;
  const Protocol* protocol = head != nullptr ? &head->protocol : &kNewest;
  const Metadata* metadata = head != nullptr ? &head->metadata : nullptr;
  if (head != nullptr) ARROW_RETURN_NOT_OK(CheckWritable(head->protocol, head->metadata));
  for (const Action& action : request.actions) {
    if (const auto* changed = std::get_if<Protocol>(&action)) protocol = changed;
    if (const auto* changed = std::get_if<Metadata>(&action)) metadata = changed;
  }
  ARROW_RETURN_NOT_OK(CheckWritable(*protocol, *metadata));
  if (head == nullptr || !IsAppendOnly(head->metadata)) return arrow::Status::OK();
  for (const Action& action : request.actions) {
    const auto* remove = std::get_if<RemoveFile>(&action);
    if (remove != nullptr && remove->data_change) {
      return InvalidInput(
          fmt::format("the table is append-only (delta.appendOnly), and the commit removes {}",
                      Quoted(remove->path)),
          "Set delta.appendOnly to false first if its rows may go.");
    }
  }
  return arrow::Status::OK();
}

bool IsStored(const Transaction& txn, const Snapshot& head) {
  const Transaction* stored = head.transactions.Find(txn.app_id);
  return stored != nullptr && stored->version >= txn.version;
}

// Whether the request was committed before: by its own txn action, and by no other.
bool AlreadyApplied(const CommitRequest& request, const Snapshot& head) {
  return std::any_of(request.actions.begin(), request.actions.end(), [&](const Action& action) {
    const auto* txn = std::get_if<Transaction>(&action);
    return txn != nullptr && !request.own_app_id.empty() && txn->app_id == request.own_app_id &&
           IsStored(*txn, head);
  });
}

arrow::Status CheckTransactions(const CommitRequest& request, const Snapshot& head) {
  for (const Action& action : request.actions) {
    const auto* txn = std::get_if<Transaction>(&action);
    if (txn == nullptr || !IsStored(*txn, head)) continue;
    return Conflict(
        fmt::format("version {} of application {} is stored already", txn->version, Quoted(txn->app_id)),
        "Read the table again and repeat the change.");
  }
  return arrow::Status::OK();
}

// The files that the commit removes must be live.
arrow::Status CheckRemovals(const CommitRequest& request, const Snapshot& head) {
  std::unordered_set<std::string_view> removed;
  for (const Action& action : request.actions) {
    if (const auto* remove = std::get_if<RemoveFile>(&action)) removed.insert(remove->path);
  }
  if (removed.empty()) return arrow::Status::OK();
  for (const auto& file : head.files) removed.erase(file->path);
  if (removed.empty()) return arrow::Status::OK();
  return Conflict(fmt::format("{} was removed by another commit meanwhile", Quoted(*removed.begin())),
                  "Read the table again and repeat the change.");
}

// Whether a commit that was worked out before version `version` may follow it.
arrow::Status CheckAgainst(const CommitRequest& request, const CommitSummary& mine,
                           const CommitSummary& winner, int64_t version) {
  const auto conflict = [version](std::string_view what) {
    return Conflict(fmt::format("version {} was committed meanwhile and {}", version, what),
                    "Read the table again and repeat the change.");
  };
  if (version == 0) {
    return Conflict("the table was created by another writer meanwhile", "Open it and append to it.");
  }
  if (winner.protocol) return conflict("changed the protocol");
  if (winner.metadata) return conflict("changed the table's metadata");
  for (const std::string& app_id : winner.app_ids) {
    if (std::find(mine.app_ids.begin(), mine.app_ids.end(), app_id) != mine.app_ids.end()) {
      return conflict(fmt::format("belongs to the same application, {}", Quoted(app_id)));
    }
  }
  if (request.may_follow != nullptr && !mine.protocol && !mine.metadata) return arrow::Status::OK();
  if (request.blind_append && !mine.protocol && !mine.metadata && mine.removed == 0)
    return arrow::Status::OK();
  if (winner.removed > 0) return conflict(fmt::format("removed {} files", winner.removed));
  if (winner.added > 0) return conflict(fmt::format("added {} files", winner.added));
  return arrow::Status::OK();
}

// Twice as long at the most with every race lost, and anything between nothing and that.
void PauseAfterRace(int races_lost) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const int64_t most_micros = 500LL << std::min(races_lost, 7);
  std::this_thread::sleep_for(
      std::chrono::microseconds(std::uniform_int_distribution<int64_t>(0, most_micros)(random)));
}

enum class Outcome { kMine, kTheirs, kAbsent };

// Whose commit lies under a name.
arrow::Result<Outcome> WhoseCommit(file::FileSystem& fs, const std::string& path, const std::string& txn_id) {
  const auto text = file::ReadAll(fs, path);
  if (IsKind(text.status(), ErrorKind::kNotFound)) return Outcome::kAbsent;
  ARROW_RETURN_NOT_OK(text.status());
  ARROW_ASSIGN_OR_RAISE(const CommitInfo info, CommitInfoFromJson(*text, path));
  const auto found = info.extra.find(std::string(kTxnId));
  return found != info.extra.end() && found->second == txn_id ? Outcome::kMine : Outcome::kTheirs;
}

// Learns what became of a commit whose publishing failed with `error`. OK: it is there and durable.
// kAlreadyExists: another commit has the version. `error` itself: nothing was published.
arrow::Status Settle(file::FileSystem& fs, const std::string& path, const std::string& txn_id,
                     const arrow::Status& error) {
  const auto outcome = Caught(path, [&] { return WhoseCommit(fs, path, txn_id); });
  if (!outcome.ok()) {
    return CommitUnknown(
        outcome.status(),
        fmt::format("{}: publishing failed ({}), and so did reading it to learn the outcome: {}", path,
                    error.message(), outcome.status().message()));
  }
  switch (*outcome) {
    case Outcome::kAbsent:
      return error;
    case Outcome::kTheirs:
      return AlreadyExists(fmt::format("{} is another writer's", path));
    case Outcome::kMine:
      break;
  }
  // The name was given although the call said otherwise, so nothing was synced yet.
  const arrow::Status synced = Caught(path, [&] { return fs.SyncDirectory(file::ParentPath(path)); });
  if (synced.ok()) return synced;
  return CommitUnknown(synced, fmt::format("{}: the commit can be seen but may not survive a power cut: {}",
                                           path, synced.message()));
}

// Steps 3 to 5. OK: the commit is there and durable. kAlreadyExists: another has the version. kCommitUnknown:
// it may be there. Any other error: it is not.
arrow::Status PublishCommit(const std::shared_ptr<file::FileSystem>& fs, const std::string& path,
                            const std::string& text, const std::string& txn_id) {
  const arrow::Status published = file::PutNew(fs, path, text, file::UnsyncedName::kKeep);
  if (published.ok() || IsKind(published, ErrorKind::kAlreadyExists) ||
      IsKind(published, ErrorKind::kCommitUnknown)) {
    return published;
  }
  return Settle(*fs, path, txn_id, published);
}

}  // namespace

arrow::Result<CommitResult> Log::Commit(CommitRequest request) {
  bool in_doubt = false;
  try {
    return impl_->Commit(std::move(request), &in_doubt);
  } catch (...) {
    const arrow::Status thrown = StatusOfException(impl_->table);
    if (!in_doubt) return thrown;
    return CommitUnknown(
        thrown, fmt::format("{}: whether the commit took place could not be learnt", thrown.message()),
        "Look in the history before repeating the change; one with a txn action may simply be repeated.");
  }
}

arrow::Result<CommitResult> Log::Impl::Commit(CommitRequest request, bool* in_doubt) {
  Impl& self = *this;
  const auto located = [&](const arrow::Status& status) { return WithContext(status, self.table); };
  if (const auto status = CheckActions(request); !status.ok()) return located(status);
  const CommitSummary mine = Summarize(request.actions);
  const bool blind = request.blind_append && mine.removed == 0 && !mine.metadata && !mine.protocol;

  const std::lock_guard one_at_a_time(self.commit_mutex);
  std::unique_lock lock(self.mutex);
  if (request.read_version >= 0 && self.head == nullptr) ARROW_RETURN_NOT_OK(self.Refresh());
  if (request.read_version < 0) {
    ARROW_RETURN_NOT_OK(file::CreateDirectories(*self.fs, self.directory));
  } else if (request.read_version > self.head->version) {
    ARROW_RETURN_NOT_OK(self.Refresh());
    if (request.read_version > self.head->version) {
      return InvalidInput(fmt::format("{}: the commit was worked out from version {}, but the newest is {}",
                                      self.table, request.read_version, self.head->version));
    }
  }

  CommitResult result;
  CommitInfo info = std::move(request.info);
  info.is_blind_append = blind;
  if (info.engine_info.empty()) info.engine_info = kEngine;
  const std::string txn_id = RandomUuid();
  info.extra[std::string(kTxnId)] = txn_id;

  int64_t checked = request.read_version;   // up to here no commit stands against this one
  int64_t followed = request.read_version;  // may_follow was asked up to here
  for (int attempt = 1; attempt <= request.max_attempts; ++attempt) {
    result.attempts = attempt;
    if (self.head != nullptr && AlreadyApplied(request, *self.head)) {
      // Its writer may have been killed between steps 4 and 5; whoever says that it is there makes it so.
      ARROW_RETURN_NOT_OK(self.fs->SyncDirectory(self.directory));
      result.already_applied = true;
      result.version = self.head->version;
      result.snapshot = self.head;
      return result;
    }
    const int64_t newest = self.head != nullptr ? self.head->version : -1;
    for (; checked < newest; ++checked) {
      ARROW_ASSIGN_OR_RAISE(const CommitSummary winner, self.Summary(checked + 1));
      const auto status = CheckAgainst(request, mine, winner, checked + 1);
      if (!status.ok()) return located(status);
    }
    if (self.head != nullptr) {
      if (const auto status = CheckTransactions(request, *self.head); !status.ok()) return located(status);
      if (request.may_follow != nullptr && followed < newest) {
        if (const auto status = CheckRemovals(request, *self.head); !status.ok()) return located(status);
        ARROW_RETURN_NOT_OK(request.may_follow(*self.head));
      }
      followed = newest;
    }
    if (const auto status = CheckAllowed(request, self.head.get()); !status.ok()) return located(status);

    // Each commit has a later time than the one before, so that "as of" a time means one version.
    info.timestamp_ms = NowNanos() / 1'000'000;
    const std::optional<int64_t> before = self.TimeOfHead();
    info.is_ordered = self.head == nullptr || before;
    if (self.head != nullptr) {
      info.timestamp_ms = std::max(info.timestamp_ms, before.value_or(self.head->timestamp_ms) + 1);
    }
    if (info.timestamp_ms > kLastTimeMs) {  // behind a clock that was ahead by centuries
      info.timestamp_ms = kLastTimeMs;
      info.is_ordered = false;
    }
    std::vector<Action> actions;
    actions.reserve(request.actions.size() + 1);
    actions.emplace_back(info);
    actions.insert(actions.end(), request.actions.begin(), request.actions.end());
    auto text = CommitToJson(actions);
    if (!text.ok()) return located(text.status());

    const int64_t version = newest + 1;
    const std::string path = file::JoinPath(self.directory, CommitName(version));
    lock.unlock();
    ARROW_RETURN_NOT_OK(self.CheckNoneBehind(version, !self.listed));
    self.listed = true;
    *in_doubt = true;
    const arrow::Status published = PublishCommit(self.fs, path, *text, txn_id);
    *in_doubt = published.ok() || IsKind(published, ErrorKind::kCommitUnknown);
    lock.lock();

    if (published.ok()) {
      if (info.is_ordered) self.counted = CountedCommit{version, info.timestamp_ms};
      // The commit stands, whatever comes now: no other kind of error may make the caller undo its part.
      if (const auto status = self.MoveOn(version, info.timestamp_ms, std::move(actions)); !status.ok()) {
        return CommitUnknown(
            status, fmt::format("{}: version {} was committed, but the table cannot be read after it: {}",
                                self.table, version, status.message()));
      }
      result.version = version;
      result.snapshot = self.head;
      self.CheckpointIfDue();
      return result;
    }
    if (IsKind(published, ErrorKind::kCommitUnknown)) {
      return WithHint(located(published),
                      fmt::format("Look in the history whether version {} is there with the txnId {} before "
                                  "repeating the change; one with a txn action may simply be repeated.",
                                  version, txn_id));
    }
    if (!IsKind(published, ErrorKind::kAlreadyExists)) return located(published);
    lock.unlock();
    if (attempt > 1) PauseAfterRace(attempt);
    lock.lock();
    ARROW_RETURN_NOT_OK(self.Refresh());
  }
  return Conflict(fmt::format("{}: other writers took {} versions in a row before this commit", self.table,
                              request.max_attempts),
                  "Try again, or let fewer processes commit to this table at once.");
}

}  // namespace marquet::delta
