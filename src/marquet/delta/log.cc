#include "marquet/delta/log.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/log.h"
#include "marquet/base/time.h"
#include "marquet/delta/checkpoint.h"
#include "marquet/delta/commit_json.h"
#include "marquet/delta/commit_time.h"
#include "marquet/delta/log_impl.h"

namespace marquet::delta {
namespace {

constexpr size_t kRecentCommits = 1024;
constexpr int64_t kFarthestProbe = 64;  // versions behind the newest known one

void Warn(const arrow::Status& status, std::string_view what) {
  marquet::Log().warn("{}: {}", what, OneLine(status));
}

void WarnOfCheckpoint(const arrow::Status& status) {
  Warn(status, "a checkpoint could not be written; the commits stand");
}

std::string Range(const LogListing& listing) {
  if (listing.commits.empty() && listing.checkpoints.empty()) return "no version";
  int64_t first = INT64_MAX, last = -1;
  if (!listing.commits.empty()) {
    if (listing.commits.front() == 0 || listing.checkpoints.empty()) first = listing.commits.front();
    last = listing.commits.back();
  }
  if (!listing.checkpoints.empty()) {
    first = std::min(first, listing.checkpoints.front().version);
    last = std::max(last, listing.checkpoints.back().version);
  }
  return fmt::format("versions {} to {}", first, last);
}

}  // namespace

// What is on disk.

arrow::Result<LogListing> Log::Impl::ListLog() {
  auto names = fs->ListNames(directory);
  if (!names.ok()) {
    if (!IsKind(names.status(), ErrorKind::kNotFound)) return names.status();
    ARROW_ASSIGN_OR_RAISE(const bool exists, file::Exists(*fs, table));
    if (!exists) return NotFound(fmt::format("{}: no such table: the directory does not exist", table));
    return NotFound(fmt::format("{}: not a table: the directory has no _delta_log", table),
                    "A table is made by `marquet ingest ... --into TABLE` or mq.create_table.");
  }
  LogListing listing = ClassifyLogFiles(*names);
  if (listing.commits.empty() && listing.checkpoints.empty()) {
    return NotFound(fmt::format("{}: not a table: its _delta_log holds no commit", table));
  }
  return listing;
}

// Replays the newest readable checkpoint at or before `version` (the newest of all without one) and the
// commits behind it, out of a listing. Falls back to older checkpoints, and to the first commit, when one
// cannot be read.
arrow::Result<std::unique_ptr<Replay>> Log::Impl::LoadUpTo(const LogListing& listing,
                                                           std::optional<int64_t> version) {
  int64_t last = listing.commits.empty() ? -1 : listing.commits.back();
  if (!listing.checkpoints.empty()) last = std::max(last, listing.checkpoints.back().version);
  if (version && *version > last) {
    return NotFound(
        fmt::format("{}: there is no version {}; the log has {}", table, *version, Range(listing)));
  }
  const int64_t target = version.value_or(last);

  auto replay = std::make_unique<Replay>();
  arrow::Status broken;  // why a checkpoint was passed over
  for (auto candidate = listing.checkpoints.rbegin(); candidate != listing.checkpoints.rend(); ++candidate) {
    if (candidate->version > target) continue;
    auto content = ReadCheckpoint(fs, directory, *candidate);
    if (content.ok()) {
      replay->Restore(candidate->version, std::move(content->files), std::move(content->rest));
      break;
    }
    broken = content.status();
    if (IsKind(broken, ErrorKind::kUnsupported)) return broken;
    Warn(broken, "passing over a checkpoint that cannot be read");
  }

  if (replay->version() < 0 && (listing.commits.empty() || listing.commits.front() != 0)) {
    if (!broken.ok()) return WithContext(broken, "no checkpoint can be read and the first commits are gone");
    // Clean-up leaves a checkpoint in the place of what it removes. Without one this is damage, and must not
    // look like a table that is not there: a new one would be made in the midst of the old one's commits.
    if (listing.checkpoints.empty()) {
      return CorruptData(fmt::format("{}: commit 0 is missing from the log, which has {} and no checkpoint",
                                     table, Range(listing)),
                         "Restore the file from a copy of the table; nothing behind it can be read.");
    }
    return NotFound(
        fmt::format("{}: version {} is no longer in the log, which has {}", table, target, Range(listing)));
  }
  // By name: a listing that was made beside a writer may have a commit and lack the one before.
  while (replay->version() < target) {
    const int64_t expected = replay->version() + 1;
    auto commit = ReadCommit(*fs, directory, expected);
    if (IsKind(commit.status(), ErrorKind::kNotFound)) return MissingCommit(table, expected, target);
    ARROW_RETURN_NOT_OK(commit.status());
    replay->Apply(expected, commit->timestamp_ms, std::move(commit->actions));
  }
  return replay;
}

// The quick way in is the checkpoint that _last_checkpoint names, without a listing. It is taken only while
// that version's commit file is there too: clean-up removes commits from the oldest on, so that later ones
// cannot have been removed, and probing for them by name finds them all.
arrow::Result<std::unique_ptr<Replay>> Log::Impl::LoadNewest() {
  auto pointer = ReadLastCheckpoint(*fs, directory);
  if (pointer.ok()) {
    auto content = ReadCheckpoint(fs, directory, *pointer);
    if (!content.ok() && IsKind(content.status(), ErrorKind::kUnsupported)) return content.status();
    const auto time = content.ok() ? CommitTime(*fs, directory, pointer->version)
                                   : arrow::Result<int64_t>(content.status());
    if (time.ok()) {
      auto replay = std::make_unique<Replay>();
      replay->Restore(pointer->version, std::move(content->files), std::move(content->rest));
      replay->set_timestamp(*time);
      return replay;
    }
    if (content.ok() && !IsKind(time.status(), ErrorKind::kNotFound)) return time.status();
    if (!content.ok()) Warn(content.status(), "passing over the checkpoint that _last_checkpoint names");
  } else if (!IsKind(pointer.status(), ErrorKind::kNotFound)) {
    Warn(pointer.status(), "passing over _last_checkpoint");
  }
  ARROW_ASSIGN_OR_RAISE(const LogListing listing, ListLog());
  return LoadUpTo(listing, std::nullopt);
}

// The head in memory.

void Log::Impl::Forget() noexcept {
  replay.reset();
  head.reset();
  recent.clear();
  counted.reset();
}

void Log::Impl::Apply(int64_t version, int64_t timestamp_ms, std::vector<Action> actions) {
  OrForget([&] {
    if (!recent.empty() && recent.back().version + 1 != version) recent.clear();
    recent.push_back({version, Summarize(actions)});
    if (recent.size() > kRecentCommits) recent.pop_front();
    replay->Apply(version, timestamp_ms, std::move(actions));
    head = nullptr;
  });
}

arrow::Status Log::Impl::Finish() {
  if (head != nullptr) return arrow::Status::OK();
  auto snapshot = OrForget([&] { return replay->Finish(); });
  if (!snapshot.ok()) return WithContext(snapshot.status(), table);
  head = std::move(*snapshot);
  return arrow::Status::OK();
}

arrow::Status Log::Impl::Refresh() {
  if (replay == nullptr) {
    ARROW_ASSIGN_OR_RAISE(replay, LoadNewest());
    head = nullptr;
  }
  for (;;) {
    if (replay->version() == INT64_MAX) {
      return CorruptData(
          fmt::format("{}: the log goes on to version {}, which none can follow", table, replay->version()));
    }
    const int64_t next = replay->version() + 1;
    auto commit = ReadCommit(*fs, directory, next);
    if (commit.ok()) {
      Apply(next, commit->timestamp_ms, std::move(commit->actions));
      continue;
    }
    if (!IsKind(commit.status(), ErrorKind::kNotFound)) return commit.status();
    // Asked where something was read, so that who looks for news again and again pays for one name.
    if (head == nullptr) ARROW_RETURN_NOT_OK(CheckNoneBehind(next, false));
    return Finish();
  }
}

// Versions are created in their order, so that one behind an absent name means a file that was lost. By name:
// next+1, +2, +4 ..., which meet what is left where it is at least as much as what is missing.
arrow::Status Log::Impl::CheckNoneBehind(int64_t next, bool by_listing) {
  int64_t last = -1;
  if (by_listing) {
    auto names = fs->ListNames(directory);
    ARROW_RETURN_NOT_OK(names.status());
    const LogListing listing = ClassifyLogFiles(*names);
    if (!listing.commits.empty()) last = listing.commits.back();
    if (!listing.checkpoints.empty()) last = std::max(last, listing.checkpoints.back().version);
  } else {
    for (int64_t step = 1; step <= kFarthestProbe && next <= INT64_MAX - step && last < 0; step *= 2) {
      ARROW_ASSIGN_OR_RAISE(const bool there,
                            file::Exists(*fs, file::JoinPath(directory, CommitName(next + step))));
      if (there) last = next + step;
    }
  }
  if (last <= next) return arrow::Status::OK();
  // Another writer may have made both by now.
  ARROW_ASSIGN_OR_RAISE(const bool made, file::Exists(*fs, file::JoinPath(directory, CommitName(next))));
  return made ? arrow::Status::OK() : MissingCommit(table, next, last);
}

std::optional<int64_t> Log::Impl::TimeOfHead() {
  if (head == nullptr) return std::nullopt;
  if (counted && counted->version > head->version) counted.reset();
  const auto time = CountedTime(*fs, directory, head->version, counted);
  if (!time.ok()) {
    marquet::Log().debug("{}: the time of version {} is not known: {}", table, head->version,
                         time.status().message());
    return std::nullopt;
  }
  counted = {head->version, *time};
  return *time;
}

arrow::Result<CommitSummary> Log::Impl::Summary(int64_t version) {
  if (!recent.empty() && version >= recent.front().version && version <= recent.back().version) {
    return recent[version - recent.front().version].summary;
  }
  ARROW_ASSIGN_OR_RAISE(const CommitFile commit, ReadCommit(*fs, directory, version));
  return Summarize(commit.actions);
}

arrow::Status Log::Impl::MoveOn(int64_t version, int64_t timestamp_ms, std::vector<Action> actions) {
  const arrow::Status moved = Caught(table, [&] {
    // Latest() may have come by and read the commit already.
    if (replay == nullptr) replay = std::make_unique<Replay>();
    if (replay->version() + 1 == version) Apply(version, timestamp_ms, std::move(actions));
    return Finish();
  });
  if (moved.ok()) return moved;
  Forget();  // what lies on disk is whole
  return Caught(table, [&] { return Refresh(); });
}

void Log::Impl::CheckpointIfDue() noexcept {
  BestEffort([&] {
    const arrow::Status status = Caught("checkpoint", [&] { return StartCheckpoint(); });
    if (!status.ok()) WarnOfCheckpoint(status);
    return status;
  });
}

arrow::Status Log::Impl::StartCheckpoint() {
  if (checkpointing == Checkpointing::kNever || head == nullptr) return arrow::Status::OK();
  const int64_t commits = head->version - std::max<int64_t>(replay->checkpoint_version, 0);
  const int64_t growth = std::max(commits, replay->actions_since_checkpoint);
  if (commits < 10 || growth * 10 < static_cast<int64_t>(head->files.size())) return arrow::Status::OK();
  if (!checkpoint_thread.ended()) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto snapshot, OrForget([&] {
                          replay->ExpireTombstones(NowNanos() / 1'000'000);
                          return replay->Finish();
                        }));
  replay->checkpoint_version = head->version;
  replay->actions_since_checkpoint = 0;
  const auto write = [fs = fs, directory = directory, state = snapshot] {
    return Caught("checkpoint", [&] { return WriteCheckpoint(fs, directory, *state); });
  };
  if (checkpointing == Checkpointing::kInline) return write();
  auto thread = Thread::Start("checkpoint", [write] {
    const arrow::Status status = write();
    if (!status.ok()) WarnOfCheckpoint(status);
    return status;
  });
  if (!thread.ok()) return write();  // without a thread of its own it is as due
  checkpoint_thread = *std::move(thread);
  return arrow::Status::OK();
}

// The interface.

Log::Log(std::shared_ptr<file::FileSystem> fs, std::string table) : impl_(std::make_unique<Impl>()) {
  impl_->fs = std::move(fs);
  impl_->directory = file::JoinPath(table, "_delta_log");
  impl_->table = std::move(table);
}

Log::~Log() = default;

const std::string& Log::table_path() const { return impl_->table; }
const std::shared_ptr<file::FileSystem>& Log::fs() const { return impl_->fs; }

void Log::set_checkpointing(Checkpointing mode) {
  const std::lock_guard lock(impl_->mutex);
  impl_->checkpointing = mode;
}

arrow::Result<std::shared_ptr<const Snapshot>> Log::Latest() {
  const std::lock_guard lock(impl_->mutex);
  ARROW_RETURN_NOT_OK(impl_->Refresh());
  return impl_->head;
}

arrow::Result<std::shared_ptr<const Snapshot>> Log::AtVersion(int64_t version) {
  if (version < 0) return InvalidInput(fmt::format("{}: {} is not a version", table_path(), version));
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->head != nullptr && impl_->head->version == version) return impl_->head;
  }
  ARROW_ASSIGN_OR_RAISE(const LogListing listing, impl_->ListLog());
  ARROW_ASSIGN_OR_RAISE(const auto replay, impl_->LoadUpTo(listing, version));
  if (replay->checkpoint_version == version) {
    const auto commit = ReadCommit(*impl_->fs, impl_->directory, version);
    if (commit.ok()) replay->set_timestamp(commit->timestamp_ms);
  }
  auto snapshot = replay->Finish();
  if (!snapshot.ok()) return WithContext(snapshot.status(), table_path());
  return snapshot;
}

arrow::Result<std::shared_ptr<const Snapshot>> Log::AtTime(int64_t timestamp_ms) {
  ARROW_ASSIGN_OR_RAISE(const LogListing listing, impl_->ListLog());
  const auto none = [&](const std::string& oldest) {
    return NotFound(
        fmt::format("{}: no version of {} or before; {}", table_path(), FormatMillis(timestamp_ms), oldest));
  };
  if (listing.commits.empty()) return none("the log has checkpoints only, which have no time");
  size_t first = listing.commits.size() - 1;  // of those that follow each other up to the newest
  while (first > 0 && listing.commits[first - 1] == listing.commits[first] - 1) --first;
  const int64_t oldest = listing.commits[first];
  ARROW_ASSIGN_OR_RAISE(const int64_t version, LastCommitBy(*impl_->fs, impl_->directory, oldest,
                                                            listing.commits.back(), timestamp_ms));
  if (version >= oldest) return AtVersion(version);
  ARROW_ASSIGN_OR_RAISE(const int64_t oldest_ms, CommitTime(*impl_->fs, impl_->directory, oldest));
  return none(fmt::format("the oldest in the log, {}, is of {}", oldest, FormatMillis(oldest_ms)));
}

arrow::Result<std::vector<CommitEntry>> Log::History(std::optional<int64_t> limit) {
  ARROW_ASSIGN_OR_RAISE(const auto newest, Latest());
  std::vector<CommitEntry> entries;
  for (int64_t version = newest->version; version >= 0; --version) {
    if (limit && static_cast<int64_t>(entries.size()) >= *limit) break;
    const std::string path = file::JoinPath(impl_->directory, CommitName(version));
    const auto text = file::ReadAll(*impl_->fs, path);
    if (!text.ok()) {
      // Clean-up took the older ones.
      if (IsKind(text.status(), ErrorKind::kNotFound)) break;
      return text.status();
    }
    CommitEntry entry;
    entry.version = version;
    ARROW_ASSIGN_OR_RAISE(entry.info, CommitInfoFromJson(*text, path));
    ARROW_ASSIGN_OR_RAISE(entry.timestamp_ms, TimeOf(entry.info, *impl_->fs, path));
    entries.push_back(std::move(entry));
  }
  return entries;
}

arrow::Status Log::Checkpoint() {
  return Caught(table_path(), [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const auto snapshot, Latest());
    ARROW_RETURN_NOT_OK(WriteCheckpoint(impl_->fs, impl_->directory, *snapshot));
    const std::lock_guard lock(impl_->mutex);
    if (impl_->replay == nullptr) return arrow::Status::OK();  // a commit found what is in memory of no use
    impl_->replay->checkpoint_version = std::max(impl_->replay->checkpoint_version, snapshot->version);
    impl_->replay->actions_since_checkpoint = 0;
    return arrow::Status::OK();
  });
}

}  // namespace marquet::delta
