#include "marquet/ledger/source_ranges.h"

#include <algorithm>
#include <iterator>

#include <arrow/api.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/ledger/source_json.h"

namespace marquet::ledger {
namespace {

// Records of one time beyond which their digests are not kept: such a time is no border between parts.
constexpr size_t kMostEdgeRecords = 256;

bool IsSampled(dbn::RecordKind kind) {
  return kind == dbn::RecordKind::kOhlcv || kind == dbn::RecordKind::kBbo || kind == dbn::RecordKind::kCbbo;
}

bool AreDisjoint(const std::vector<uint64_t>& one, const std::vector<uint64_t>& other) {
  if (one.empty() || other.empty()) return false;  // not known
  return std::none_of(one.begin(), one.end(), [&](uint64_t record) {
    return std::binary_search(other.begin(), other.end(), record);
  });
}

// Whether the second may go on where the first ends.
bool IsContinued(const SourceRange& first, const SourceRange& second) {
  return first.last_ns == second.first_ns && AreDisjoint(first.last_records, second.first_records) &&
         (!first.last_sequence || !second.first_sequence || *first.last_sequence <= *second.first_sequence);
}

// Digests of rows by the values of their record: what the table derives (symbol, ts, date, source_row) and
// nulls are left out, so that a row read back from a table with further columns has the digest that it had.
class RowDigests {
 public:
  explicit RowDigests(const arrow::RecordBatch& batch) {
    for (int i = 0; i < batch.num_columns(); ++i) {
      const std::string& name = batch.column_name(i);
      if (name == "symbol" || name == "ts" || name == "date" || name == "source_row") continue;
      const arrow::ArrayData& data = *batch.column_data(i);
      Column column{&data, 0, Xxh3Hash64(name)};
      if (data.type->id() == arrow::Type::STRING || data.type->id() == arrow::Type::BINARY) {
        columns_.push_back(column);
      } else if (arrow::is_fixed_width(data.type->id()) && data.type->byte_width() > 0) {
        column.width = data.type->byte_width();
        columns_.push_back(column);
      }
    }
  }

  uint64_t At(int64_t row) {
    bytes_.clear();
    for (const Column& column : columns_) {
      if (!column.data->IsValid(row)) continue;
      const int64_t at = row + column.data->offset;
      bytes_.append(reinterpret_cast<const char*>(&column.name), sizeof(column.name));
      if (column.width > 0) {
        const uint8_t* values = column.data->buffers[1]->data();
        bytes_.append(reinterpret_cast<const char*>(values + at * column.width),
                      static_cast<size_t>(column.width));
      } else {
        const auto* offsets = reinterpret_cast<const int32_t*>(column.data->buffers[1]->data());
        const int32_t length = offsets[at + 1] - offsets[at];
        if (length == 0) continue;
        const uint8_t* values = column.data->buffers[2]->data();
        bytes_.append(reinterpret_cast<const char*>(values + offsets[at]), static_cast<size_t>(length));
      }
    }
    return Xxh3Hash64(bytes_);
  }

 private:
  struct Column {
    const arrow::ArrayData* data;
    int width;  // bytes; 0: text
    uint64_t name;
  };
  std::vector<Column> columns_;
  std::string bytes_;
};

template <typename T>
arrow::Result<const T*> ColumnOf(const arrow::RecordBatch& batch, const char* name, bool may_be_null) {
  const auto column = batch.GetColumnByName(name);
  if (column == nullptr || column->type_id() != T::TypeClass::type_id ||
      (!may_be_null && column->null_count() > 0)) {
    return CorruptData(fmt::format("column {} does not hold what records have there: it is {}", name,
                                   column == nullptr ? "absent" : column->type()->ToString()));
  }
  return static_cast<const T*>(column.get());
}

const arrow::Int64Array* SequenceOf(const arrow::RecordBatch& batch) {
  const auto column = batch.GetColumnByName("sequence");
  if (column == nullptr || column->type_id() != arrow::Type::INT64) return nullptr;
  return static_cast<const arrow::Int64Array*>(column.get());
}

std::vector<int64_t> Ascending(std::vector<int64_t> times) {
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

std::vector<int64_t> BordersOfKey(const RangeKey& key, const std::vector<dbn::Selection>& held) {
  std::vector<int64_t> borders;
  for (const dbn::Selection& selection : held) {
    if (!selection.HasSymbol(key.first)) continue;
    if (selection.start_ns) borders.push_back(*selection.start_ns);
    if (selection.end_ns) borders.push_back(*selection.end_ns);
  }
  return Ascending(std::move(borders));
}

// Whether one of the selections takes in all times of a range.
bool IsWithin(const SourceRange& range, const RangeKey& key, const std::vector<dbn::Selection>& held) {
  return std::any_of(held.begin(), held.end(), [&](const dbn::Selection& selection) {
    return selection.HasSymbol(key.first) && selection.HasTime(range.first_ns) &&
           selection.HasTime(range.last_ns);
  });
}

using Json = nlohmann::ordered_json;

Json DigestsToJson(const std::vector<uint64_t>& digests) {
  Json list = Json::array();
  for (const uint64_t digest : digests) list.push_back(fmt::format("{:016x}", digest));
  return list;
}

std::vector<uint64_t> DigestsOf(const JsonField& json) {
  std::vector<uint64_t> digests;
  json.ForEach([&](const JsonField& text) {
    const std::string bytes = BytesOf(text);
    if (bytes.size() != sizeof(uint64_t)) return text.Fail("16 hexadecimal digits");
    uint64_t digest = 0;
    for (const char c : bytes) digest = digest << 8 | static_cast<unsigned char>(c);
    digests.push_back(digest);
  });
  std::sort(digests.begin(), digests.end());
  return digests;
}

RangeKey KeyOf(const JsonField& range) {
  const JsonField symbol = range.At("symbol"), date = range.At("date");
  RangeKey key;
  if (!symbol.is_null()) key.first = TextOf(symbol);
  if (!date.is_null()) key.second = date.String();
  return key;
}

template <typename T>
std::optional<T> NumberOf(const JsonField& json) {
  return json.is_null() ? std::nullopt : std::optional(json.Integer<T>());
}

Json KeyToJson(const RangeKey& key) {
  return {{"symbol", key.first ? TextToJson(*key.first) : Json()},
          {"date", key.second ? Json(*key.second) : Json()}};
}

// A key that early versions do not know, and that is left out where there is nothing to tell.
constexpr const char* kInstrument = "instrument";

std::optional<int64_t> InstrumentOf(const JsonField& range) {
  return range.Has(kInstrument) ? std::optional(range.At(kInstrument).Integer<int64_t>()) : std::nullopt;
}

template <typename T>
Json NumberToJson(const std::optional<T>& number) {
  return number ? Json(*number) : Json();
}

}  // namespace

Meeting MeetingOf(const SourceRange& one, const SourceRange& other, dbn::RecordKind kind) {
  if (!one.MayBeOf(other) || !one.has_times() || !other.has_times()) return Meeting::kApart;
  if (one.last_ns < other.first_ns || other.last_ns < one.first_ns) return Meeting::kApart;
  if (IsSampled(kind)) return Meeting::kOverlap;
  if (IsContinued(one, other) || IsContinued(other, one)) return Meeting::kTouch;
  return Meeting::kOverlap;
}

BordersOf BordersAround(std::vector<dbn::Selection> held) {
  if (held.empty()) return {};
  return
      [held = std::move(held)](const RangeKey& key, const SourceRange&) { return BordersOfKey(key, held); };
}

BordersOf BordersBetween(const SourceRanges& ranges) {
  return [&ranges](const RangeKey& key, const SourceRange& like) {
    std::vector<int64_t> borders;
    const auto of_key = ranges.find(key);
    if (of_key == ranges.end()) return borders;
    for (const SourceRange& range : of_key->second) {
      if (range.has_times() && range.MayBeOf(like)) borders.push_back(range.first_ns);
    }
    return Ascending(std::move(borders));
  };
}

SourceRanges RangesOutside(const SourceRanges& ranges, const std::vector<dbn::Selection>& held) {
  SourceRanges outside;
  for (const auto& [key, of_key] : ranges) {
    const std::vector<int64_t> borders = BordersOfKey(key, held);
    for (const SourceRange& range : of_key) {
      SourceRange left = range;  // what was not looked at yet
      for (const int64_t border : borders) {
        if (border <= left.first_ns || border > left.last_ns) continue;
        SourceRange piece = left;
        piece.last_ns = border - 1;
        piece.last_records.clear();
        piece.last_sequence.reset();
        if (!IsWithin(piece, key, held)) {
          outside[key].push_back(std::move(piece));
          left.rows = 0;
        }
        left.first_ns = border;
        left.first_records.clear();
        left.first_sequence.reset();
      }
      outside[key].push_back(std::move(left));
    }
  }
  return outside;
}

std::string RangeName(const RangeKey& key, std::optional<int64_t> instrument) {
  const std::string whose = key.first    ? *key.first
                            : instrument ? fmt::format("instrument {}, without a symbol,", *instrument)
                                         : "rows without a symbol";
  return whose + (key.second ? " on " + *key.second : " without a date");
}

Json RangesToJson(const SourceRanges& ranges) {
  Json list = Json::array();
  for (const auto& [key, of_key] : ranges) {
    for (const SourceRange& range : of_key) {
      Json& json = list.emplace_back(KeyToJson(key));
      json["publisher"] = NumberToJson(range.publisher);
      json["rtype"] = NumberToJson(range.rtype);
      json["first_ns"] = range.first_ns;
      json["last_ns"] = range.last_ns;
      json["rows"] = range.rows;
      json["first_records"] = DigestsToJson(range.first_records);
      json["last_records"] = DigestsToJson(range.last_records);
      json["first_sequence"] = NumberToJson(range.first_sequence);
      json["last_sequence"] = NumberToJson(range.last_sequence);
      if (range.instrument) json[kInstrument] = *range.instrument;
    }
  }
  return list;
}

Json ReplacedToJson(const std::vector<ReplacedRange>& replaced) {
  Json list = Json::array();
  for (const ReplacedRange& range : replaced) {
    Json& json = list.emplace_back(KeyToJson(range.where));
    json["publisher"] = range.publisher;
    json["rtype"] = range.rtype;
    json["first_ns"] = range.first_ns;
    json["last_ns"] = range.last_ns;
    json["rows"] = range.rows;
    json["by"] = TextToJson(range.by);
    if (range.instrument) json[kInstrument] = *range.instrument;
  }
  return list;
}

std::vector<ReplacedRange> ReplacedOf(const JsonField& json) {
  std::vector<ReplacedRange> replaced;
  json.ForEach([&](const JsonField& range) {
    replaced.push_back({TextOf(range.At("by")), KeyOf(range), range.At("publisher").Integer<int32_t>(),
                        range.At("rtype").Integer<int32_t>(), range.At("first_ns").Integer<int64_t>(),
                        range.At("last_ns").Integer<int64_t>(), range.At("rows").Integer<int64_t>(),
                        InstrumentOf(range)});
  });
  return replaced;
}

SourceRanges RangesOf(const JsonField& json) {
  SourceRanges ranges;
  json.ForEach([&](const JsonField& range) {
    ranges[KeyOf(range)].push_back(
        {NumberOf<int32_t>(range.At("publisher")), NumberOf<int32_t>(range.At("rtype")),
         range.At("first_ns").Integer<int64_t>(), range.At("last_ns").Integer<int64_t>(),
         range.At("rows").Integer<int64_t>(), DigestsOf(range.At("first_records")),
         DigestsOf(range.At("last_records")), NumberOf<int64_t>(range.At("first_sequence")),
         NumberOf<int64_t>(range.At("last_sequence")), InstrumentOf(range)});
  });
  return ranges;
}

SourceRanges RangesOfFirstFormat(const JsonField& json) {
  SourceRanges ranges;
  json.ForEach([&](const JsonField& of_json) {
    SourceRange range;
    const auto first_us = of_json.At("first_us").Integer<int64_t>();
    const auto last_us = of_json.At("last_us").Integer<int64_t>();
    if (first_us <= last_us) {  // whose times, cut to microseconds, came from nanoseconds in 64 bits
      range.first_ns = std::max(first_us, INT64_MIN / 1'000) * 1'000;
      range.last_ns = last_us >= INT64_MAX / 1'000 ? INT64_MAX : last_us * 1'000 + 999;
    }
    range.rows = of_json.At("rows").Integer<int64_t>();
    ranges[KeyOf(of_json)].push_back(std::move(range));
  });
  return ranges;
}

arrow::Result<RecordPlaces> RecordPlaces::Of(const arrow::RecordBatch& batch) {
  RecordPlaces places;
  ARROW_ASSIGN_OR_RAISE(places.symbol_, ColumnOf<arrow::StringArray>(batch, "symbol", true));
  ARROW_ASSIGN_OR_RAISE(places.date_, ColumnOf<arrow::Date32Array>(batch, "date", true));
  ARROW_ASSIGN_OR_RAISE(places.happened_, ColumnOf<arrow::Int64Array>(batch, "ts_event", true));
  if (batch.schema()->GetFieldIndex("ts_recv") >= 0) {
    ARROW_ASSIGN_OR_RAISE(places.received_, ColumnOf<arrow::Int64Array>(batch, "ts_recv", true));
  }
  ARROW_ASSIGN_OR_RAISE(const auto* publisher, ColumnOf<arrow::Int32Array>(batch, "publisher_id", false));
  ARROW_ASSIGN_OR_RAISE(const auto* rtype, ColumnOf<arrow::Int16Array>(batch, "rtype", false));
  ARROW_ASSIGN_OR_RAISE(const auto* instrument, ColumnOf<arrow::Int64Array>(batch, "instrument_id", false));
  places.publisher_ = publisher->raw_values();
  places.rtype_ = rtype->raw_values();
  places.instrument_ = instrument->raw_values();
  return places;
}

bool RecordPlaces::SameKey(int64_t row, int64_t other) const {
  const auto same = [&](const auto& column) {
    if (column.IsNull(row) || column.IsNull(other)) return column.IsNull(row) == column.IsNull(other);
    return column.GetView(row) == column.GetView(other);
  };
  return same(*symbol_) && same(*date_);
}

RangeKey RecordPlaces::KeyAt(int64_t row) const {
  RangeKey key;
  if (symbol_->IsValid(row)) key.first = symbol_->GetString(row);
  if (date_->IsValid(row)) key.second = FormatDate(date_->Value(row));
  return key;
}

std::optional<int64_t> RecordPlaces::TimeAt(int64_t row) const {
  if (received_ != nullptr && received_->IsValid(row)) return received_->Value(row);
  if (happened_->IsValid(row)) return happened_->Value(row);
  return std::nullopt;
}

const int64_t* RecordPlaces::times() const {
  const arrow::Int64Array* column = received_ != nullptr ? received_ : happened_;
  return column->null_count() == 0 ? column->raw_values() : nullptr;
}

// The rows of a batch at the ends of a range that the batch moved or met.
struct RangeCounter::Edges {
  std::vector<int64_t> first, last;
  bool anew_first = false, anew_last = false;  // the batch moved that end

  void Meet(SourceRange* range, int64_t time, int64_t row) {
    if (time <= range->first_ns) {
      if (time < range->first_ns) first.clear();
      anew_first = anew_first || time < range->first_ns;
      range->first_ns = time;
      if (first.size() <= kMostEdgeRecords) first.push_back(row);
    }
    if (time >= range->last_ns) {
      if (time > range->last_ns) last.clear();
      anew_last = anew_last || time > range->last_ns;
      range->last_ns = time;
      if (last.size() <= kMostEdgeRecords) last.push_back(row);
    }
  }

  // `sequence` may be null.
  void Take(const arrow::Int64Array* sequence, RowDigests* digests, SourceRange* range) const {
    if (anew_first) range->first_sequence.reset();
    if (anew_last) range->last_sequence.reset();
    const auto value = [&](int64_t row) {
      return sequence == nullptr || sequence->IsNull(row) ? std::nullopt
                                                          : std::optional(sequence->Value(row));
    };
    for (const int64_t row : first) {
      const auto at = value(row);
      if (at) range->first_sequence = std::min(range->first_sequence.value_or(*at), *at);
    }
    for (const int64_t row : last) {
      const auto at = value(row);
      if (at) range->last_sequence = std::max(range->last_sequence.value_or(*at), *at);
    }
    Take(first, anew_first, digests, &range->first_records);
    Take(last, anew_last, digests, &range->last_records);
  }

  static void Take(const std::vector<int64_t>& rows, bool anew, RowDigests* digests,
                   std::vector<uint64_t>* records) {
    if (rows.empty()) return;
    // Once there were too many of a time, they stay unknown until the end moves.
    const bool unknown = !anew && records->empty();
    if (anew) records->clear();
    if (unknown || records->size() + rows.size() > kMostEdgeRecords) return records->clear();
    for (const int64_t row : rows) records->push_back(digests->At(row));
    std::sort(records->begin(), records->end());
  }
};

const RangeCounter::Place& RangeCounter::PlaceFor(RangesOfKey* ranges, const RecordPlaces& rows,
                                                  int64_t row) {
  SourceRange range{rows.publisher(row), rows.rtype(row)};
  range.instrument = rows.InstrumentAt(row);
  const auto [at, is_new] = places_.try_emplace({ranges, *range.publisher, *range.rtype, range.instrument});
  Places& places = at->second;
  if (is_new && borders_of_) places.borders = borders_of_(ranges->first, range);
  const std::optional<int64_t> time = rows.TimeAt(row);
  const auto begin = places.borders.begin(), end = places.borders.end();
  const auto next = time ? std::upper_bound(begin, end, *time) : begin;
  const auto [stretch, is_new_stretch] = places.by_stretch.try_emplace(time ? next - begin : -1);
  Place& place = stretch->second;
  if (is_new_stretch) {
    place.index = ranges->second.size();
    if (time) {
      place.has_times = true;
      place.first_ns = next == begin ? INT64_MIN : *(next - 1);
      place.last_ns = next == end ? INT64_MAX : *next - 1;
    }
    ranges->second.push_back(std::move(range));
  }
  return place;
}

RangeCounter::RangesOfKey* RangeCounter::RangesFor(RangeKey key) {
  const auto [at, is_new] = ranges_.try_emplace(std::move(key));
  if (is_new) {
    const auto is_of_symbol = [&symbol = at->first.first](auto other) {
      return other->first.first == symbol;
    };
    const bool known = (at != ranges_.begin() && is_of_symbol(std::prev(at))) ||
                       (std::next(at) != ranges_.end() && is_of_symbol(std::next(at)));
    symbols_ += !known;
  }
  return &*at;
}

// Rows of one key, publisher, rtype and instrument, all with a time: what most batches are.
bool RangeCounter::AddUniform(const arrow::RecordBatch& batch, const RecordPlaces& places) {
  const int64_t* times = places.times();
  const int64_t rows = batch.num_rows();
  if (times == nullptr) return false;
  const int32_t publisher = places.publisher(0), rtype = places.rtype(0);
  const bool by_instrument = places.InstrumentAt(0).has_value();
  const int64_t instrument = places.instrument(0);
  int64_t others = 0, first = INT64_MAX, last = INT64_MIN;
  for (int64_t row = 0; row < rows; ++row) {
    others += static_cast<int64_t>(places.publisher(row) != publisher) |
              static_cast<int64_t>(places.rtype(row) != rtype) |
              static_cast<int64_t>(by_instrument && places.instrument(row) != instrument);
    first = std::min(first, times[row]);
    last = std::max(last, times[row]);
  }
  if (others > 0) return false;
  RangesOfKey* ranges = RangesFor(places.KeyAt(0));
  const Place& place = PlaceFor(ranges, places, 0);
  if (!place.Takes(first) || !place.Takes(last)) return false;
  SourceRange* range = &ranges->second[place.index];
  range->rows += rows;
  if (first > range->first_ns && last < range->last_ns) return true;
  Edges edges;
  for (int64_t row = 0; row < rows; ++row) {
    if (times[row] == first || times[row] == last) edges.Meet(range, times[row], row);
  }
  RowDigests digests(batch);
  edges.Take(SequenceOf(batch), &digests, range);
  return true;
}

arrow::Status RangeCounter::Add(const arrow::RecordBatch& batch, bool one_key) {
  if (batch.num_rows() == 0) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const RecordPlaces places, RecordPlaces::Of(batch));
  if (one_key && AddUniform(batch, places)) return arrow::Status::OK();
  struct Met {
    RangesOfKey* ranges;  // stays where it is while others are added
    size_t index;
    Edges edges;
  };
  std::vector<Met> met;
  std::map<std::pair<const RangesOfKey*, size_t>, size_t> met_at;
  RangesOfKey* ranges = nullptr;
  Place place;
  SourceRange* range = nullptr;
  Edges* edges = nullptr;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    const bool same_key = row > 0 && (one_key || places.SameKey(row, row - 1));
    if (!same_key) ranges = RangesFor(places.KeyAt(row));
    const std::optional<int64_t> time = places.TimeAt(row);
    if (!same_key || !places.SameKind(row, row - 1) || !place.Takes(time)) {
      place = PlaceFor(ranges, places, row);
      range = &ranges->second[place.index];
      const auto [at, is_new] = met_at.try_emplace({ranges, place.index}, met.size());
      if (is_new) met.push_back({ranges, place.index, {}});
      edges = &met[at->second].edges;
    }
    ++range->rows;
    if (time) edges->Meet(range, *time, row);
  }
  RowDigests digests(batch);
  for (const Met& each : met) {
    each.edges.Take(SequenceOf(batch), &digests, &each.ranges->second[each.index]);
  }
  return arrow::Status::OK();
}

}  // namespace marquet::ledger
