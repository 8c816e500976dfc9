// The pages of a column chunk, held while its row group is encoded.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "marquet/parquet/encode/column_encoder_internal.h"
#include "marquet/parquet/encode/hybrid_encoding_internal.h"
#include "marquet/parquet/encode/page_compressor_internal.h"
#include "marquet/parquet/encode/scratch_internal.h"
#include "parquet/column_page.h"
#include "parquet/statistics.h"

namespace marquet::pq {

// The least and the greatest of some values, each in Parquet's plain encoding (bytes without their length).
struct Bounds {
  std::string min;
  std::string max;
};

// Which rows of a page are null. `validity` is a bitmap as Arrow has it, looked at from bit `offset` on, and
// may be a null pointer where no row is null.
struct PageRows {
  int64_t rows = 0;
  int64_t nulls = 0;
  const uint8_t* validity = nullptr;
  int64_t offset = 0;
};

class PageList {
 public:
  // `is_signed`: whether the column's order is that of signed numbers.
  PageList(EncodingContext context, bool nullable, bool is_signed, PageGoal goal);

  void Begin(const ChunkPlace& place);

  // The body of a page, compressed or not.
  struct Body {
    std::shared_ptr<arrow::Buffer> compressed;
    int64_t size = 0;  // before it was compressed
    double cost =
        0;  // what it takes by the list's goal, in bytes: of two ways to make a page, the cheaper stays
  };

  // Makes a body: definition levels, where the column has them, then what `encode` puts after them.
  // `encode` is called with memory for `most_bytes` and returns how many it wrote.
  template <typename Encode>
  arrow::Result<Body> MakeBody(const PageRows& rows, int64_t most_bytes, const Encode& encode) const {
    uint8_t* const body = ScratchMemory(Scratch::kBody, MostLevelBytes(rows.rows) + most_bytes);
    int64_t size = nullable_ ? EncodeLevels(rows.validity, rows.offset, rows.rows, rows.nulls, body) : 0;
    size += encode(body + size);
    return Compress({body, static_cast<size_t>(size)});
  }

  // A body of indices into a dictionary, one for each row that is not null.
  arrow::Result<Body> MakeIndexBody(std::span<const IndexRun> indices, int width, const PageRows& rows);

  // `bounds`: of the page's values; nothing where none of them has a place in the order.
  void Add(Body body, const PageRows& rows, ::parquet::Encoding::type encoding,
           const std::optional<Bounds>& bounds);

  // Writes the chunk and forgets its pages; returns its size uncompressed. `bounds`: of the chunk's values.
  // `dictionary`: a null pointer when no page uses one. `fallback`: some pages do not use the dictionary.
  arrow::Result<int64_t> WriteChunk(const std::optional<Bounds>& bounds,
                                    const ::parquet::DictionaryPage* dictionary, bool fallback);

  bool empty() const { return pages_.empty(); }
  int64_t bytes() const { return bytes_; }
  // Held beside the bytes of pages: what tells of them.
  int64_t overhead_bytes() const {
    return static_cast<int64_t>(pages_.capacity() * sizeof(::parquet::DataPageV1) +
                                pages_.size() * kBufferBytes);
  }

 private:
  static constexpr size_t kBufferBytes =
      256;  // of a buffer, without what it holds; and what aligning it takes

  arrow::Result<Body> Compress(std::span<const uint8_t> body) const;
  ::parquet::EncodedStatistics Statistics(int64_t rows, int64_t nulls,
                                          const std::optional<Bounds>& bounds) const;

  const EncodingContext context_;
  const bool nullable_;
  const bool is_signed_;
  const PageGoal goal_;
  ChunkPlace place_;
  std::vector<::parquet::DataPageV1> pages_;
  int64_t rows_ = 0;
  int64_t nulls_ = 0;
  int64_t bytes_ = 0;
  std::optional<bool> whole_bytes_;  // whether the chunk's indices take whole bytes; its first page decides
};

}  // namespace marquet::pq
