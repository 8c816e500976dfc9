#include "marquet/jobs/ingest/ingest_call.h"

#include <algorithm>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/jobs/ingest/source_stream.h"

namespace marquet::jobs {
namespace {

// The times of all ranges, those that meet joined: what many instruments have in common is looked up once.
std::vector<std::pair<int64_t, int64_t>> TimesOf(const std::vector<ledger::SourceRange>& ranges) {
  std::vector<std::pair<int64_t, int64_t>> times, joined;
  for (const ledger::SourceRange& range : ranges) {
    if (range.has_times()) times.emplace_back(range.first_ns, range.last_ns);
  }
  std::sort(times.begin(), times.end());
  for (const auto& time : times) {
    if (joined.empty() || joined.back().second < time.first) {
      joined.push_back(time);
    } else {
      joined.back().second = std::max(joined.back().second, time.second);
    }
  }
  return joined;
}

}  // namespace

void PlannedTable::Add(ledger::SourceDescription source) {
  std::string digest = source.digest;
  // Of bytes that would be there twice the first are as good as the second: their ranges are the same.
  const auto [added, is_new] = sources_.try_emplace(std::move(digest), std::move(source));
  if (!is_new) return;
  for (const auto& [key, ranges] : added->second.ranges) {
    for (const auto& [first, last] : TimesOf(ranges)) by_key_[key].Add(first, last, &added->second);
  }
}

const ledger::SourceDescription* PlannedTable::Find(const std::string& digest) const {
  const auto found = sources_.find(digest);
  return found == sources_.end() ? nullptr : &found->second;
}

std::map<std::string, const ledger::SourceDescription*> PlannedTable::MayMeet(
    const ledger::SourceRanges& ranges) const {
  std::map<std::string, const ledger::SourceDescription*> found;
  for (const auto& [key, of_key] : ranges) {
    const auto there = by_key_.find(key);
    if (there == by_key_.end()) continue;
    for (const auto& [first, last] : TimesOf(of_key)) {
      there->second.ForEachMeeting(first, last, [&](const ledger::SourceDescription* source) {
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
  if (counts.first_ns) first_ns_ = std::min(first_ns_.value_or(*counts.first_ns), *counts.first_ns);
  if (counts.last_ns) last_ns_ = std::max(last_ns_.value_or(*counts.last_ns), *counts.last_ns);
  for (const auto& [kind, rows] : counts.matched) has_matched_rows_ = has_matched_rows_ || rows > 0;
  for (const dbn::SymbolMapping& mapping : summary.metadata.mappings) {
    if (named_symbols_.size() >= kMostNamed) break;
    if (!mapping.intervals.empty()) named_symbols_.insert(mapping.raw_symbol);
  }
}

std::string IngestCall::HintOf(const dbn::Selection& selection) const {
  constexpr size_t kMostNamed = 10;
  const std::string times = first_ns_ && last_ns_
                                ? fmt::format("their rows are of times from {} to {}",
                                              FormatNanos(*first_ns_), FormatNanos(*last_ns_))
                                : std::string("none of their rows has a time");
  if (selection.symbols.empty()) return times;
  std::vector<std::string> named(named_symbols_.begin(), named_symbols_.end());
  if (named.empty()) return {};
  const bool has_such = std::any_of(named.begin(), named.end(),
                                    [&](const std::string& symbol) { return selection.HasSymbol(symbol); });
  if (has_such) {
    const bool by_time = selection.start_ns || selection.end_ns;
    return "they name such symbols, but have no rows of them" +
           (by_time ? " at the times selected; " + times : std::string());
  }
  std::string near;
  for (const std::string& symbol : selection.symbols) {
    if (near.empty()) near = DidYouMean(symbol, named);
  }
  if (near.empty()) {
    const bool more = named.size() > kMostNamed;
    if (more) named.resize(kMostNamed);
    near = fmt::format("they name {}{}", fmt::join(named, ", "), more ? " and others" : "");
  }
  return "none of them has such a symbol; " + near;
}

arrow::Result<bool> IngestCall::Contains(const ledger::SourceDescription& held) {
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

}  // namespace marquet::jobs
