// Which symbol an instrument had on a date.
//
// Instrument ids are given out anew from day to day, so a symbol belongs to (instrument_id, date). Sources,
// the first that knows the pair wins: overrides out of a symbology.json; the SymbolMapping records of a live
// session, from their place in the stream on; the metadata's mappings, where the last listed interval that
// covers the date wins. Not thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "marquet/dbn/metadata.h"

namespace marquet::dbn {

class SymbolIndex {
 public:
  static constexpr int32_t kUnmapped = -1;
  static constexpr int32_t kNoDate = INT32_MIN;

  // Mappings say symbol -> ids or, when what was asked for were ids, id -> symbols.
  void AddMetadata(const Metadata& metadata);
  void AddOverrides(const std::vector<SymbolMapping>& mappings);
  void AddLive(uint32_t instrument_id, std::string_view symbol);

  // A number for the symbol, or kUnmapped.
  int32_t Resolve(uint32_t instrument_id, int32_t date) const {
    Cached& cached = cache_[instrument_id % cache_.size()];
    if (cached.instrument_id != instrument_id || cached.date != date || !cached.valid) {
      cached = {instrument_id, date, LookUp(instrument_id, date), true};
    }
    return cached.symbol;
  }

  const std::string& symbol(int32_t number) const { return symbols_[number]; }

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

  int32_t NumberOf(std::string_view symbol);
  static void Assign(Spans& spans, int32_t start, int32_t end, int32_t symbol);
  void Add(Intervals& into, std::string_view id, std::string_view symbol, const MappingInterval& interval);
  int32_t LookUp(uint32_t instrument_id, int32_t date) const;

  std::vector<std::string> symbols_;
  std::unordered_map<std::string, int32_t> numbers_;
  Intervals overrides_;
  Intervals metadata_;
  std::unordered_map<uint32_t, int32_t> live_;
  mutable std::array<Cached, 1024> cache_;
};

}  // namespace marquet::dbn
