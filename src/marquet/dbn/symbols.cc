#include "marquet/dbn/symbols.h"

#include <algorithm>
#include <charconv>

#include "marquet/base/time.h"

namespace marquet::dbn {
namespace {

constexpr uint8_t kStypeInstrumentId = 0;
constexpr int32_t kAlways = INT32_MIN;
constexpr int32_t kForever = INT32_MAX;

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Days since 1970 of a time, or `undefined`.
int32_t DayOf(uint64_t nanos, int32_t undefined) {
  constexpr auto kNanos = static_cast<uint64_t>(kNanosPerDay);
  return nanos == UINT64_MAX ? undefined : static_cast<int32_t>(nanos / kNanos);
}

}  // namespace

std::optional<uint32_t> ParseInstrumentId(std::string_view text) {
  uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

int32_t SymbolIndex::NumberOf(std::string_view symbol) {
  const auto [entry, added] = numbers_.emplace(symbol, static_cast<int32_t>(symbols_.size()));
  if (added) symbols_.emplace_back(symbol);
  return entry->second;
}

void SymbolIndex::Gather(std::string_view id, std::string_view symbol, const MappingInterval& interval,
                         std::vector<Interval>* gathered) {
  if (id.empty() || symbol.empty()) return;  // a symbol that was not resolved for these dates
  const auto instrument_id = ParseInstrumentId(id);
  if (!instrument_id) {
    if (unread_ids_.count++ == 0) unread_ids_.first = id;
    return;
  }
  gathered->push_back({*instrument_id, interval.start_date, interval.end_date, NumberOf(symbol)});
}

// In the order of their starts each lies over those before it.
void SymbolIndex::Lay(std::vector<Interval> intervals, Intervals* into) {
  std::stable_sort(intervals.begin(), intervals.end(),
                   [](const Interval& a, const Interval& b) { return a.start < b.start; });
  for (const Interval& interval : intervals) {
    Assign((*into)[interval.instrument_id], interval.start, interval.end, interval.symbol);
  }
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

void SymbolIndex::AddHeader(const Metadata& metadata) {
  const bool asked_for_ids = metadata.stype_in == kStypeInstrumentId;
  if (!asked_for_ids && metadata.stype_out != kStypeInstrumentId) return;
  std::vector<Interval> gathered;
  for (const SymbolMapping& mapping : metadata.mappings) {
    for (const MappingInterval& interval : mapping.intervals) {
      if (asked_for_ids) {
        Gather(mapping.raw_symbol, interval.symbol, interval, &gathered);
      } else {
        Gather(interval.symbol, mapping.raw_symbol, interval, &gathered);
      }
    }
  }
  Lay(std::move(gathered), &header_);
  cache_.fill({});
}

void SymbolIndex::AddBeside(const std::vector<SymbolMapping>& mappings) {
  std::vector<Interval> gathered;
  for (const SymbolMapping& mapping : mappings) {
    for (const MappingInterval& interval : mapping.intervals) {
      Gather(interval.symbol, mapping.raw_symbol, interval, &gathered);
    }
  }
  Lay(std::move(gathered), &beside_);
  cache_.fill({});
}

// The symbol that came out of the mapping says more than the one that was asked for ("ES.c.0"), unless it is
// but the instrument's id. The interval's ends are taken as dates, the last one exclusive; one that is empty
// tells no dates, so that the mapping holds until another comes.
void SymbolIndex::AddLive(const LiveMapping& mapping) {
  const std::string_view symbol = IsNumber(mapping.symbol_out) ? mapping.symbol_in : mapping.symbol_out;
  if (symbol.empty()) return;
  const bool is_empty = mapping.start != UINT64_MAX && mapping.start >= mapping.end;
  const int32_t start = is_empty ? kAlways : DayOf(mapping.start, kAlways);
  const int32_t end = is_empty ? kForever : DayOf(mapping.end, kForever);
  Assign(live_[mapping.instrument_id], start, std::max(end, start + 1),  // a part of one day is that day
         NumberOf(symbol));
  cache_[mapping.instrument_id % cache_.size()] = {};
}

int32_t SymbolIndex::LookUp(uint32_t instrument_id, int32_t date) const {
  for (const Intervals* intervals : {&live_, &header_, &beside_}) {
    const auto found = intervals->find(instrument_id);
    if (found == intervals->end()) continue;
    auto span = found->second.upper_bound(date);
    if (span == found->second.begin()) continue;
    --span;
    if (date < span->second.end) return span->second.symbol;
  }
  return kUnmapped;
}

std::optional<SymbolConflict> SymbolIndex::Conflict() const {
  std::optional<SymbolConflict> conflict;
  for (const auto& [instrument_id, beside] : beside_) {
    const auto found = header_.find(instrument_id);
    if (found == header_.end()) continue;
    const Spans& header = found->second;
    auto ours = header.begin();
    auto theirs = beside.begin();
    while (ours != header.end() && theirs != beside.end()) {
      const int32_t date = std::max(ours->first, theirs->first);
      const bool meet = date < ours->second.end && date < theirs->second.end;
      if (meet && ours->second.symbol != theirs->second.symbol) {
        const int64_t instruments = conflict ? conflict->instruments : 0;
        if (!conflict || instrument_id < conflict->instrument_id) {
          conflict = SymbolConflict{0, instrument_id, date, symbols_[ours->second.symbol],
                                    symbols_[theirs->second.symbol]};
        }
        conflict->instruments = instruments + 1;
        break;
      }
      ++(ours->second.end < theirs->second.end ? ours : theirs);
    }
  }
  return conflict;
}

}  // namespace marquet::dbn
