// Parquet's hybrid of run lengths and bit packing, which holds definition levels and dictionary indices.
//
// Format: parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)".
#pragma once

#include <cstdint>
#include <span>

namespace marquet::pq {

// A value that comes `length` times in a row.
struct IndexRun {
  uint32_t index = 0;
  uint32_t length = 0;
};

// The most bytes that EncodeHybrid() writes.
int64_t MostHybridBytes(int64_t values, int width);

// Encodes `values` values below 2^width (width 0 to 32), given as runs, into `out`; returns the number of
// bytes written. Neighbouring runs may be of the same value.
int64_t EncodeHybrid(std::span<const IndexRun> runs, int64_t values, int width, uint8_t* out);

// What EncodeRuns() writes of these runs.
int64_t RunBytes(std::span<const IndexRun> runs, int width);

// The same values as a run each, however short: what the hybrid is smallest with, packed or compressed, where
// they are some values long on average.
int64_t EncodeRuns(std::span<const IndexRun> runs, int width, uint8_t* out);

// The most bytes that EncodeLevels() writes.
int64_t MostLevelBytes(int64_t rows);

// The definition levels of a flat nullable column as a data page of version 1 begins with them: their length
// in four bytes, then one bit a row. `validity` is a bitmap as Arrow has it, of which rows from bit `offset`
// on are meant; it is not looked at where all rows or none are null. Returns the number of bytes written.
int64_t EncodeLevels(const uint8_t* validity, int64_t offset, int64_t rows, int64_t nulls, uint8_t* out);

}  // namespace marquet::pq
