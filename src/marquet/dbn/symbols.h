// Which symbol an instrument had on a date.
//
// Instrument ids are given out anew from day to day, so a symbol belongs to (instrument_id, date). Sources,
// the first that knows the pair wins: the SymbolMapping records of a live session, from their place in the
// stream on; the header's mappings; mappings that lie beside the file. Where intervals of a header overlap,
// the one that starts last holds, of several the one listed last, as in Databento's own transcoder. Not
// thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "marquet/dbn/reader.h"

namespace marquet::dbn {

class SymbolIndex {
 public:
  static constexpr int32_t kUnmapped = -1;
  static constexpr int32_t kNoDate = INT32_MIN;

  // A SymbolMapping record. Times are ns since 1970; UINT64_MAX where the interval has no such end.
  struct LiveMapping {
    uint32_t instrument_id = 0;
    std::string_view symbol_in, symbol_out;
    uint64_t start = 0, end = 0;
  };

  // Mappings say symbol -> ids or, when what was asked for were ids, id -> symbols.
  void AddHeader(const Metadata& metadata);
  // Symbol -> ids.
  void AddBeside(const std::vector<SymbolMapping>& mappings);
  void AddLive(const LiveMapping& mapping);

  // A number for the symbol, or kUnmapped.
  int32_t Resolve(uint32_t instrument_id, int32_t date) const {
    Cached& cached = cache_[instrument_id % cache_.size()];
    if (cached.instrument_id != instrument_id || cached.date != date || !cached.valid) {
      cached = {instrument_id, date, LookUp(instrument_id, date), true};
    }
    return cached.symbol;
  }

  const std::string& symbol(int32_t number) const { return symbols_[number]; }

  // Where the header and the mappings beside it name different symbols.
  std::optional<SymbolConflict> Conflict() const;
  // What stands in an id's place and is none.
  const UnreadIds& unread_ids() const { return unread_ids_; }

 private:
  struct Span {
    int32_t end;  // exclusive
    int32_t symbol;
  };
  using Spans = std::map<int32_t, Span>;  // by start date; disjoint
  struct Cached {
    uint32_t instrument_id = 0;
    int32_t date = 0;
    int32_t symbol = kUnmapped;
    bool valid = false;
  };
  using Intervals = std::unordered_map<uint32_t, Spans>;
  struct Interval {
    uint32_t instrument_id;
    int32_t start, end, symbol;
  };

  int32_t NumberOf(std::string_view symbol);
  static void Assign(Spans& spans, int32_t start, int32_t end, int32_t symbol);
  void Gather(std::string_view id, std::string_view symbol, const MappingInterval& interval,
              std::vector<Interval>* gathered);
  static void Lay(std::vector<Interval> intervals, Intervals* into);
  int32_t LookUp(uint32_t instrument_id, int32_t date) const;

  std::vector<std::string> symbols_;
  std::unordered_map<std::string, int32_t> numbers_;
  Intervals live_, header_, beside_;
  UnreadIds unread_ids_;
  mutable std::array<Cached, 1024> cache_;
};

}  // namespace marquet::dbn
