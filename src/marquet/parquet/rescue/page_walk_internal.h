// The pages of a file, found one after another by their headers, without a footer.
//
// What lies between two column chunks (a chunk's metadata, Bloom filters, zeros) is recognised and passed
// over. The walk ends where nothing that is known begins. Bodies are not read.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/parquet/format/between_chunks_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "marquet/parquet/format/page_header_internal.h"

namespace marquet::pq {

struct WalkedPage {
  PageHeader header;
  int64_t offset = 0;      // of the header in the file
  bool after_gap = false;  // something else than a page lies before it, as never inside of a chunk

  int64_t size() const { return header.header_size + header.compressed_size; }
  int64_t end() const { return offset + size(); }
};

// Where a walk ended, and why.
struct WalkEnd {
  int64_t offset = 0;
  std::string reason;
  std::optional<PageHeader> cut;  // of a page whose header is there, and not all of its body
};

// Belongs to one thread at a time.
class PageWalk {
 public:
  // `range`: of the file, from the first page's header on.
  PageWalk(std::shared_ptr<arrow::io::RandomAccessFile> file, ByteRange range,
           const StopFlag* stop = nullptr);

  // The page of that number, from 0; a null pointer when the walk ends before it. Valid until it is
  // forgotten.
  arrow::Result<const WalkedPage*> At(int64_t number);

  // The metadata behind that page, which ends its chunk; a null pointer when there is none. The page must
  // have been asked for.
  const ChunkTrailer* TrailerBehind(int64_t number) const;

  // Pages before this number will not be asked for again.
  void Forget(int64_t before);

  // Once At gave a null pointer.
  const WalkEnd& end() const { return end_; }

 private:
  arrow::Result<bool> FindPage();
  arrow::Status PassGap();
  arrow::Result<std::optional<PageHeader>> ReadHeader(int64_t offset);
  arrow::Result<int64_t> CountZeros(int64_t offset);
  arrow::Result<std::span<const uint8_t>> Window(int64_t offset, int64_t size, int64_t read = 0);
  bool End(std::string reason);

  const std::shared_ptr<arrow::io::RandomAccessFile> file_;
  const ByteRange range_;
  const StopFlag* const stop_;

  int64_t next_;  // where the next page is looked for
  bool after_gap_ = false;
  bool ended_ = false;
  WalkEnd end_;

  int64_t first_ = 0;  // number of the first page held
  std::deque<WalkedPage> pages_;
  std::map<int64_t, ChunkTrailer> trailers_;  // by the page before them

  std::shared_ptr<arrow::Buffer> window_;
  int64_t window_begin_ = 0;
};

}  // namespace marquet::pq
