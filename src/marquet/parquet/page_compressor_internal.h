// Compresses the bodies of pages, with contexts that a thread keeps.
#pragma once

#include <memory>
#include <span>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/options.h"

namespace arrow::util {
class Codec;
}

namespace marquet::pq {

// Thread safe.
class PageCompressor {
 public:
  static arrow::Result<std::shared_ptr<const PageCompressor>> Make(Codec codec, std::optional<int> level);
  ~PageCompressor();

  Codec codec() const { return codec_; }

  // The compressed bytes (the bytes themselves for Codec::kNone), in a buffer of just their size.
  arrow::Result<std::shared_ptr<arrow::Buffer>> Compress(std::span<const uint8_t> bytes) const;

 private:
  PageCompressor(Codec codec, int level, std::unique_ptr<arrow::util::Codec> arrow_codec);

  const Codec codec_;
  const int level_;
  const std::unique_ptr<arrow::util::Codec> arrow_codec_;  // not for zstd and none
};

}  // namespace marquet::pq
