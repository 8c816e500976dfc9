// One action out of its JSON object, with errors that name the action and the key. Source: the Delta
// Transaction Log Protocol, "Actions".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arrow/status.h"
#include "marquet/delta/actions.h"
#include "marquet/delta/json_document.h"

namespace marquet::delta {

// Appends the action of this kind ("add") that the value holds to `actions`, or of a "sidecar" the file's
// name to `sidecars`. Null values and kinds that are not known here give none. kCorruptData for what lacks
// what the protocol requires, kUnsupported for a file with a deletion vector or of another format.
arrow::Status ReadAction(std::string_view kind, JsonValue value, std::vector<Action>* actions,
                         std::vector<std::string>* sidecars);

// A commitInfo is free form: what does not have the usual type is passed over, never an error.
CommitInfo ReadCommitInfo(JsonValue fields);

}  // namespace marquet::delta
