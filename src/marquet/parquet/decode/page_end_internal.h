// Where the values of a page end.
//
// A page is its levels and its values, up to the last byte. Bytes that are left over were not written as what
// they are read as: a footer that takes a column for one without nulls makes values of its levels, and gives
// no other sign of it.
#pragma once

#include <cstdint>
#include <span>

#include "arrow/result.h"
#include "arrow/status.h"

namespace marquet::pq {

// An error that says so when `left` bytes behind the page's values are not used.
arrow::Status CheckUsedUp(int64_t left);

// The bytes that `values` numbers take as DELTA_BINARY_PACKED, of what begins with them. An error when they
// are more or fewer than the encoding says, or make no sense.
arrow::Result<int64_t> DeltaBytes(std::span<const uint8_t> bytes, int64_t values);

// The same for strings, as DELTA_LENGTH_BYTE_ARRAY and as DELTA_BYTE_ARRAY.
arrow::Result<int64_t> DeltaLengthBytes(std::span<const uint8_t> bytes, int64_t values);
arrow::Result<int64_t> DeltaStringBytes(std::span<const uint8_t> bytes, int64_t values);

}  // namespace marquet::pq
