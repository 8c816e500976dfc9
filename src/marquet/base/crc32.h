// CRC-32 as zlib, gzip and Parquet's pages have it (polynomial 0x04C11DB7, reflected).
#pragma once

#include <cstdint>
#include <span>

namespace marquet {

// Thread safe. With carry-less multiplication, where the processor has it, several times as fast as a table.
uint32_t Crc32(std::span<const uint8_t> bytes);

}  // namespace marquet
