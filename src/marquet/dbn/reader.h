// DBN bytes to record batches, streamed in bounded memory.
//
// Takes any arrow::io::InputStream of `.dbn` or `.dbn.zst` content (told apart by their first bytes; several
// zstd frames in a row are one stream), with or without a metadata header (a fragment). Gives batches of one
// record kind at a time, in file order, in the columns that spec "Order-book tables" and docs/dbn.md list:
// the record's own columns, then `symbol`, `ts`, `date`, `source_row`. Does no I/O besides reading the stream
// it is given. Not thread safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/dbn/metadata.h"
#include "marquet/dbn/selection.h"

namespace marquet::dbn {

// A record layout; several Databento schemas may share one (ohlcv-1s and ohlcv-1m, tbbo and mbp-1).
enum class RecordKind {
  kTrades,
  kMbo,
  kMbp1,
  kMbp10,
  kBbo,
  kCmbp1,
  kCbbo,
  kOhlcv,
  kStatus,
  kImbalance,
  kStatistics,
  kDefinition
};
std::string_view KindName(RecordKind kind);  // "mbp-10", "ohlcv", ...
arrow::Result<RecordKind> KindFromName(std::string_view name);
// The kind of the records of a Databento schema, by its number in the metadata (dbn's `Schema`); nothing for
// an unknown one.
std::optional<RecordKind> KindOfSchema(uint16_t schema);

// The columns of a kind's table, partition columns included, with their field metadata ("unit" = "ns" or
// "1e-9"). `with_ts_out` adds the ts_out column.
std::shared_ptr<arrow::Schema> TableSchema(RecordKind kind, bool with_ts_out = false);

// Whether records of a kind have a column's field in a version of DBN, 1 to 3. Of a column that they lack
// every row is null.
bool HasField(RecordKind kind, int version, std::string_view column);

enum class OnTimeOverflow { kError, kNull };

struct ReadOptions {
  std::string name;              // of the source, for messages
  bool allow_truncated = false;  // a last record cut short is counted instead of refused
  bool keep_unknown = false;     // keep records of unknown type, raw, in ReadSummary::kept_records
  OnTimeOverflow on_time_overflow = OnTimeOverflow::kError;
  // At most. Longer batches are slower: some mbp-10 batches of this size fit a third-level cache together,
  // and less memory is touched for the first time.
  int64_t batch_rows = 16'384;
  // Symbols to instrument ids that lie beside the file, as in a batch folder's symbology.json: for
  // instruments and dates that the file itself names no symbol for.
  std::vector<SymbolMapping> extra_mappings;
  // Gives batches of one symbol and date each, named in Batch::group: records go straight to their group's
  // columns, which costs nothing above a plain read, where sorting rows into partitions afterwards costs
  // another pass.
  bool split_by_symbol_and_date = false;
  // What may be held in batches that are still filling (several kinds, or groups): above it the largest is
  // given out early.
  int64_t max_held_bytes = int64_t{64} << 20;
  // Called when the reader goes while a thread of its own may still read the input: it must make a read end
  // that would wait, as for a quiet pipe. Empty for inputs that never wait for long.
  std::function<void()> abandon_input;
  // Which records become rows: those selected that nothing of their kind in `held` selects. The others are
  // counted, and none of their fields is looked at further.
  Selection selection = {};
  std::map<RecordKind, std::vector<Selection>> held = {};
};

// A record that is no table row (system, symbol mapping, error, and unknown ones when kept), with its place.
struct KeptRecord {
  int64_t source_row = 0;  // counts all records of the file, from 0
  std::string bytes;       // raw, header included
};

// Instruments for which the header's mappings and ReadOptions::extra_mappings name different symbols on a
// date: how many, and the one with the lowest id.
struct SymbolConflict {
  int64_t instruments = 0;
  uint32_t instrument_id = 0;
  int32_t date = 0;            // days since 1970, the first such
  std::string header, beside;  // the two symbols; the header's is taken
};

// What stands where a mapping has an instrument's id, and is none: how often, and the first text.
struct UnreadIds {
  int64_t count = 0;
  std::string first;
};

// The id that a mapping spells in decimal digits, or nothing.
std::optional<uint32_t> ParseInstrumentId(std::string_view text);

// Of records that would be rows, under ReadOptions::selection and ::held.
struct SelectionCounts {
  int64_t not_selected = 0;                                 // that became none
  int64_t held = 0;                                         // of these, selected but held
  std::map<RecordKind, int64_t> matched;                    // selected, held or not
  std::map<RecordKind, std::vector<int64_t>> held_matched;  // by each of ReadOptions::held
  std::optional<int64_t> first_ns, last_ns;                 // the times of all of them, selected or not
  std::vector<bool> pattern_matched;  // whether a pattern of the selection's matches a record in its times
};

// Records in = sum(rows) + not selected + control + unknown; bytes that end a truncated file are counted too.
struct ReadSummary {
  Metadata metadata;
  bool has_metadata = false;
  bool compressed = false;
  int64_t records = 0;
  std::map<RecordKind, int64_t> rows;
  int64_t control_records = 0;
  int64_t unknown_records = 0;
  std::map<int, int64_t> unknown_by_rtype;
  int64_t unmapped_rows = 0;  // null symbol
  std::optional<SymbolConflict> symbol_conflict;
  UnreadIds unread_ids;
  int64_t nulled_times = 0;       // under OnTimeOverflow::kNull
  int64_t truncated_bytes = 0;    // of the last, incomplete record
  int64_t truncated_records = 0;  // 0 or 1
  bool truncated_frame = false;   // the last zstd frame is cut short, so that more records may be lost
  int64_t bytes_decoded = 0;      // of uncompressed DBN, metadata included
  std::vector<KeptRecord> kept_records;
  SelectionCounts selection;
  bool identical_export =
      true;  // false when something was nulled or dropped, so that export cannot be identical
};

// What the rows of a batch have in common under ReadOptions::split_by_symbol_and_date.
struct Group {
  std::optional<std::string> symbol;  // nothing: no mapping
  std::optional<int32_t> date;        // nothing: no time
};

struct Batch {
  RecordKind kind;
  // Rows of the batch's kind, and group when splitting, in file order. Batches of different kinds or groups
  // follow one another as they fill up; `source_row` tells the order of all.
  std::shared_ptr<arrow::RecordBatch> rows;
  std::optional<Group> group;
};

class Reader {
 public:
  // Reads the start of the stream. Errors: kCorruptData (not DBN, header cut short), kUnsupported (legacy
  // DBZ, version above 3), each with byte positions.
  static arrow::Result<std::unique_ptr<Reader>> Open(std::shared_ptr<arrow::io::InputStream> input,
                                                     ReadOptions options);
  ~Reader();

  // The next batch, or nothing at the end. Errors name the record (counted from 0, as source_row) and its
  // byte in the uncompressed stream: kCorruptData for a length below 16, a size that is not its type's, an
  // end inside a record or a zstd frame, a damaged frame; kInvalidInput for a value that its column cannot
  // hold. The buffers of a batch are used again once it is dropped: hold on to few of them.
  arrow::Result<std::optional<Batch>> Next();

  // Complete after the end was reached; running totals before.
  const ReadSummary& summary() const;

 private:
  struct Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquet::dbn
