// What a source holds, by symbol, day, publisher and time, and whether two sources meet there. Rows without a
// symbol are told apart by their instrument.
//
// Times are nanoseconds since 1970 of the column that orders records: ts_recv, where it is null or the kind
// lacks it ts_event. At each end of a range its records are known by a digest of their content, so that two
// parts of a day whose border falls between two records of one time can be told from an overlap.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/dbn/reader.h"
#include "marquet/dbn/selection.h"
#include "marquet/ledger/json_file.h"

namespace marquet::ledger {

// Symbol and date as the log spells partition values.
using RangeKey = std::pair<std::optional<std::string>, std::optional<std::string>>;

// Records of one symbol, date, publisher, rtype and, where they have no symbol, instrument that follow one
// another, ends included: a source that brings some before and some behind a time whose records it does not
// bring has a range on either side.
struct SourceRange {
  // Nothing where it is not known: in descriptions of the first format.
  std::optional<int32_t> publisher = {};
  std::optional<int32_t> rtype = {};  // tells bars of two lengths apart, which one table may hold
  int64_t first_ns = INT64_MAX;       // above last_ns: no row has a time
  int64_t last_ns = INT64_MIN;
  int64_t rows = 0;
  // Digests of the records at either end, sorted. Empty: not known, or more than are worth keeping.
  std::vector<uint64_t> first_records = {};
  std::vector<uint64_t> last_records = {};
  // The least `sequence` of the first time, and the greatest of the last. Nothing for kinds without one.
  std::optional<int64_t> first_sequence = {};
  std::optional<int64_t> last_sequence = {};
  // Of rows without a symbol; nothing for those with one, and where early descriptions do not tell.
  std::optional<int64_t> instrument = {};

  bool has_times() const { return first_ns <= last_ns; }
  // Whether records of both, of one symbol or none, may be of the same publisher, type and instrument.
  bool MayBeOf(const SourceRange& other) const {
    return (!publisher || !other.publisher || publisher == other.publisher) &&
           (!rtype || !other.rtype || rtype == other.rtype) &&
           (!instrument || !other.instrument || instrument == other.instrument);
  }
};

using SourceRanges = std::map<RangeKey, std::vector<SourceRange>>;

enum class Meeting {
  kApart,
  // One ends at the very time at which the other begins, no record of that time is in both, and the venue's
  // sequence does not run backwards from the one to the other.
  kTouch,
  kOverlap,
};

// Of two ranges of one symbol and date. Kinds that hold one record for each interval (bars, and quotes by the
// second) never touch: two records of one time are the same record twice.
Meeting MeetingOf(const SourceRange& one, const SourceRange& other, dbn::RecordKind kind);

// "ESH4 on 2024-01-02"; "instrument 7, without a symbol, on 2024-01-02".
std::string RangeName(const RangeKey& key, std::optional<int64_t> instrument = {});

// A source's rows that came again with another, which took their place.
struct ReplacedRange {
  std::string by;  // the name of the source that brought them
  RangeKey where;
  int32_t publisher = 0;
  int32_t rtype = 0;
  int64_t first_ns = 0;  // ends included
  int64_t last_ns = 0;
  int64_t rows = 0;
  std::optional<int64_t> instrument = {};  // as of a SourceRange
};

nlohmann::ordered_json ReplacedToJson(const std::vector<ReplacedRange>& replaced);
std::vector<ReplacedRange> ReplacedOf(const JsonField& json);
nlohmann::ordered_json RangesToJson(const SourceRanges& ranges);
SourceRanges RangesOf(const JsonField& json);
// The same of the first format: microseconds, no publisher.
SourceRanges RangesOfFirstFormat(const JsonField& json);

// Columns of a batch that say where a record belongs. Valid as long as the batch.
class RecordPlaces {
 public:
  // `batch` has the columns of a kind's table that are not left out: symbol, date, publisher_id, rtype,
  // instrument_id, ts_event, and ts_recv where the kind has it. kCorruptData, naming the column, for another
  // type.
  static arrow::Result<RecordPlaces> Of(const arrow::RecordBatch& batch);

  // Whether a row has the symbol and date of another.
  bool SameKey(int64_t row, int64_t other) const;
  RangeKey KeyAt(int64_t row) const;
  std::optional<int64_t> TimeAt(int64_t row) const;
  // Of all rows, where each has one in one column; else nothing.
  const int64_t* times() const;
  int32_t publisher(int64_t row) const { return publisher_[row]; }
  int32_t rtype(int64_t row) const { return rtype_[row]; }
  int64_t instrument(int64_t row) const { return instrument_[row]; }
  // Of a row without a symbol.
  std::optional<int64_t> InstrumentAt(int64_t row) const {
    return symbol_->IsNull(row) ? std::optional(instrument_[row]) : std::nullopt;
  }
  // Whether a row is of the same publisher, type and, of the same symbol or none, instrument as another.
  bool SameKind(int64_t row, int64_t other) const {
    return publisher_[row] == publisher_[other] && rtype_[row] == rtype_[other] &&
           InstrumentAt(row) == InstrumentAt(other);
  }

 private:
  const arrow::StringArray* symbol_ = nullptr;
  const arrow::Date32Array* date_ = nullptr;
  const arrow::Int64Array* received_ = nullptr;  // may be null
  const arrow::Int64Array* happened_ = nullptr;
  const int32_t* publisher_ = nullptr;
  const int16_t* rtype_ = nullptr;
  const int64_t* instrument_ = nullptr;
};

// The times at which ranges of a symbol and date, and of the publisher, rtype and instrument of another
// range, end, whatever follows, ascending: none holds rows from both sides of one. A row at such a time is
// behind it.
using BordersOf = std::function<std::vector<int64_t>(const RangeKey&, const SourceRange&)>;

// Borders around what selections take in: of a source of which they were brought before, the rows around them
// do not follow one another.
BordersOf BordersAround(std::vector<dbn::Selection> held);
// Borders where the ranges begin, which outlive this.
BordersOf BordersBetween(const SourceRanges& ranges);

// Ranges without the times that `held` selects, of which the source of the ranges has no rows. Descriptions
// of early versions have ranges that reach across them. The rows of a range that was cut are told of its
// first piece.
SourceRanges RangesOutside(const SourceRanges& ranges, const std::vector<dbn::Selection>& held);

// Counts rows into ranges, batch by batch.
class RangeCounter {
 public:
  explicit RangeCounter(BordersOf borders = {}) : borders_of_(std::move(borders)) {}
  RangeCounter(const RangeCounter&) = delete;  // `places_` points into `ranges_`
  RangeCounter& operator=(const RangeCounter&) = delete;

  // `batch` has all columns of the kind's table. `one_key`: all its rows are of one symbol and date.
  arrow::Status Add(const arrow::RecordBatch& batch, bool one_key);

  const SourceRanges& ranges() const { return ranges_; }
  // Distinct symbols, the null one counted.
  int64_t symbols() const { return symbols_; }

 private:
  struct Edges;
  using RangesOfKey = SourceRanges::value_type;
  // Where a range stands among those of its key, and which rows it takes in.
  struct Place {
    size_t index = 0;
    bool has_times = false;  // else it is of rows without one
    int64_t first_ns = 0;    // ends included
    int64_t last_ns = 0;

    bool Takes(std::optional<int64_t> time) const {
      return time ? has_times && first_ns <= *time && *time <= last_ns : !has_times;
    }
  };
  // Of a key, publisher, rtype and instrument.
  struct Places {
    std::vector<int64_t> borders = {};
    std::map<int64_t, Place> by_stretch = {};  // by how many borders lie before it; -1: rows without a time
  };
  bool AddUniform(const arrow::RecordBatch& batch, const RecordPlaces& places);
  RangesOfKey* RangesFor(RangeKey key);
  // That of a row's publisher, type and instrument, at its time.
  const Place& PlaceFor(RangesOfKey* ranges, const RecordPlaces& places, int64_t row);

  BordersOf borders_of_;
  SourceRanges ranges_;
  // By key, publisher, rtype and instrument.
  std::map<std::tuple<const RangesOfKey*, int32_t, int32_t, std::optional<int64_t>>, Places> places_;
  int64_t symbols_ = 0;
};

}  // namespace marquet::ledger
