#include "marquet/dbn/symbols.h"

#include <charconv>
#include <optional>

namespace marquet::dbn {
namespace {

constexpr uint8_t kStypeInstrumentId = 0;

std::optional<uint32_t> ParseId(std::string_view text) {
  uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

}  // namespace

int32_t SymbolIndex::NumberOf(std::string_view symbol) {
  const auto [entry, added] = numbers_.emplace(symbol, static_cast<int32_t>(symbols_.size()));
  if (added) symbols_.emplace_back(symbol);
  return entry->second;
}

void SymbolIndex::Add(Intervals& into, std::string_view id, std::string_view symbol,
                      const MappingInterval& interval) {
  const auto instrument_id = ParseId(id);
  if (!instrument_id || symbol.empty()) return;  // a symbol that was not resolved for these dates
  Assign(into[*instrument_id], interval.start_date, interval.end_date, NumberOf(symbol));
}

// What [start, end) said before is forgotten; a span that reaches beyond it is cut or split.
void SymbolIndex::Assign(Spans& spans, int32_t start, int32_t end, int32_t symbol) {
  if (start >= end) return;
  auto next = spans.lower_bound(start);
  if (next != spans.begin()) {
    auto before = std::prev(next);
    const Span cut = before->second;
    if (cut.end > start) {
      before->second.end = start;
      if (cut.end > end) next = spans.emplace_hint(next, end, cut);
    }
  }
  while (next != spans.end() && next->first < end) {
    const Span covered = next->second;
    next = spans.erase(next);
    if (covered.end > end) next = spans.emplace_hint(next, end, covered);
  }
  spans.emplace_hint(next, start, Span{end, symbol});
}

void SymbolIndex::AddMetadata(const Metadata& metadata) {
  const bool asked_for_ids = metadata.stype_in == kStypeInstrumentId;
  if (!asked_for_ids && metadata.stype_out != kStypeInstrumentId) return;
  for (const SymbolMapping& mapping : metadata.mappings) {
    for (const MappingInterval& interval : mapping.intervals) {
      if (asked_for_ids) {
        Add(metadata_, mapping.raw_symbol, interval.symbol, interval);
      } else {
        Add(metadata_, interval.symbol, mapping.raw_symbol, interval);
      }
    }
  }
  cache_.fill({});
}

void SymbolIndex::AddOverrides(const std::vector<SymbolMapping>& mappings) {
  for (const SymbolMapping& mapping : mappings) {
    for (const MappingInterval& interval : mapping.intervals) {
      Add(overrides_, interval.symbol, mapping.raw_symbol, interval);
    }
  }
  cache_.fill({});
}

void SymbolIndex::AddLive(uint32_t instrument_id, std::string_view symbol) {
  if (symbol.empty()) return;
  live_[instrument_id] = NumberOf(symbol);
  cache_[instrument_id % cache_.size()] = {};
}

int32_t SymbolIndex::LookUp(uint32_t instrument_id, int32_t date) const {
  auto covering = [&](const Intervals& intervals) {
    const auto found = intervals.find(instrument_id);
    if (found == intervals.end()) return kUnmapped;
    auto span = found->second.upper_bound(date);
    if (span == found->second.begin()) return kUnmapped;
    --span;
    if (date < span->second.end) return span->second.symbol;
    return kUnmapped;
  };
  if (const int32_t symbol = covering(overrides_); symbol != kUnmapped) return symbol;
  if (const auto live = live_.find(instrument_id); live != live_.end()) return live->second;
  return covering(metadata_);
}

}  // namespace marquet::dbn
