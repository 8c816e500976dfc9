#include "marquet/jobs/ingest/candidate_table_internal.h"

#include <fmt/format.h>

#include "marquet/base/error.h"

namespace marquet::jobs {

std::string TableOfKind(const IngestOptions& options, dbn::RecordKind kind) {
  if (!options.split_by_schema) return options.table;
  return file::JoinPath(options.table, dbn::KindName(kind));
}

std::vector<std::string> TablesOfAllKinds(const IngestOptions& options) {
  if (!options.split_by_schema) return {options.table};
  std::vector<std::string> paths;
  for (int kind = 0; kind <= static_cast<int>(dbn::RecordKind::kDefinition); ++kind) {
    paths.push_back(TableOfKind(options, static_cast<dbn::RecordKind>(kind)));
  }
  return paths;
}

arrow::Status GoneMeanwhile(const std::string& table, const std::string& source) {
  return Conflict(fmt::format("{}: {} was ingested meanwhile, and its rows went again", table, source),
                  "Run this one again: 'marquet history' tells what changed the table.");
}

arrow::Result<CandidateTable> CandidateTable::At(file::FileSystem* fs, IngestCall* call,
                                                 const std::string& path, bool refresh) {
  CandidateTable candidate(fs, path);
  candidate.known_ = &call->KnownTable(path);
  if (refresh || candidate.known_->table == nullptr) {
    ARROW_ASSIGN_OR_RAISE(candidate.known_, call->TableAt(path));
  }
  if (candidate.known_->table != nullptr) candidate.snapshot_ = candidate.known_->table->snapshot();
  const auto planned = call->planned.find(path);
  if (planned != call->planned.end()) candidate.planned_ = &planned->second;
  return candidate;
}

arrow::Status CandidateTable::LookAgain() {
  if (snapshot_ == nullptr) return arrow::Status::OK();
  return known_->table->log().Latest().Value(&snapshot_);
}

const std::vector<std::string>& CandidateTable::partition_columns() const {
  return snapshot_ != nullptr ? snapshot_->metadata.partition_columns : planned_->partition_columns;
}

const ledger::SourceDescription* CandidateTable::Planned(const std::string& digest) const {
  return planned_ == nullptr ? nullptr : planned_->Find(digest);
}

bool CandidateTable::HasSources() const {
  return planned_ != nullptr || (snapshot_ != nullptr && !snapshot_->transactions.empty());
}

bool CandidateTable::MayHoldBytes(int64_t bytes) const {
  if (planned_ != nullptr || snapshot_ == nullptr) return planned_ != nullptr;
  known_->sources.Update(snapshot_);
  return known_->sources.MayHoldBytes(*fs_, path_, bytes);
}

int64_t CandidateTable::TimesOf(const std::string& digest) const {
  const delta::Transaction* stored =
      snapshot_ == nullptr ? nullptr : snapshot_->transactions.Find(ledger::SourceAppId(digest));
  return stored == nullptr ? 0 : stored->version;
}

bool CandidateTable::Has(const std::string& digest) const {
  return Planned(digest) != nullptr || TimesOf(digest) % 2 == 1;
}

arrow::Result<std::optional<ledger::SourceDescription>> CandidateTable::Newest(
    const std::string& digest) const {
  if (const ledger::SourceDescription* planned = Planned(digest)) return *planned;
  if (snapshot_ == nullptr) return std::nullopt;
  return ledger::ReadNewestIngest(*fs_, path_, *snapshot_, digest);
}

arrow::Status CandidateTable::AddLosses(const std::vector<ledger::BroughtPart>& parts,
                                        ledger::SourceLosses* losses) const {
  if (snapshot_ == nullptr) return arrow::Status::OK();
  ledger::SourceIndex& sources = known_->sources;
  sources.Update(snapshot_);
  for (const ledger::BroughtPart& part : parts) {
    if (part.id.empty()) continue;  // that a dry run would bring
    ARROW_ASSIGN_OR_RAISE(const ledger::HeldSource source,
                          ledger::ReadHeldSource(*fs_, path_, *snapshot_, part.id));
    // Files that do not tell whose rows they hold may hold these.
    losses->Add(source, !sources.FilesOf(part.id).empty() || !sources.FilesOf({}).empty());
  }
  return arrow::Status::OK();
}

}  // namespace marquet::jobs
