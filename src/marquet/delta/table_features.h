// Which tables may be read and which may be written, by the protocol that they declare. Source: the Delta
// Transaction Log Protocol, "Valid Feature Names in Table Features".
#pragma once

#include "arrow/status.h"
#include "marquet/delta/actions.h"

namespace marquet::delta {

// Readable: reader versions 1 to 3, as long as column mapping is off and every reader feature is one of
// vacuumProtocolCheck, v2Checkpoint, timestampNtz and columnMapping. Otherwise kUnsupported, naming the
// feature.
arrow::Status CheckReadable(const Protocol& protocol, const Metadata& metadata);

// Writable: what is readable, without invariants, constraints, generated or identity columns, change data
// feed, row tracking, in-commit timestamps, V2 checkpoints or times without a zone. A feature that is listed
// but not in use does not count for those that may lie idle. Otherwise kUnsupported, naming the feature.
arrow::Status CheckWritable(const Protocol& protocol, const Metadata& metadata);

// delta.appendOnly
bool IsAppendOnly(const Metadata& metadata);

// How long removed files are remembered: delta.deletedFileRetentionDuration ("interval 1 week"), 7 days when
// it is absent or not understood.
int64_t DeletedFileRetentionMs(const Metadata& metadata);

}  // namespace marquet::delta
