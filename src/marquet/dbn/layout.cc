#include "marquet/dbn/layout.h"

#include <array>
#include <cstdio>

namespace marquet::dbn {
namespace {

using R = Role;
using W = Wire;

constexpr Place kAbsent{-1};

// The same place in every version, or one for versions 1 and 2 and another for 3, or all three.
Column At(const char* name, Role role, Place place) { return {name, role, {place, place, place}}; }
Column At(const char* name, Role role, Place v12, Place v3) { return {name, role, {v12, v12, v3}}; }
Column At(const char* name, Role role, Place v1, Place v2, Place v3) { return {name, role, {v1, v2, v3}}; }

// Column names of book levels live as long as the program.
const char* LevelName(const char* stem, int level) {
  static std::vector<std::unique_ptr<char[]>> names;
  names.push_back(std::make_unique<char[]>(16));
  std::snprintf(names.back().get(), 16, "%s_%02d", stem, level);
  return names.back().get();
}

void AddHeader(std::vector<Column>& columns) {
  columns.push_back(At("ts_event", R::kTime, {8, W::kU64}));
  columns.push_back(At("rtype", R::kPlain, {1, W::kU8}));
  columns.push_back(At("publisher_id", R::kPlain, {2, W::kU16}));
  columns.push_back(At("instrument_id", R::kPlain, {4, W::kU32}));
}

void Add(std::vector<Column>& columns, std::initializer_list<Column> more) {
  columns.insert(columns.end(), more);
}

void AddLevels(std::vector<Column>& columns, int levels) {
  for (int16_t i = 0; i < levels; ++i) {
    const auto base = static_cast<int16_t>(48 + 32 * i);
    auto at = [base](int by) { return static_cast<int16_t>(base + by); };
    Add(columns, {At(LevelName("bid_px", i), R::kPrice, {base, W::kI64}),
                  At(LevelName("ask_px", i), R::kPrice, {at(8), W::kI64}),
                  At(LevelName("bid_sz", i), R::kMaximum, {at(16), W::kU32}),
                  At(LevelName("ask_sz", i), R::kMaximum, {at(20), W::kU32}),
                  At(LevelName("bid_ct", i), R::kPlain, {at(24), W::kU32}),
                  At(LevelName("ask_ct", i), R::kPlain, {at(28), W::kU32})});
  }
}

void AddConsolidatedLevel(std::vector<Column>& columns) {
  Add(columns, {At("bid_px_00", R::kPrice, {48, W::kI64}), At("ask_px_00", R::kPrice, {56, W::kI64}),
                At("bid_sz_00", R::kMaximum, {64, W::kU32}), At("ask_sz_00", R::kMaximum, {68, W::kU32}),
                At("bid_pb_00", R::kPlain, {72, W::kU16}), At("ask_pb_00", R::kPlain, {76, W::kU16})});
}

KindLayout Kind(RecordKind kind, int16_t v1, int16_t v2, int16_t v3) { return {kind, {}, {v1, v2, v3}, {}}; }
KindLayout Kind(RecordKind kind, int16_t size) { return Kind(kind, size, size, size); }

void SetReserved(KindLayout& layout, std::vector<ByteRange> all) {
  for (auto& reserved : layout.reserved) reserved = all;
}

// trades, mbp-1 and mbp-10 differ in the number of levels only.
KindLayout MarketByPrice(RecordKind kind, int16_t size, int levels) {
  KindLayout layout = Kind(kind, size);
  auto& c = layout.columns;
  c.push_back(At("ts_recv", R::kTime, {32, W::kU64}));
  AddHeader(c);
  Add(c, {At("action", R::kPlain, {28, W::kChar}), At("side", R::kPlain, {29, W::kChar}),
          At("depth", R::kPlain, {31, W::kU8}), At("price", R::kPrice, {16, W::kI64}),
          At("size", R::kMaximum, {24, W::kU32}), At("flags", R::kPlain, {30, W::kU8}),
          At("ts_in_delta", R::kPlain, {40, W::kI32}), At("sequence", R::kPlain, {44, W::kU32})});
  AddLevels(c, levels);
  return layout;
}

KindLayout Mbo() {
  KindLayout layout = Kind(RecordKind::kMbo, 56);
  auto& c = layout.columns;
  c.push_back(At("ts_recv", R::kTime, {40, W::kU64}));
  AddHeader(c);
  Add(c, {At("action", R::kPlain, {38, W::kChar}), At("side", R::kPlain, {39, W::kChar}),
          At("price", R::kPrice, {24, W::kI64}), At("size", R::kMaximum, {32, W::kU32}),
          At("channel_id", R::kPlain, {37, W::kU8}), At("order_id", R::kBits, {16, W::kU64}),
          At("flags", R::kPlain, {36, W::kU8}), At("ts_in_delta", R::kPlain, {48, W::kI32}),
          At("sequence", R::kPlain, {52, W::kU32})});
  return layout;
}

KindLayout Bbo() {
  KindLayout layout = Kind(RecordKind::kBbo, 80);
  auto& c = layout.columns;
  c.push_back(At("ts_recv", R::kTime, {32, W::kU64}));
  AddHeader(c);
  Add(c, {At("side", R::kPlain, {29, W::kChar}), At("price", R::kPrice, {16, W::kI64}),
          At("size", R::kMaximum, {24, W::kU32}), At("flags", R::kPlain, {30, W::kU8}),
          At("sequence", R::kPlain, {44, W::kU32})});
  AddLevels(c, 1);
  SetReserved(layout, {{28, 1}, {31, 1}, {40, 4}});
  return layout;
}

KindLayout Cmbp1() {
  KindLayout layout = Kind(RecordKind::kCmbp1, 80);
  auto& c = layout.columns;
  c.push_back(At("ts_recv", R::kTime, {32, W::kU64}));
  AddHeader(c);
  Add(c, {At("action", R::kPlain, {28, W::kChar}), At("side", R::kPlain, {29, W::kChar}),
          At("price", R::kPrice, {16, W::kI64}), At("size", R::kMaximum, {24, W::kU32}),
          At("flags", R::kPlain, {30, W::kU8}), At("ts_in_delta", R::kPlain, {40, W::kI32})});
  AddConsolidatedLevel(c);
  SetReserved(layout, {{31, 1}, {44, 4}, {74, 2}, {78, 2}});
  return layout;
}

KindLayout Cbbo() {
  KindLayout layout = Kind(RecordKind::kCbbo, 80);
  auto& c = layout.columns;
  c.push_back(At("ts_recv", R::kTime, {32, W::kU64}));
  AddHeader(c);
  Add(c, {At("side", R::kPlain, {29, W::kChar}), At("price", R::kPrice, {16, W::kI64}),
          At("size", R::kMaximum, {24, W::kU32}), At("flags", R::kPlain, {30, W::kU8})});
  AddConsolidatedLevel(c);
  SetReserved(layout, {{28, 1}, {31, 1}, {40, 8}, {74, 2}, {78, 2}});
  return layout;
}

KindLayout Ohlcv() {
  KindLayout layout = Kind(RecordKind::kOhlcv, 56);
  auto& c = layout.columns;
  AddHeader(c);
  Add(c, {At("open", R::kPrice, {16, W::kI64}), At("high", R::kPrice, {24, W::kI64}),
          At("low", R::kPrice, {32, W::kI64}), At("close", R::kPrice, {40, W::kI64}),
          At("volume", R::kPlain, {48, W::kU64})});
  return layout;
}

KindLayout Status() {
  KindLayout layout = Kind(RecordKind::kStatus, 40);
  auto& c = layout.columns;
  c.push_back(At("ts_recv", R::kTime, {16, W::kU64}));
  AddHeader(c);
  Add(c, {At("action", R::kPlain, {24, W::kU16}), At("reason", R::kPlain, {26, W::kU16}),
          At("trading_event", R::kPlain, {28, W::kU16}), At("is_trading", R::kPlain, {30, W::kChar}),
          At("is_quoting", R::kPlain, {31, W::kChar}),
          At("is_short_sell_restricted", R::kPlain, {32, W::kChar})});
  SetReserved(layout, {{33, 7}});
  return layout;
}

KindLayout Imbalance() {
  KindLayout layout = Kind(RecordKind::kImbalance, 112);
  auto& c = layout.columns;
  c.push_back(At("ts_recv", R::kTime, {16, W::kU64}));
  AddHeader(c);
  Add(c, {At("ref_price", R::kPrice, {24, W::kI64}), At("auction_time", R::kTime, {32, W::kU64}),
          At("cont_book_clr_price", R::kPrice, {40, W::kI64}),
          At("auct_interest_clr_price", R::kPrice, {48, W::kI64}),
          At("ssr_filling_price", R::kPrice, {56, W::kI64}), At("ind_match_price", R::kPrice, {64, W::kI64}),
          At("upper_collar", R::kPrice, {72, W::kI64}), At("lower_collar", R::kPrice, {80, W::kI64}),
          At("paired_qty", R::kMaximum, {88, W::kU32}), At("total_imbalance_qty", R::kMaximum, {92, W::kU32}),
          At("market_imbalance_qty", R::kMaximum, {96, W::kU32}),
          At("unpaired_qty", R::kMaximum, {100, W::kU32}), At("auction_type", R::kPlain, {104, W::kChar}),
          At("side", R::kPlain, {105, W::kChar}), At("auction_status", R::kPlain, {106, W::kU8}),
          At("freeze_status", R::kPlain, {107, W::kU8}), At("num_extensions", R::kPlain, {108, W::kU8}),
          At("unpaired_side", R::kPlain, {109, W::kChar}),
          At("significant_imbalance", R::kPlain, {110, W::kChar})});
  SetReserved(layout, {{111, 1}});
  return layout;
}

KindLayout Statistics() {
  KindLayout layout = Kind(RecordKind::kStatistics, 64, 64, 80);
  auto& c = layout.columns;
  c.push_back(At("ts_recv", R::kTime, {16, W::kU64}));
  AddHeader(c);
  Add(c, {At("ts_ref", R::kTime, {24, W::kU64}), At("price", R::kPrice, {32, W::kI64}),
          At("quantity", R::kMaximum, {40, W::kI32}, {40, W::kI64}),
          At("sequence", R::kPlain, {44, W::kU32}, {48, W::kU32}),
          At("ts_in_delta", R::kPlain, {48, W::kI32}, {52, W::kI32}),
          At("stat_type", R::kPlain, {52, W::kU16}, {56, W::kU16}),
          At("channel_id", R::kPlain, {54, W::kU16}, {58, W::kU16}),
          At("update_action", R::kPlain, {56, W::kU8}, {60, W::kU8}),
          At("stat_flags", R::kPlain, {57, W::kU8}, {61, W::kU8})});
  layout.reserved[0] = layout.reserved[1] = {{58, 6}};
  layout.reserved[2] = {{62, 18}};
  return layout;
}

KindLayout Definition() {
  KindLayout layout = Kind(RecordKind::kDefinition, 360, 400, 520);
  auto& c = layout.columns;
  c.push_back(At("ts_recv", R::kTime, {16, W::kU64}));
  AddHeader(c);
  Add(c, {At("raw_symbol", R::kPlain, {200, W::kText, 22}, {200, W::kText, 71}, {238, W::kText, 71}),
          At("security_update_action", R::kPlain, {349, W::kChar}, {382, W::kChar}, {493, W::kChar}),
          At("instrument_class", R::kPlain, {325, W::kChar}, {374, W::kChar}, {487, W::kChar}),
          At("min_price_increment", R::kPrice, {24, W::kI64}),
          At("display_factor", R::kPrice, {32, W::kI64}),
          At("expiration", R::kTime, {40, W::kU64}),
          At("activation", R::kTime, {48, W::kU64}),
          At("high_limit_price", R::kPrice, {56, W::kI64}),
          At("low_limit_price", R::kPrice, {64, W::kI64}),
          At("max_price_variation", R::kPrice, {72, W::kI64}),
          At("trading_reference_price", R::kPrice, {80, W::kI64}, kAbsent),
          At("unit_of_measure_qty", R::kPrice, {88, W::kI64}, {80, W::kI64}),
          At("min_price_increment_amount", R::kPrice, {96, W::kI64}, {88, W::kI64}),
          At("price_ratio", R::kPrice, {104, W::kI64}, {96, W::kI64}),
          At("inst_attrib_value", R::kMaximum, {112, W::kI32}, {120, W::kI32}, {136, W::kI32}),
          At("underlying_id", R::kMaximum, {116, W::kU32}, {124, W::kU32}, {140, W::kU32}),
          At("raw_instrument_id", R::kBits, {120, W::kU32}, {128, W::kU32}, {112, W::kU64}),
          At("market_depth_implied", R::kMaximum, {124, W::kI32}, {132, W::kI32}, {144, W::kI32}),
          At("market_depth", R::kMaximum, {128, W::kI32}, {136, W::kI32}, {148, W::kI32}),
          At("market_segment_id", R::kMaximum, {132, W::kU32}, {140, W::kU32}, {152, W::kU32}),
          At("max_trade_vol", R::kMaximum, {136, W::kU32}, {144, W::kU32}, {156, W::kU32}),
          At("min_lot_size", R::kMaximum, {140, W::kI32}, {148, W::kI32}, {160, W::kI32}),
          At("min_lot_size_block", R::kMaximum, {144, W::kI32}, {152, W::kI32}, {164, W::kI32}),
          At("min_lot_size_round_lot", R::kMaximum, {148, W::kI32}, {156, W::kI32}, {168, W::kI32}),
          At("min_trade_vol", R::kMaximum, {152, W::kU32}, {160, W::kU32}, {172, W::kU32}),
          At("contract_multiplier", R::kMaximum, {160, W::kI32}, {164, W::kI32}, {176, W::kI32}),
          At("decay_quantity", R::kMaximum, {164, W::kI32}, {168, W::kI32}, {180, W::kI32}),
          At("original_contract_size", R::kMaximum, {168, W::kI32}, {172, W::kI32}, {184, W::kI32}),
          At("trading_reference_date", R::kMaximum, {176, W::kU16}, kAbsent),
          At("appl_id", R::kMaximum, {178, W::kI16}, {212, W::kI16}),
          At("maturity_year", R::kMaximum, {180, W::kU16}, {214, W::kU16}),
          At("decay_start_date", R::kMaximum, {182, W::kU16}, {216, W::kU16}),
          At("channel_id", R::kMaximum, {184, W::kU16}, {218, W::kU16}),
          At("currency", R::kPlain, {186, W::kText, 4}, {224, W::kText, 4}),
          At("settl_currency", R::kPlain, {190, W::kText, 4}, {228, W::kText, 4}),
          At("secsubtype", R::kPlain, {194, W::kText, 6}, {232, W::kText, 6}),
          At("group", R::kPlain, {222, W::kText, 21}, {271, W::kText, 21}, {309, W::kText, 21}),
          At("exchange", R::kPlain, {243, W::kText, 5}, {292, W::kText, 5}, {330, W::kText, 5}),
          At("asset", R::kPlain, {248, W::kText, 7}, {297, W::kText, 7}, {335, W::kText, 11}),
          At("cfi", R::kPlain, {255, W::kText, 7}, {304, W::kText, 7}, {346, W::kText, 7}),
          At("security_type", R::kPlain, {262, W::kText, 7}, {311, W::kText, 7}, {353, W::kText, 7}),
          At("unit_of_measure", R::kPlain, {269, W::kText, 31}, {318, W::kText, 31}, {360, W::kText, 31}),
          At("underlying", R::kPlain, {300, W::kText, 21}, {349, W::kText, 21}, {391, W::kText, 21}),
          At("strike_price_currency", R::kPlain, {321, W::kText, 4}, {370, W::kText, 4}, {412, W::kText, 4}),
          At("strike_price", R::kPrice, {328, W::kI64}, {112, W::kI64}, {104, W::kI64}),
          At("match_algorithm", R::kPlain, {342, W::kChar}, {375, W::kChar}, {488, W::kChar}),
          At("md_security_trading_status", R::kMaximum, {343, W::kU8}, {376, W::kU8}, kAbsent),
          At("main_fraction", R::kMaximum, {344, W::kU8}, {377, W::kU8}, {489, W::kU8}),
          At("price_display_format", R::kMaximum, {345, W::kU8}, {378, W::kU8}, {490, W::kU8}),
          At("settl_price_type", R::kMaximum, {346, W::kU8}, {379, W::kU8}, kAbsent),
          At("sub_fraction", R::kMaximum, {347, W::kU8}, {380, W::kU8}, {491, W::kU8}),
          At("underlying_product", R::kMaximum, {348, W::kU8}, {381, W::kU8}, {492, W::kU8}),
          At("maturity_month", R::kMaximum, {350, W::kU8}, {383, W::kU8}, {494, W::kU8}),
          At("maturity_day", R::kMaximum, {351, W::kU8}, {384, W::kU8}, {495, W::kU8}),
          At("maturity_week", R::kMaximum, {352, W::kU8}, {385, W::kU8}, {496, W::kU8}),
          At("user_defined_instrument", R::kPlain, {353, W::kChar}, {386, W::kChar}, {497, W::kChar}),
          At("contract_multiplier_unit", R::kMaximum, {354, W::kI8}, {387, W::kI8}, {498, W::kI8}),
          At("flow_schedule_type", R::kMaximum, {355, W::kI8}, {388, W::kI8}, {499, W::kI8}),
          At("tick_rule", R::kMaximum, {356, W::kU8}, {389, W::kU8}, {500, W::kU8}),
          At("leg_count", R::kMaximum, kAbsent, {220, W::kU16}),
          At("leg_index", R::kMaximum, kAbsent, {222, W::kU16}),
          At("leg_instrument_id", R::kMaximum, kAbsent, {188, W::kU32}),
          At("leg_raw_symbol", R::kPlain, kAbsent, {416, W::kText, 71}),
          At("leg_instrument_class", R::kPlain, kAbsent, {501, W::kChar}),
          At("leg_side", R::kPlain, kAbsent, {502, W::kChar}),
          At("leg_price", R::kPrice, kAbsent, {120, W::kI64}),
          At("leg_delta", R::kPrice, kAbsent, {128, W::kI64}),
          At("leg_ratio_price_numerator", R::kMaximum, kAbsent, {192, W::kI32}),
          At("leg_ratio_price_denominator", R::kMaximum, kAbsent, {196, W::kI32}),
          At("leg_ratio_qty_numerator", R::kMaximum, kAbsent, {200, W::kI32}),
          At("leg_ratio_qty_denominator", R::kMaximum, kAbsent, {204, W::kI32}),
          At("leg_underlying_id", R::kMaximum, kAbsent, {208, W::kU32})});
  layout.reserved[0] = {{156, 4}, {172, 4}, {326, 2}, {336, 6}, {357, 3}};
  layout.reserved[1] = {{390, 10}};
  layout.reserved[2] = {{503, 17}};
  return layout;
}

std::array<KindLayout, kKinds> MakeLayouts() {
  return {MarketByPrice(RecordKind::kTrades, 48, 0),
          Mbo(),
          MarketByPrice(RecordKind::kMbp1, 80, 1),
          MarketByPrice(RecordKind::kMbp10, 368, 10),
          Bbo(),
          Cmbp1(),
          Cbbo(),
          Ohlcv(),
          Status(),
          Imbalance(),
          Statistics(),
          Definition()};
}

constexpr std::array<RtypeEntry, 256> MakeRtypes() {
  std::array<RtypeEntry, 256> entries{};
  auto row = [&](RecordKind kind, std::initializer_list<int> rtypes) {
    for (int rtype : rtypes) entries[rtype] = {RecordClass::kRow, kind};
  };
  row(RecordKind::kTrades, {0x00});
  row(RecordKind::kMbp1, {0x01});
  row(RecordKind::kMbp10, {0x0A});
  row(RecordKind::kOhlcv, {0x11, 0x20, 0x21, 0x22, 0x23, 0x24});
  row(RecordKind::kStatus, {0x12});
  row(RecordKind::kDefinition, {0x13});
  row(RecordKind::kImbalance, {0x14});
  row(RecordKind::kStatistics, {0x18});
  row(RecordKind::kMbo, {0xA0});
  row(RecordKind::kCmbp1, {0xB1, 0xC2});
  row(RecordKind::kCbbo, {0xC0, 0xC1});
  row(RecordKind::kBbo, {0xC3, 0xC4});
  entries[0x15].record_class = RecordClass::kError;
  entries[kRtypeSymbolMapping].record_class = RecordClass::kSymbolMapping;
  entries[0x17].record_class = RecordClass::kSystem;
  return entries;
}

}  // namespace

int WireBytes(Wire wire) {
  switch (wire) {
    case Wire::kU8:
    case Wire::kI8:
    case Wire::kChar:
      return 1;
    case Wire::kU16:
    case Wire::kI16:
      return 2;
    case Wire::kU32:
    case Wire::kI32:
      return 4;
    case Wire::kU64:
    case Wire::kI64:
      return 8;
    case Wire::kText:
      return 0;
  }
  return 0;
}

Wire Column::widest() const {
  const Place* widest = nullptr;
  for (const Place& place : places) {
    if (place.offset >= 0 && (!widest || WireBytes(place.wire) > WireBytes(widest->wire))) widest = &place;
  }
  return widest->wire;
}

int KindLayout::reserved_bytes(int version) const {
  int bytes = 0;
  for (const ByteRange& range : reserved[version - 1]) bytes += range.size;
  return bytes;
}

const KindLayout& LayoutOf(RecordKind kind) {
  static const std::array<KindLayout, kKinds> layouts = MakeLayouts();
  return layouts[static_cast<int>(kind)];
}

constinit const std::array<RtypeEntry, 256> kRtypes = MakeRtypes();

}  // namespace marquet::dbn
