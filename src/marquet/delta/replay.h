// The state of a table while its log is being replayed: snapshots come out of it, commits go into it.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "marquet/delta/actions.h"
#include "marquet/delta/log.h"

namespace marquet::delta {

// What conflict rules ask of a commit.
struct CommitSummary {
  bool protocol = false;
  bool metadata = false;
  int64_t added = 0;
  int64_t removed = 0;
  std::vector<std::string> app_ids;
  std::string txn_id;  // of its commitInfo, or empty
};
CommitSummary Summarize(const std::vector<Action>& actions);

// Not thread safe. A failed call leaves the state as it was.
class Replay {
 public:
  // Takes a checkpoint's actions as the state of `version`; only for a new Replay.
  void Restore(int64_t version, std::vector<std::shared_ptr<const AddFile>> files, std::vector<Action> rest);

  // Applies the commit that follows. Removes count before adds, as the protocol's reconciliation has it.
  void Apply(int64_t version, int64_t timestamp_ms, std::vector<Action> actions);

  // The state as a value. kCorruptData without protocol or metaData, kUnsupported for what cannot be read.
  arrow::Result<std::shared_ptr<const Snapshot>> Finish();

  // Forgets removed files whose time is over.
  void ExpireTombstones(int64_t now_ms);

  int64_t version() const { return state_.version; }
  void set_timestamp(int64_t timestamp_ms) { state_.timestamp_ms = timestamp_ms; }

  int64_t checkpoint_version = -1;  // the newest known of; -1 for none
  int64_t actions_since_checkpoint = 0;

 private:
  // Path to the number of its chunk. Keys lie in the elements themselves.
  using Index = std::unordered_map<std::string_view, size_t>;
  void BuildIndexes();
  void NoteOutside(const AddFile& file);

  Snapshot state_;
  bool has_protocol_ = false;
  bool has_metadata_ = false;
  bool indexed_ = false;           // built when a commit first needs it: a reader never does
  std::set<std::string> outside_;  // live paths that leave the table's directory
  Index live_;
  Index removed_;
};

}  // namespace marquet::delta
