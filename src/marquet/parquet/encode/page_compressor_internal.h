// Compresses the bodies of pages, with contexts that a thread keeps.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/format/options.h"

namespace marquet::pq {

// What a column's pages are made for. Integers and texts are raw data, of which there is much: kSize.
// Floating numbers are features, read again and again: kReading takes more bytes where reading them is
// quicker.
enum class PageGoal { kSize, kReading };

// Thread safe.
class PageCompressor {
 public:
  static arrow::Result<std::shared_ptr<const PageCompressor>> Make(Codec codec, std::optional<int> level);

  Codec codec() const { return codec_; }

  struct Compressed {
    std::shared_ptr<arrow::Buffer> bytes;  // a buffer of just their size
    bool as_it_is = false;                 // readers copy them; there is next to nothing to decompress
  };
  // The bytes themselves for Codec::kNone. Under PageGoal::kReading, and unless a level was asked for, a page
  // that hardly shrinks is stored as it is within a frame of the codec.
  arrow::Result<Compressed> Compress(std::span<const uint8_t> bytes, PageGoal goal) const;

 private:
  PageCompressor(Codec codec, std::optional<int> level);

  const Codec codec_;
  const std::optional<int> level_;
};

}  // namespace marquet::pq
