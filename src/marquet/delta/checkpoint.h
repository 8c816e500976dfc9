// Checkpoints: the state of a table at one version as Parquet, so that a reader need not replay every commit.
// Source: the Delta Transaction Log Protocol, "Checkpoints" and "Checkpoint Schema".
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/delta/actions.h"
#include "marquet/delta/log.h"
#include "marquet/delta/log_files.h"
#include "marquet/file/file_system.h"

namespace marquet::delta {

struct CheckpointContent {
  std::vector<std::shared_ptr<const AddFile>> files;
  std::vector<Action> rest;  // protocol, metaData, removes, transactions
};

// Reads a classic, multi-part or V2 checkpoint, its sidecars included. kNotFound when a file of it is
// missing, kCorruptData when one is damaged or not of a checkpoint's schema, kUnsupported for deletion
// vectors.
arrow::Result<CheckpointContent> ReadCheckpoint(const std::shared_ptr<file::FileSystem>& fs,
                                                const std::string& log_directory,
                                                const CheckpointFiles& files);

// Writes the classic checkpoint of a snapshot, durably and in one piece, then points _last_checkpoint at it
// unless that points further already. OK when the checkpoint is there already.
arrow::Status WriteCheckpoint(const std::shared_ptr<file::FileSystem>& fs, const std::string& log_directory,
                              const Snapshot& snapshot);

}  // namespace marquet::delta
