// The pages of a column chunk, one after another, checked and decompressed.
//
// Nothing that a page's header claims is believed before it is held against the chunk's bytes: a page lies
// within the chunk, and what it takes uncompressed is within what its codec makes of its bytes. Only then is
// memory allocated. What the footer says of the chunk's size uncompressed plays no part: writers get it
// wrong.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/decode/page_decompressor_internal.h"
#include "marquet/parquet/format/page_header_internal.h"

namespace marquet::pq {

struct Page {
  PageHeader header;
  std::span<const uint8_t> body;  // uncompressed: levels, then values
};

enum class Checksums { kVerify, kIgnore };

// Belongs to one thread at a time. Errors name the page (by its place among `bytes`); the caller adds file,
// row group and column.
class ChunkReader {
 public:
  // `bytes`: all pages of the chunk, or its dictionary page and some of its data pages, without a gap.
  // `values`: of these data pages; what lies behind them is not read. Negative when it is not known: then all
  // is. Throws as Arrow does for a codec that is not there.
  ChunkReader(std::shared_ptr<arrow::Buffer> bytes, arrow::Compression::type codec, int64_t values,
              Checksums checksums);

  // The next page, valid until the next call; a null pointer after the last one. Index pages are passed over.
  arrow::Result<const Page*> Next();

  // How many values the headers of the pages claim that Next has not given yet, up to the first that cannot
  // be read.
  int64_t ValuesAhead() const;

  // Of the page that Next gave last, or failed at.
  int64_t page_number() const { return number_; }
  int64_t page_offset() const { return page_begin_; }  // of its header, within the bytes

 private:
  arrow::Status ReadPage();
  arrow::Status CheckSizes(std::span<const uint8_t> stored) const;
  arrow::Result<uint8_t*> BodyMemory(int64_t size);

  const std::shared_ptr<arrow::Buffer> bytes_;
  const PageDecompressor decompressor_;
  const Checksums checksums_;
  int64_t values_left_;

  int64_t position_ = 0;
  int64_t page_begin_ = 0;
  int64_t number_ = -1;
  Page page_;
  std::unique_ptr<arrow::Buffer> body_;
};

}  // namespace marquet::pq
