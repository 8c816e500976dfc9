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
  int32_t encoding = -1;        // of the values, by parquet.thrift's numbers, like the next two
  int64_t header_size = 0;      // bytes that the header itself takes

  // Of kData.
  int32_t definition_level_encoding = -1;
  int32_t repetition_level_encoding = -1;

  // Of kDataV2, whose levels lie uncompressed before the values.
  int32_t nulls = 0;
  int32_t rows = 0;
  int32_t definition_level_bytes = 0;
  int32_t repetition_level_bytes = 0;
  bool values_compressed = true;

  bool holds_data() const { return kind == PageKind::kData || kind == PageKind::kDataV2; }
};

// Reads the header at the start of `bytes`, and never past their end. The error's message says what is wrong
// and at which byte of the header; it has no file name.
arrow::Result<PageHeader> ParsePageHeader(std::span<const uint8_t> bytes);

}  // namespace marquet::pq
