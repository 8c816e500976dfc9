#include "marquet/pipeline/ingest_call.h"

#include <algorithm>

#include "marquet/base/error.h"
#include "marquet/pipeline/source_stream.h"

namespace marquet::pipeline {

void PlannedTable::Add(SourceDescription source) {
  std::string digest = source.digest;
  // Of bytes that would be there twice the first are as good as the second: their ranges are the same.
  const auto [added, is_new] = sources_.try_emplace(std::move(digest), std::move(source));
  if (!is_new) return;
  for (const auto& [key, ranges] : added->second.ranges) {
    for (const SourceRange& range : ranges) {
      if (range.has_times()) by_key_[key].Add(range.first_ns, range.last_ns, &added->second);
    }
  }
}

const SourceDescription* PlannedTable::Find(const std::string& digest) const {
  const auto found = sources_.find(digest);
  return found == sources_.end() ? nullptr : &found->second;
}

std::map<std::string, const SourceDescription*> PlannedTable::MayMeet(const SourceRanges& ranges) const {
  std::map<std::string, const SourceDescription*> found;
  for (const auto& [key, of_key] : ranges) {
    const auto there = by_key_.find(key);
    if (there == by_key_.end()) continue;
    for (const SourceRange& range : of_key) {
      if (!range.has_times()) continue;
      there->second.ForEachMeeting(range.first_ns, range.last_ns, [&](const SourceDescription* source) {
        found.emplace(source->digest, source);
      });
    }
  }
  return found;
}

arrow::Result<IngestedTable*> IngestCall::TableAt(const std::string& path) {
  IngestedTable& known = tables_[path];
  if (known.table != nullptr) {
    ARROW_RETURN_NOT_OK(known.table->Refresh());
    return &known;
  }
  auto table = table::Table::Open(fs_, path);
  if (IsKind(table.status(), ErrorKind::kNotFound)) return &known;
  ARROW_ASSIGN_OR_RAISE(known.table, std::move(table));
  return &known;
}

void IngestCall::Selected(const dbn::ReadSummary& summary) {
  constexpr size_t kMostNamed = 1'000;
  const dbn::SelectionCounts& counts = summary.selection;
  matched_.resize(std::max(matched_.size(), counts.pattern_matched.size()));
  for (size_t i = 0; i < counts.pattern_matched.size(); ++i) {
    if (counts.pattern_matched[i]) matched_[i] = true;
  }
  for (const auto& [kind, rows] : counts.matched) has_matched_rows_ = has_matched_rows_ || rows > 0;
  for (const dbn::SymbolMapping& mapping : summary.metadata.mappings) {
    if (named_symbols_.size() >= kMostNamed) break;
    if (!mapping.intervals.empty()) named_symbols_.insert(mapping.raw_symbol);
  }
}

arrow::Result<bool> IngestCall::Contains(const SourceDescription& held) {
  if (digests_.contains(held.digest)) return true;
  if (!files_) {
    std::multimap<int64_t, File> files;
    for (const SourceFile& source : sources_) {
      if (source.standard_input()) continue;
      ARROW_ASSIGN_OR_RAISE(const file::FileInfo info, fs_->Stat(source.path));
      files.insert({info.size, {&source.path, {}}});
    }
    files_ = std::move(files);
  }
  const auto [begin, end] = files_->equal_range(held.bytes);
  for (auto file = begin; file != end; ++file) {
    std::string& digest = file->second.digest;
    if (digest.empty()) {
      ARROW_ASSIGN_OR_RAISE(digest, DigestOfFile(*fs_, *file->second.path, stop_));
    }
    if (digest == held.digest) return true;
  }
  return false;
}

}  // namespace marquet::pipeline
