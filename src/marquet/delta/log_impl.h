// What the reading and the committing half of a Log share.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "arrow/result.h"
#include "marquet/base/thread.h"
#include "marquet/delta/commit_time.h"
#include "marquet/delta/log.h"
#include "marquet/delta/log_files.h"
#include "marquet/delta/replay.h"

namespace marquet::delta {

struct Log::Impl {
  std::shared_ptr<file::FileSystem> fs;
  std::string table;
  std::string directory;  // TABLE/_delta_log

  // One commit of this Log at a time: its threads queue here instead of racing for names on disk.
  std::mutex commit_mutex;
  bool listed = false;  // whether the log was listed before a commit; guarded by commit_mutex

  // Guards all below. Taken after commit_mutex, and not held while a commit is being published.
  std::mutex mutex;
  std::unique_ptr<Replay> replay;        // null until the first read
  std::shared_ptr<const Snapshot> head;  // of `replay`
  struct RecentCommit {
    int64_t version;
    CommitSummary summary;
  };
  std::deque<RecentCommit> recent;  // the newest commits, consecutive versions
  std::optional<CountedCommit> counted;
  Checkpointing checkpointing = Checkpointing::kBackground;
  Thread checkpoint_thread;

  // Runs what changes the state in memory. When it throws, that may be changed by half: it is dropped, and
  // read again from disk by who needs it next.
  template <typename Body>
  auto OrForget(Body&& body) {
    try {
      return std::forward<Body>(body)();
    } catch (...) {
      Forget();
      throw;
    }
  }
  void Forget() noexcept;

  // Moves `head` to the newest commit. Call with `mutex` held.
  arrow::Status Refresh();
  // kCorruptData when commits lie behind `next`, which is absent.
  arrow::Status CheckNoneBehind(int64_t next, bool by_listing);
  // Applies one commit to `replay`; `head` is stale until Finish.
  void Apply(int64_t version, int64_t timestamp_ms, std::vector<Action> actions);
  arrow::Status Finish();

  // The time of `head`, counted as commit_time.h has it. Nothing where there is no head, and where a commit
  // before it cannot be read: a commit that follows needs none of those. Call with `mutex` held.
  std::optional<int64_t> TimeOfHead();

  // What commit `version` did, out of memory or the log. Call with `mutex` held.
  arrow::Result<CommitSummary> Summary(int64_t version);

  arrow::Result<std::unique_ptr<Replay>> LoadNewest();
  arrow::Result<std::unique_ptr<Replay>> LoadUpTo(const LogListing& listing, std::optional<int64_t> version);
  arrow::Result<LogListing> ListLog();

  // Moves on to a version that was just committed, and whose actions are these. Call with `mutex` held.
  arrow::Status MoveOn(int64_t version, int64_t timestamp_ms, std::vector<Action> actions);

  // Commits; `in_doubt` is set while it is not known whether the commit is there, for what throws meanwhile.
  arrow::Result<CommitResult> Commit(CommitRequest request, bool* in_doubt);

  // Writes a checkpoint of `head` when one is due. Call with `mutex` held. Whatever it fails at is a warning:
  // the commits stand.
  void CheckpointIfDue() noexcept;
  arrow::Status StartCheckpoint();
};

}  // namespace marquet::delta
