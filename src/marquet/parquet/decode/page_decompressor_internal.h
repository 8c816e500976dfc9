// Decompresses the bodies of pages, with contexts that a thread keeps.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "arrow/status.h"
#include "arrow/util/type_fwd.h"

namespace marquet::pq {

class PageDecompressor {
 public:
  // Throws as Arrow does for a codec that is not there.
  explicit PageDecompressor(arrow::Compression::type codec);
  ~PageDecompressor();

  bool copies() const { return codec_ == arrow::Compression::UNCOMPRESSED; }

  // Whether `bytes` can become `size` bytes, as far as can be told without memory for them: within the
  // highest ratio that the codec's format allows, what a zstd frame says of itself, and, where that
  // leaves much room, what decompressing them in passing comes to. To be asked before that memory is
  // allocated, because a damaged header may claim two gigabytes.
  arrow::Status CheckSize(std::span<const uint8_t> bytes, int64_t size) const;

  // Fills `out`.
  arrow::Status Decompress(std::span<const uint8_t> bytes, std::span<uint8_t> out) const;

 private:
  const arrow::Compression::type codec_;
  const std::unique_ptr<arrow::util::Codec> arrow_codec_;  // not for zstd and uncompressed pages
};

}  // namespace marquet::pq
