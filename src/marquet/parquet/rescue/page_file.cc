#include "marquet/parquet/rescue/page_file_internal.h"

#include <algorithm>

#include "arrow/buffer.h"

namespace marquet::pq {
namespace {

arrow::Status NoPosition() { return arrow::Status::NotImplemented("a file of pages has no position"); }

}  // namespace

void PageFile::Append(ByteRange range) {
  if (range.length() == 0) return;
  if (!pieces_.empty() && pieces_.back().range.end == range.begin) {
    pieces_.back().range.end = range.end;
  } else {
    pieces_.push_back({end_, range});
  }
  end_ += range.length();
}

arrow::Result<int64_t> PageFile::ReadAt(int64_t position, int64_t size, void* out) {
  auto piece = std::upper_bound(pieces_.begin(), pieces_.end(), position,
                                [](int64_t at, const Piece& one) { return at < one.begin; });
  if (piece == pieces_.begin()) return 0;
  int64_t done = 0;
  for (--piece; piece != pieces_.end() && done < size; ++piece) {
    const int64_t skipped = position + done - piece->begin;
    const int64_t wanted = std::min(size - done, piece->range.length() - skipped);
    ARROW_ASSIGN_OR_RAISE(const int64_t read, source_->ReadAt(piece->range.begin + skipped, wanted,
                                                              static_cast<uint8_t*>(out) + done));
    done += read;
    if (read < wanted) break;
  }
  return done;
}

arrow::Result<std::shared_ptr<arrow::Buffer>> PageFile::ReadAt(int64_t position, int64_t size) {
  ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(size));
  ARROW_ASSIGN_OR_RAISE(const int64_t read, ReadAt(position, size, buffer->mutable_data()));
  ARROW_RETURN_NOT_OK(buffer->Resize(read));
  return std::shared_ptr<arrow::Buffer>(std::move(buffer));
}

arrow::Result<int64_t> PageFile::Read(int64_t, void*) { return NoPosition(); }
arrow::Result<std::shared_ptr<arrow::Buffer>> PageFile::Read(int64_t) { return NoPosition(); }
arrow::Status PageFile::Seek(int64_t) { return NoPosition(); }
arrow::Result<int64_t> PageFile::Tell() const { return NoPosition(); }

}  // namespace marquet::pq
