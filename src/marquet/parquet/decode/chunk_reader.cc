#include "marquet/parquet/decode/chunk_reader_internal.h"

#include <algorithm>
#include <cstring>

#include "arrow/buffer.h"
#include "fmt/format.h"
#include "marquet/base/column_memory.h"
#include "marquet/base/crc32.h"

namespace marquet::pq {

ChunkReader::ChunkReader(std::shared_ptr<arrow::Buffer> bytes, arrow::Compression::type codec, int64_t values,
                         Checksums checksums)
    : bytes_(std::move(bytes)),
      decompressor_(codec),
      checksums_(checksums),
      values_left_(values < 0 ? INT64_MAX : values) {}

arrow::Result<const Page*> ChunkReader::Next() {
  while (position_ < bytes_->size() && values_left_ > 0) {
    ++number_;
    page_begin_ = position_;
    const arrow::Status status = ReadPage();
    if (status.IsOutOfMemory()) return status;
    if (!status.ok()) return arrow::Status::IOError("page ", number_, ": ", status.message());
    if (page_.header.holds_data()) values_left_ -= page_.header.values;
    if (page_.header.kind != PageKind::kIndex) return &page_;
  }
  return nullptr;
}

int64_t ChunkReader::ValuesAhead() const {
  const std::span<const uint8_t> all(bytes_->data(), static_cast<size_t>(bytes_->size()));
  int64_t values = 0;
  for (int64_t at = position_; at < bytes_->size() && values < values_left_;) {
    const auto header = ParsePageHeader(all.subspan(static_cast<size_t>(at)));
    if (!header.ok() || header->compressed_size > bytes_->size() - at - header->header_size) break;
    if (header->holds_data()) values += header->values;
    at += header->header_size + header->compressed_size;
  }
  return std::min(values, values_left_);
}

arrow::Status ChunkReader::ReadPage() {
  const std::span<const uint8_t> left(bytes_->data() + position_,
                                      static_cast<size_t>(bytes_->size() - position_));
  ARROW_ASSIGN_OR_RAISE(page_.header, ParsePageHeader(left));
  const PageHeader& header = page_.header;
  if (header.compressed_size > static_cast<int64_t>(left.size()) - header.header_size) {
    return arrow::Status::IOError(fmt::format("takes {} bytes; {} are left of the column chunk",
                                              header.compressed_size,
                                              static_cast<int64_t>(left.size()) - header.header_size));
  }
  const std::span<const uint8_t> stored =
      left.subspan(static_cast<size_t>(header.header_size), static_cast<size_t>(header.compressed_size));
  position_ += header.header_size + header.compressed_size;
  if (header.kind == PageKind::kIndex) return arrow::Status::OK();
  if (checksums_ == Checksums::kVerify && header.crc.has_value()) {
    const uint32_t found = Crc32(stored);
    if (found != *header.crc) {
      return arrow::Status::IOError(fmt::format("the CRC is {:08x}; expected {:08x}", found, *header.crc));
    }
  }
  ARROW_RETURN_NOT_OK(CheckSizes(stored));

  // The levels of a second version's page are stored as they are.
  const size_t levels =
      header.kind == PageKind::kDataV2
          ? static_cast<size_t>(header.definition_level_bytes + header.repetition_level_bytes)
          : 0;
  if (decompressor_.copies() || !header.values_compressed) {
    page_.body = stored;
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(uint8_t* const body, BodyMemory(header.uncompressed_size));
  if (levels > 0) std::memcpy(body, stored.data(), levels);
  const std::span<uint8_t> out(body, static_cast<size_t>(header.uncompressed_size));
  page_.body = out;
  return decompressor_.Decompress(stored.subspan(levels), out.subspan(levels));
}

arrow::Status ChunkReader::CheckSizes(std::span<const uint8_t> stored) const {
  const PageHeader& header = page_.header;
  int64_t levels = 0;
  if (header.kind == PageKind::kDataV2) {
    levels = int64_t{header.definition_level_bytes} + header.repetition_level_bytes;
    if (levels > header.compressed_size || levels > header.uncompressed_size) {
      return arrow::Status::IOError(fmt::format("the levels are said to be {} bytes of {}", levels,
                                                std::min(header.compressed_size, header.uncompressed_size)));
    }
    if (!header.values_compressed) {
      if (header.compressed_size == header.uncompressed_size) return arrow::Status::OK();
      return arrow::Status::IOError(fmt::format("{} bytes that are not compressed are said to be {}",
                                                header.compressed_size, header.uncompressed_size));
    }
  }
  return decompressor_.CheckSize(stored.subspan(static_cast<size_t>(levels)),
                                 header.uncompressed_size - levels);
}

arrow::Result<uint8_t*> ChunkReader::BodyMemory(int64_t size) {
  if (body_ == nullptr || body_->size() < size) {
    body_.reset();  // before there is another: what it holds need not be kept
    ARROW_ASSIGN_OR_RAISE(body_, arrow::AllocateBuffer(size, ColumnMemory()));
  }
  return body_->mutable_data();
}

}  // namespace marquet::pq
