// The transaction log of one table: snapshots out of it, commits into it.
//
// Reading falls back from a broken checkpoint or _last_checkpoint to an older one, or to the JSON commits.
// Reading and writing refuse a table whose protocol names a version or feature that is not known here
// (kUnsupported, by name). A Log is thread safe. A Snapshot is an immutable value, shared.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/delta/actions.h"
#include "marquet/delta/shared_list.h"
#include "marquet/delta/transaction_map.h"
#include "marquet/file/file_system.h"

namespace marquet::delta {

// The state of the table at one version.
class Snapshot {
 public:
  int64_t version = -1;
  int64_t timestamp_ms = 0;  // of the commit
  Protocol protocol;
  Metadata metadata;
  std::shared_ptr<arrow::Schema>
      schema;  // all columns, partition columns included; see schema.h for field metadata
  // Lists that successive snapshots share: iterating gives std::shared_ptr<const AddFile>.
  SharedList<AddFile> files;          // live, in the order in which they were added
  TransactionMap transactions;        // by app id: transactions.Find(id)
  SharedList<RemoveFile> tombstones;  // not yet expired
};

struct CommitEntry {
  int64_t version = 0;
  int64_t timestamp_ms = 0;
  CommitInfo info;  // empty operation when the commit has no commitInfo
};

// What a writer asks to be committed.
struct CommitRequest {
  std::vector<Action> actions;  // without CommitInfo
  CommitInfo info;              // timestamp and transaction id are filled in
  // The version that the actions were worked out from; -1 for a table that does not exist yet.
  int64_t read_version = -1;
  // True when nothing was read of the table, so that the commit may be moved behind any others that only
  // touch files. A commit that is not a blind append fails with kConflict when another removed or added files
  // since read_version.
  bool blind_append = true;
  int max_attempts = 100;
  // The application of the txn action that is the request's own, if it has one: stored already with at least
  // its version, the request was committed before, and nothing is written again. The other txn actions say
  // what the commit means to other applications: one that is stored already is a kConflict.
  std::string own_app_id = {};
  // Decides, blind append or not, whether to follow others that touched files since read_version, by the
  // newest snapshot. Must not use the Log. Files to be removed must be live there all the same.
  std::function<arrow::Status(const Snapshot&)> may_follow = {};
};

struct CommitResult {
  int64_t version = -1;
  int attempts = 1;
  std::shared_ptr<const Snapshot> snapshot;  // after the commit
  // Set when the request's own txn action was found stored already with at least this version: nothing was
  // written.
  bool already_applied = false;
};

class Log {
 public:
  // `table` is the directory that holds (or will hold) "_delta_log". Does no I/O.
  Log(std::shared_ptr<file::FileSystem> fs, std::string table);
  ~Log();

  const std::string& table_path() const;
  const std::shared_ptr<file::FileSystem>& fs() const;

  // The newest snapshot. Kept between calls: only commits newer than it are looked for (by name, without
  // listing) and read. kNotFound when there is no table here: the message tells an absent directory from one
  // without a log. kCorruptData when a commit is missing: of those behind a checkpoint this is found where at
  // least as many are left as are missing, and no more than 64 are (FindDamagedCommits and the first Commit
  // find all).
  arrow::Result<std::shared_ptr<const Snapshot>> Latest();

  // Time travel. kNotFound, naming the versions there are, when the log no longer reaches that far.
  arrow::Result<std::shared_ptr<const Snapshot>> AtVersion(int64_t version);
  // The last version committed at or before this time (commit_time.h). Reads few commits, however many there
  // are.
  arrow::Result<std::shared_ptr<const Snapshot>> AtTime(int64_t timestamp_ms);

  // Newest first.
  arrow::Result<std::vector<CommitEntry>> History(std::optional<int64_t> limit = {});

  // Commits, or says why not: kConflict (cannot be rebased), kCommitUnknown (could not be learnt), kStorage,
  // kUnsupported (a feature that is not known), kCorruptData (the commit of its version is missing in the
  // midst of the log). Durable when it returns OK. Writes a checkpoint when one is
  // due; failing at that is logged, not returned, because the commit stands.
  arrow::Result<CommitResult> Commit(CommitRequest request);

  // Writes a checkpoint of the latest version now.
  arrow::Status Checkpoint();

  // When checkpoints that are due get written: on a thread of their own beside the next commits (the default;
  // ~Log waits for it), within Commit, or never.
  enum class Checkpointing { kBackground, kInline, kNever };
  void set_checkpointing(Checkpointing mode);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Of the commits up to a version that lie in the log, those whose bytes are not what was committed: commits
// of ours say what digest they have. And those that are missing between two that are there, of any version.
struct DamagedCommit {
  std::string name;  // of the file in _delta_log
  std::string message;
};
arrow::Result<std::vector<DamagedCommit>> FindDamagedCommits(file::FileSystem& fs, const std::string& table,
                                                             int64_t version);

}  // namespace marquet::delta
