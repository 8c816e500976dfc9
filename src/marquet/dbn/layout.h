// Where every field of every record kind lies, in every version: the one table that decoding, encoding and
// the table's schema are made from.
//
// A record is little-endian and starts with a header of 16 bytes: length in units of 4 bytes (uint8), rtype
// (uint8), publisher_id (uint16), instrument_id (uint32), ts_event (uint64). Nothing in a stream is aligned.
// Source of the layouts: the records of Databento's dbn crate, versions 1 to 3.
//
// Not installed: other rooms see schemas and batches only.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "marquet/dbn/reader.h"

namespace marquet::dbn {

constexpr int kHeaderBytes = 16;
constexpr int kMaxRecordBytes = 255 * 4;
constexpr int kVersions = 3;

// How a field is stored in a record.
enum class Wire : uint8_t { kU8, kI8, kU16, kI16, kU32, kI32, kU64, kI64, kChar, kText };

// What a field means, and so which of its values stands for "undefined" and becomes null.
enum class Role : uint8_t {
  kPlain,    // none; a uint64 must fit int64
  kPrice,    // 1e-9 units; INT64_MAX
  kTime,     // ns since 1970; UINT64_MAX, and every other value must fit int64
  kMaximum,  // the maximum of its wire type
  kBits      // none; a uint64 of identity, kept bit for bit in an int64
};

// A field's place in one version's record. `size` is given for text only.
struct Place {
  int16_t offset;  // -1: the version has no such field
  Wire wire = Wire::kU8;
  uint8_t size = 0;
};

struct Column {
  const char* name;
  Role role;
  Place places[kVersions];

  const Place& in(int version) const { return places[version - 1]; }
  // The Arrow type that holds the field in all versions: unsigned integers become wider signed ones.
  Wire widest() const;
};

struct ByteRange {
  int16_t offset;
  int16_t size;
};

// A record kind: its columns in table order (the record's own, without ts_out and what follows it), and for
// each version its record size and the bytes that no column carries.
struct KindLayout {
  RecordKind kind;
  std::vector<Column> columns;
  int16_t sizes[kVersions];
  std::vector<ByteRange> reserved[kVersions];

  bool has_reserved() const { return !reserved[0].empty() || !reserved[1].empty() || !reserved[2].empty(); }
  int reserved_bytes(int version) const;
};

constexpr int kKinds = static_cast<int>(RecordKind::kDefinition) + 1;
const KindLayout& LayoutOf(RecordKind kind);

// What an rtype is: a table row of a kind, a live session's control record, or unknown.
enum class RecordClass : uint8_t { kRow, kError, kSymbolMapping, kSystem, kUnknown };
struct RtypeEntry {
  RecordClass record_class = RecordClass::kUnknown;
  RecordKind kind = RecordKind::kTrades;
};
extern const std::array<RtypeEntry, 256> kRtypes;

constexpr uint8_t kRtypeSymbolMapping = 0x16;

// Bytes that one value of a wire type takes in a record; 0 for text.
int WireBytes(Wire wire);

// Names of the columns behind the record's own.
constexpr const char* kTsOutColumn = "ts_out";
constexpr const char* kReservedColumn = "reserved";
constexpr const char* kSymbolColumn = "symbol";
constexpr const char* kTsColumn = "ts";
constexpr const char* kDateColumn = "date";
constexpr const char* kSourceRowColumn = "source_row";

}  // namespace marquet::dbn
