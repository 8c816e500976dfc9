// A table that the records of a source may belong in, as it is or as a dry run leaves it in mind: whether it
// holds these bytes already, and what of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/delta/log.h"
#include "marquet/file/file_system.h"
#include "marquet/jobs/ingest/ingest.h"
#include "marquet/jobs/ingest/ingest_call.h"
#include "marquet/ledger/held_source.h"
#include "marquet/ledger/source_description.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

// The table for records of a kind, and all that there may be.
std::string TableOfKind(const IngestOptions& options, dbn::RecordKind kind);
std::vector<std::string> TablesOfAllKinds(const IngestOptions& options);

// kConflict, for a source whose rows came into a table and went again while it was being read.
arrow::Status GoneMeanwhile(const std::string& table, const std::string& source);

// Not thread safe. The file system and the call outlive it.
class CandidateTable {
 public:
  // `refresh`: with what others committed since the call last looked.
  static arrow::Result<CandidateTable> At(file::FileSystem* fs, IngestCall* call, const std::string& path,
                                          bool refresh);
  // Looks at what others have committed by now, while the call's table stays at its version.
  arrow::Status LookAgain();

  const std::string& path() const { return path_; }
  bool is_there() const { return snapshot_ != nullptr || planned_ != nullptr; }
  int64_t version() const { return snapshot_ == nullptr ? -1 : snapshot_->version; }
  const std::shared_ptr<table::Table>& table() const { return known_->table; }  // null where there is none
  // Of one that is there.
  const std::vector<std::string>& partition_columns() const;

  bool HasSources() const;
  // False when none of its sources has so many bytes.
  bool MayHoldBytes(int64_t bytes) const;
  bool Has(const std::string& digest) const;
  // How often these bytes came and went, by the version of their txn action; odd while rows of theirs are
  // there.
  int64_t TimesOf(const std::string& digest) const;

  // The newest ingest of these bytes of which rows are there; nothing when none are.
  arrow::Result<std::optional<ledger::SourceDescription>> Newest(const std::string& digest) const;
  // What went of the rows that parts of a source have brought into it.
  arrow::Status AddLosses(const std::vector<ledger::BroughtPart>& parts, ledger::SourceLosses* losses) const;

 private:
  CandidateTable(file::FileSystem* fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  const ledger::SourceDescription* Planned(const std::string& digest) const;

  file::FileSystem* fs_;
  std::string path_;
  IngestedTable* known_ = nullptr;
  std::shared_ptr<const delta::Snapshot> snapshot_;  // null as long as there is no table
  const PlannedTable* planned_ = nullptr;            // null but in a dry run
};

}  // namespace marquet::jobs
