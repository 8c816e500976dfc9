// The metadata header between its bytes and dbn::Metadata.
//
// Layout (Databento's dbn crate): "DBN", version (uint8), length of what follows (uint32); dataset (16 bytes,
// NUL-padded), schema (uint16), start, end, limit (uint64 each), in version 1 the record count (uint64),
// stype_in, stype_out, ts_out (uint8 each), from version 2 on symbol_cstr_len (uint16), reserved (47 or 53
// bytes), length of the schema definition (uint32, 0); then symbols, partial, not_found, each a count
// (uint32) and as many symbols of symbol_cstr_len bytes; then mappings: a count, and for each its raw symbol,
// a count of intervals, and for each start and end date (uint32, YYYYMMDD) and a symbol. Version 3 pads to a
// multiple of 8 bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "marquet/dbn/metadata.h"

namespace marquet::dbn {

constexpr int kPreludeBytes = 8;  // magic, version, length
constexpr int64_t kMaxMetadataBytes = int64_t{64} << 20;

// `body` is what follows the prelude. Counts are checked against the bytes that are there before anything is
// allocated. Errors: kCorruptData and kUnsupported, with the byte in the stream, and `name` before them.
arrow::Result<Metadata> DecodeMetadata(int version, std::string_view body, const std::string& name);

// Prelude and body. kInvalidInput for a symbol or dataset that is too long for its place, a version that does
// not exist.
arrow::Result<std::string> EncodeMetadata(const Metadata& metadata);

}  // namespace marquet::dbn
