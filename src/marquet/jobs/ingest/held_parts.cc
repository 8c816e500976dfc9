#include "marquet/jobs/ingest/held_parts_internal.h"

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/jobs/ingest/source_stream.h"
#include "spdlog/logger.h"

namespace marquet::jobs {

void HeldParts::Add(const CandidateTable& table, const ledger::SourceDescription& newest) {
  tables_[table.path()] = {table.TimesOf(newest.digest), newest.kind, newest.Parts()};
  digest_ = newest.digest;
}

std::vector<ledger::BroughtPart> HeldParts::Of(const std::string& table) const {
  const auto held = tables_.find(table);
  return held == tables_.end() ? std::vector<ledger::BroughtPart>() : held->second.parts;
}

void HeldParts::LeaveOut(dbn::ReadOptions* read) const {
  for (const auto& [path, held] : tables_) {
    for (const ledger::BroughtPart& part : held.parts) read->held[held.kind].push_back(part.selection);
  }
}

arrow::Result<ledger::SourceLosses> HeldParts::Losses(file::FileSystem* fs, IngestCall* call) const {
  ledger::SourceLosses losses;
  for (const auto& [path, held] : tables_) {
    ARROW_ASSIGN_OR_RAISE(const CandidateTable table, CandidateTable::At(fs, call, path, /*refresh=*/false));
    ARROW_RETURN_NOT_OK(table.AddLosses(held.parts, &losses));
  }
  return losses;
}

arrow::Status HeldParts::Check(const SourceFile& source, const ledger::SourceDescription& description) const {
  if (!tables_.empty() && description.digest != digest_) {
    return Conflict(source.name() + ": was changed while it was read", "Run this again.");
  }
  for (const auto& [path, held] : tables_) {
    const std::vector<int64_t>& matched = description.summary.selection.held_matched.at(held.kind);
    for (size_t i = 0; i < matched.size(); ++i) {
      const ledger::BroughtPart& part = held.parts[i];
      if (matched[i] == part.matched) continue;
      return InvalidInput(
          fmt::format("{}: {} selected {} of it when they came into {}, and {} now: its symbols are told "
                      "otherwise, so that the rows which did not come yet cannot be told",
                      source.name(), dbn::ToText(part.selection), Counted(part.matched, "row"), path,
                      WithCommas(matched[i])),
          "ingest it with the symbology.json that lay beside it, or all of it anew with --again --replace "
          "(again=True, on_overlap=\"replace\")");
    }
  }
  return arrow::Status::OK();
}

arrow::Result<bool> HeldParts::CameMeanwhile(const CandidateTable& table, const SourceFile& source,
                                             const std::string& digest,
                                             const dbn::Selection& selection) const {
  ARROW_ASSIGN_OR_RAISE(const auto newest, table.Newest(digest));
  const auto parts = newest ? newest->Parts() : std::vector<ledger::BroughtPart>();
  if (ledger::AnyCovers(parts, selection)) return true;
  const auto held = tables_.find(table.path());
  const int64_t before = held == tables_.end() ? 0 : held->second.times;
  if (parts.empty() ? held == tables_.end() : table.TimesOf(digest) == before) return false;
  if (source.standard_input()) {
    return InvalidInput(
        fmt::format("{}: the table {} holds {} of these bytes; which of them are new must be known before "
                    "they are read",
                    source.name(), table.path(), ledger::SelectionsOf(parts)),
        "name the file in place of standard input");
  }
  return Conflict(
      fmt::format("{}: the table {} holds {} of these bytes, which others changed while they were read",
                  source.name(), table.path(), parts.empty() ? "nothing" : ledger::SelectionsOf(parts)));
}

arrow::Result<HeldInAll> HeldInAll::Of(const std::vector<CandidateTable>& tables, const std::string& digest,
                                       const std::string& source) {
  HeldInAll held;
  held.version = tables.front().version();
  for (const CandidateTable& table : tables) {
    ARROW_ASSIGN_OR_RAISE(const auto newest, table.Newest(digest));
    if (!newest) return GoneMeanwhile(table.path(), source);
    ARROW_RETURN_NOT_OK(table.AddLosses(newest->Parts(), &held.losses));
    if (&table == &tables.front()) held.source = *newest;
  }
  return held;
}

arrow::Result<HeldBytes> FindHeldBytes(file::FileSystem* fs, const IngestOptions& options,
                                       const SourceFile& source, int64_t bytes, IngestCall* call) {
  HeldBytes found;
  if (source.standard_input()) return found;
  const bool replaces = options.on_overlap == OnOverlap::kReplace;
  // Of --again --replace only what the call itself has brought: its sources never take each other's place.
  if (options.again && (!replaces || !call->HasBroughtAny())) return found;
  std::vector<CandidateTable> tables;
  for (const std::string& path : TablesOfAllKinds(options)) {
    ARROW_ASSIGN_OR_RAISE(CandidateTable table, CandidateTable::At(fs, call, path, true));
    if (table.HasSources() && table.MayHoldBytes(bytes)) tables.push_back(std::move(table));
  }
  if (tables.empty()) return found;
  Log().debug("{}: hashing it first, because a source of its size is held", source.name());
  ARROW_ASSIGN_OR_RAISE(const std::string digest, DigestOfFile(*fs, source.path, options.stop));
  if (options.again && !call->HasBrought(digest)) return found;
  std::erase_if(tables, [&](const CandidateTable& table) { return !table.Has(digest); });
  bool all = !tables.empty();
  for (const CandidateTable& table : tables) {
    ARROW_ASSIGN_OR_RAISE(const auto newest, table.Newest(digest));
    if (!newest) return GoneMeanwhile(table.path(), source.name());
    if (ledger::AnyCovers(newest->Parts(), options.selection)) continue;
    all = false;
    if (TableOfKind(options, newest->kind) != table.path()) continue;  // no table for it, which is told later
    found.parts.Add(table, *newest);
  }
  if (!all) return found;
  ARROW_ASSIGN_OR_RAISE(HeldInAll held, HeldInAll::Of(tables, digest, source.name()));
  if (options.split_by_schema && tables.size() < held.source.summary.rows.size()) return found;
  found.all = std::move(held);
  return found;
}

}  // namespace marquet::jobs
