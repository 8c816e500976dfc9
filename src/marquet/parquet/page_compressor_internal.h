// Compresses the bodies of pages, with contexts that a thread keeps.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/options.h"

namespace marquet::pq {

// Thread safe.
class PageCompressor {
 public:
  static arrow::Result<std::shared_ptr<const PageCompressor>> Make(Codec codec, std::optional<int> level);

  Codec codec() const { return codec_; }

  // The compressed bytes (the bytes themselves for Codec::kNone), in a buffer of just their size.
  arrow::Result<std::shared_ptr<arrow::Buffer>> Compress(std::span<const uint8_t> bytes) const;

 private:
  PageCompressor(Codec codec, std::optional<int> level);

  const Codec codec_;
  const std::optional<int> level_;
};

}  // namespace marquet::pq
