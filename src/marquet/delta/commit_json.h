// The actions of one commit, to and from the lines of its file. Source: the Delta Transaction Log Protocol,
// "Delta Log Entries" and "Actions".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "marquet/delta/actions.h"

namespace marquet::delta {

// One line an action, in the order given; paths are URI-encoded here. A commitInfo in front gets the XXH3-128
// of the lines behind it (`xxh3`). kInvalidInput when a text is not UTF-8: JSON cannot hold it.
arrow::Result<std::string> CommitToJson(const std::vector<Action>& actions);

// The actions of a commit file, in their order; kinds that are not known here (and need not be, because a
// table that depends on them says so in its protocol) are left out. `name` opens error messages.
//
// kCorruptData with the line's number for text that is not JSON or lacks what the protocol requires,
// kUnsupported for a file with a deletion vector.
arrow::Result<std::vector<Action>> CommitFromJson(std::string_view text, std::string_view name);

// kCorruptData for a commit whose lines behind a commitInfo have another digest than it says; OK where it
// says none. Readers do not ask: a log that was mended by hand is to be read.
arrow::Status CheckCommitDigest(std::string_view text, std::string_view name);

// kInvalidInput for a further string of a commitInfo under a name that the log or Delta itself gives values
// of: it would stand there twice, which other readers refuse, or be of another type, or be lost.
arrow::Status CheckInfoNames(const StringMap& extra);

// Only the commitInfo action, wherever it stands; without one, a CommitInfo without an operation. Lines of
// other kinds are not looked into.
arrow::Result<CommitInfo> CommitInfoFromJson(std::string_view text, std::string_view name);

// One "sidecar" action of a V2 checkpoint in JSON, or the rest of its actions.
struct CheckpointJson {
  std::vector<Action> actions;
  std::vector<std::string> sidecars;  // file names as spelt
};
arrow::Result<CheckpointJson> CheckpointFromJson(std::string_view text, std::string_view name);

}  // namespace marquet::delta
