// The metadata header of a DBN stream: what was asked of Databento and how symbols map to instruments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace marquet::dbn {

struct MappingInterval {
  int32_t start_date = 0;  // days since 1970, inclusive
  int32_t end_date = 0;    // exclusive
  std::string symbol;      // for raw_symbol -> instrument_id, the id in decimal
};

struct SymbolMapping {
  std::string raw_symbol;
  std::vector<MappingInterval> intervals;
};

struct Metadata {
  int version = 3;  // of the encoding: 1, 2 or 3
  std::string dataset;
  std::optional<uint16_t> schema;  // nothing: mixed records, or live data
  uint64_t start = 0;              // ns since 1970
  std::optional<uint64_t> end;
  std::optional<uint64_t> limit;
  std::optional<uint8_t> stype_in;
  uint8_t stype_out = 0;
  bool ts_out = false;
  uint16_t symbol_cstr_len = 71;
  std::vector<std::string> symbols;
  std::vector<std::string> partial;
  std::vector<std::string> not_found;
  std::vector<SymbolMapping> mappings;
};

}  // namespace marquet::dbn
