// A file made of pieces of another one: the pages of each column chunk next to each other, as Parquet readers
// want them, with those left out that are of no use.
#pragma once

#include <memory>

#include "arrow/io/interfaces.h"
#include "marquet/parquet/format/footer_internal.h"

namespace marquet::pq {

// Appending comes first; reading is thread safe after it.
class PageFile final : public arrow::io::RandomAccessFile {
 public:
  // Positions begin at 4, where in a Parquet file the first page is.
  explicit PageFile(std::shared_ptr<arrow::io::RandomAccessFile> source) : source_(std::move(source)) {}

  // Puts a range of the source at the end.
  void Append(ByteRange range);
  int64_t end() const { return end_; }

  arrow::Result<int64_t> ReadAt(int64_t position, int64_t size, void* out) override;
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t size) override;
  arrow::Result<int64_t> GetSize() override { return end_; }

  // Not used: there is no position.
  arrow::Result<int64_t> Read(int64_t size, void* out) override;
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override;
  arrow::Status Seek(int64_t position) override;
  arrow::Result<int64_t> Tell() const override;
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }

 private:
  struct Piece {
    int64_t begin = 0;  // here
    ByteRange range;    // of the source
  };

  const std::shared_ptr<arrow::io::RandomAccessFile> source_;
  std::vector<Piece> pieces_;
  int64_t end_ = kMagicBytes;
};

}  // namespace marquet::pq
