#include <zstd.h>

#include <cstring>
#include <vector>

#include "arrow/util/compression.h"
#include "fmt/format.h"
#include "marquet/parquet/decode/page_decompressor_internal.h"
#include "parquet/types.h"

namespace marquet::pq {
namespace {

using arrow::Compression;

ZSTD_DCtx* DecompressionContext() {
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  static thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  return context.get();
}

// The most bytes that `size` compressed ones can stand for.
int64_t MostBytes(Compression::type codec, int64_t size) {
  switch (codec) {
    case Compression::UNCOMPRESSED:
      return size;
    case Compression::SNAPPY:
      return 22 * size;  // a copy of 64 bytes takes 3 (format_description.txt, section 2.2.2)
    case Compression::LZ4:
    case Compression::LZ4_FRAME:
    case Compression::LZ4_HADOOP:
      return 255 * size;  // each byte of a match's length adds at most 255 (lz4_Block_format.md)
    case Compression::GZIP:
      return 1032 * size;  // a match of 258 bytes takes two bits (RFC 1951, section 3.2.5)
    case Compression::ZSTD:
      return (size / 3 + 1)
             << 17;  // a block of at most 128 KiB has a header of 3 bytes (RFC 8878, section 3.1.1.2)
    case Compression::BROTLI:
      return (size / 3 + 1)
             << 24;  // a meta-block of at most 16 MiB has a header of 3 bytes (RFC 7932, section 9.2)
    default:
      return INT64_MAX;
  }
}

// A claim of more is measured where its codec might make it of few bytes: above what a bad header costs
// anyway.
constexpr int64_t kMeasuredSize = int64_t{8} << 20;
constexpr int64_t kMeasuredRatio = 256;

// How many bytes `bytes` become, counted up to `most`, with memory for a few of them at a time.
arrow::Result<int64_t> Measure(Compression::type codec, std::span<const uint8_t> bytes, int64_t most) {
  ARROW_ASSIGN_OR_RAISE(const auto arrow_codec, arrow::util::Codec::Create(codec));
  ARROW_ASSIGN_OR_RAISE(const auto stream, arrow_codec->MakeDecompressor());
  std::vector<uint8_t> passing(size_t{1} << 16);
  int64_t made = 0;
  while (made < most) {
    ARROW_ASSIGN_OR_RAISE(const auto step,
                          stream->Decompress(static_cast<int64_t>(bytes.size()), bytes.data(),
                                             static_cast<int64_t>(passing.size()), passing.data()));
    made += step.bytes_written;
    bytes = bytes.subspan(static_cast<size_t>(step.bytes_read));
    if (step.bytes_read == 0 && step.bytes_written == 0) break;      // it waits for bytes that are not there
    if (stream->IsFinished()) ARROW_RETURN_NOT_OK(stream->Reset());  // gzip members may follow one another
  }
  return made;
}

std::unique_ptr<arrow::util::Codec> ArrowCodec(Compression::type codec) {
  if (codec == Compression::ZSTD || codec == Compression::UNCOMPRESSED) return nullptr;
  return ::parquet::GetCodec(codec);
}

}  // namespace

PageDecompressor::PageDecompressor(Compression::type codec)
    : codec_(codec), arrow_codec_(ArrowCodec(codec)) {}

PageDecompressor::~PageDecompressor() = default;

arrow::Status PageDecompressor::CheckSize(std::span<const uint8_t> bytes, int64_t size) const {
  const auto stored = static_cast<int64_t>(bytes.size());
  if (size > MostBytes(codec_, stored) || (stored == 0 && size > 0)) {
    return arrow::Status::IOError(
        fmt::format("{} bytes are said to become {} uncompressed; {} can be at most {}", stored, size, stored,
                    MostBytes(codec_, stored)));
  }
  if (codec_ == Compression::UNCOMPRESSED && size != stored) {
    return arrow::Status::IOError(
        fmt::format("{} bytes that are not compressed are said to be {}", stored, size));
  }
  if (codec_ == Compression::ZSTD && stored > 0) {
    const unsigned long long said = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
    const bool known = said != ZSTD_CONTENTSIZE_UNKNOWN && said != ZSTD_CONTENTSIZE_ERROR;
    if (known && said != static_cast<uint64_t>(size) &&
        ZSTD_findFrameCompressedSize(bytes.data(), bytes.size()) == bytes.size()) {
      return arrow::Status::IOError(
          fmt::format("the page is said to be {} bytes uncompressed, its zstd frame {}", size, said));
    }
  }
  if (size > kMeasuredSize && size / kMeasuredRatio > stored) {
    ARROW_ASSIGN_OR_RAISE(const int64_t measured, Measure(codec_, bytes, size));
    if (measured < size) {
      return arrow::Status::IOError(
          fmt::format("{} bytes are said to become {} uncompressed; they become {}", stored, size, measured));
    }
  }
  return arrow::Status::OK();
}

arrow::Status PageDecompressor::Decompress(std::span<const uint8_t> bytes, std::span<uint8_t> out) const {
  if (bytes.empty() && out.empty()) return arrow::Status::OK();
  int64_t size = 0;
  if (codec_ == Compression::UNCOMPRESSED) {
    size = static_cast<int64_t>(std::min(bytes.size(), out.size()));
    if (size > 0) std::memcpy(out.data(), bytes.data(), static_cast<size_t>(size));
  } else if (codec_ == Compression::ZSTD) {
    ZSTD_DCtx* const context = DecompressionContext();
    if (context == nullptr) return arrow::Status::OutOfMemory("no memory for a zstd context");
    const size_t found = ZSTD_decompressDCtx(context, out.data(), out.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(found) != 0) {
      return arrow::Status::IOError(
          fmt::format("zstd cannot decompress the page: {}", ZSTD_getErrorName(found)));
    }
    size = static_cast<int64_t>(found);
  } else {
    ARROW_ASSIGN_OR_RAISE(size, arrow_codec_->Decompress(static_cast<int64_t>(bytes.size()), bytes.data(),
                                                         static_cast<int64_t>(out.size()), out.data()));
  }
  if (size == static_cast<int64_t>(out.size())) return arrow::Status::OK();
  return arrow::Status::IOError(
      fmt::format("the page was decompressed into {} bytes; expected {}", size, out.size()));
}

}  // namespace marquet::pq
