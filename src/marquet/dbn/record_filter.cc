#include "marquet/dbn/record_filter.h"

#include <algorithm>
#include <cstring>

#include "marquet/base/time.h"

namespace marquet::dbn {

RecordFilter::RecordFilter(const ReadOptions& options, const SymbolIndex& symbols) : symbols_(symbols) {
  selections_.push_back(options.selection);
  for (const auto& [kind, held] : options.held) {
    const size_t from = selections_.size();
    selections_.insert(selections_.end(), held.begin(), held.end());
    held_[static_cast<size_t>(kind)] = {from, selections_.size()};
    counts_.held_matched[kind].resize(held.size());
  }
  has_symbol_.resize(selections_.size());
  counts_.pattern_matched.resize(options.selection.symbols.size());
}

bool RecordFilter::HasSymbol(size_t selection, int32_t symbol) {
  const Selection& wanted = selections_[selection];
  if (wanted.symbols.empty()) return true;
  if (symbol == SymbolIndex::kUnmapped) return false;
  std::vector<Known>& known = has_symbol_[selection];
  const auto number = static_cast<size_t>(symbol);
  if (number >= known.size()) known.resize(number + 1, Known::kNotYet);
  if (known[number] == Known::kNotYet) {
    const std::string& name = symbols_.symbol(symbol);
    known[number] = wanted.HasSymbol(name) ? Known::kYes : Known::kNo;
    for (size_t i = 0; selection == 0 && i < wanted.symbols.size(); ++i) {
      if (MatchesPattern(wanted.symbols[i], name)) counts_.pattern_matched[i] = true;
    }
  }
  return known[number] == Known::kYes;
}

bool RecordFilter::Takes(const uint8_t* record, const RecordFormat& format) {
  const std::optional<int64_t> time = TimeOf(record, format.ts_recv_offset);
  if (time) {
    counts_.first_ns = std::min(counts_.first_ns.value_or(*time), *time);
    counts_.last_ns = std::max(counts_.last_ns.value_or(*time), *time);
  }
  std::optional<int32_t> resolved;
  const auto selects = [&](size_t selection) {
    if (!selections_[selection].HasTime(time)) return false;
    if (selections_[selection].symbols.empty()) return true;
    if (!resolved) {
      uint32_t instrument_id = 0;
      std::memcpy(&instrument_id, record + 4, sizeof(instrument_id));
      resolved = time ? symbols_.Resolve(instrument_id, DateOfNanos(*time)) : SymbolIndex::kUnmapped;
    }
    return HasSymbol(selection, *resolved);
  };
  const bool asked = selects(0);
  bool held = false;
  const auto [from, to] = held_[static_cast<size_t>(format.kind)];
  for (size_t i = from; i < to; ++i) {
    if (!selects(i)) continue;
    ++counts_.held_matched[format.kind][i - from];
    held = true;
  }
  if (asked) {
    ++counts_.matched[format.kind];
    if (!held) return true;
    ++counts_.held;
  }
  ++counts_.not_selected;
  return false;
}

}  // namespace marquet::dbn
