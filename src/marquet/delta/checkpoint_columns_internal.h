// Which columns a checkpoint must have.
#pragma once

#include "arrow/status.h"

namespace parquet {
class SchemaDescriptor;
}

namespace marquet::delta {

// "Any missing column should be treated as null", so that one damaged name makes actions vanish. kCorruptData
// for a checkpoint (or a part, or a sidecar of one) without any column of an action, for an action that is
// there without what the protocol requires of it, and for a name that differs in one character from a known
// one which is missing. Other names that are not known are passed over. Source: the Delta Transaction Log
// Protocol, "Checkpoint Schema" and "Actions".
arrow::Status CheckCheckpointColumns(const ::parquet::SchemaDescriptor& schema);

}  // namespace marquet::delta
