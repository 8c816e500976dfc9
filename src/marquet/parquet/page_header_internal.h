// Page headers: Thrift's compact protocol (thrift-compact-protocol.md), the PageHeader of parquet.thrift.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "arrow/result.h"

namespace marquet::pq {

enum class PageKind { kData = 0, kIndex = 1, kDictionary = 2, kDataV2 = 3 };

struct PageHeader {
  PageKind kind = PageKind::kData;
  int32_t uncompressed_size = 0;
  int32_t compressed_size = 0;
  std::optional<uint32_t> crc;  // of the page's bytes as stored
  int32_t values = 0;           // nulls included; of a dictionary, its entries
  int64_t header_size = 0;      // bytes that the header itself takes
};

// Reads the header at the start of `bytes`, and never past their end. The error's message says what is wrong
// and at which byte of the header; it has no file name.
arrow::Result<PageHeader> ParsePageHeader(std::span<const uint8_t> bytes);

}  // namespace marquet::pq
