#include <zstd.h>

#include <cstring>

#include "arrow/buffer.h"
#include "arrow/util/compression.h"
#include "fmt/format.h"
#include "marquet/parquet/encode/page_compressor_internal.h"
#include "marquet/parquet/encode/scratch_internal.h"
#include "marquet/parquet/encode/writer_properties_internal.h"
#include "marquet/parquet/format/codec_internal.h"
#include "parquet/exception.h"
#include "parquet/types.h"

namespace marquet::pq {
namespace {

// Pages of features must shrink to this to be worth decompressing.
constexpr double kWorthDecompressing = 0.8;

// At this level zstd stores as they are all bytes that do not repeat in long stretches.
constexpr int kStoringZstdLevel = -50;

arrow::Result<PageCompressor::Compressed> CopyOf(std::span<const uint8_t> bytes, bool as_it_is) {
  ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(static_cast<int64_t>(bytes.size())));
  if (!bytes.empty()) std::memcpy(buffer->mutable_data(), bytes.data(), bytes.size());
  return PageCompressor::Compressed{std::move(buffer), as_it_is};
}

ZSTD_CCtx* CompressionContext() {
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  static thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  return context.get();
}

// In the thread's scratch memory.
arrow::Result<std::span<const uint8_t>> CompressZstd(std::span<const uint8_t> bytes, int level) {
  ZSTD_CCtx* const context = CompressionContext();
  if (context == nullptr) return arrow::Status::OutOfMemory("no memory for a zstd context");
  const size_t most = ZSTD_compressBound(bytes.size());
  uint8_t* const out = ScratchMemory(Scratch::kCompressed, static_cast<int64_t>(most));
  const size_t size = ZSTD_compressCCtx(context, out, most, bytes.data(), bytes.size(), level);
  if (ZSTD_isError(size) != 0) {
    return arrow::Status::UnknownError(
        fmt::format("zstd could not compress a page of {} bytes: {}", bytes.size(), ZSTD_getErrorName(size)));
  }
  return std::span<const uint8_t>(out, size);
}

arrow::Result<std::unique_ptr<arrow::util::Codec>> ArrowCodec(Codec codec, std::optional<int> level) {
  try {
    return level ? ::parquet::GetCodec(ParquetCodec(codec), *level)
                 : ::parquet::GetCodec(ParquetCodec(codec));
  } catch (const ::parquet::ParquetException& error) {
    return arrow::Status::Invalid(error.what());
  }
}

}  // namespace

PageCompressor::PageCompressor(Codec codec, std::optional<int> level) : codec_(codec), level_(level) {}

arrow::Result<std::shared_ptr<const PageCompressor>> PageCompressor::Make(Codec codec,
                                                                          std::optional<int> level) {
  if (codec != Codec::kZstd && codec != Codec::kNone) {
    ARROW_RETURN_NOT_OK(ArrowCodec(codec, level).status());  // so that a wrong level is found here
  }
  return std::shared_ptr<const PageCompressor>(new PageCompressor(codec, level));
}

arrow::Result<PageCompressor::Compressed> PageCompressor::Compress(std::span<const uint8_t> bytes,
                                                                   PageGoal goal) const {
  if (codec_ == Codec::kNone) return CopyOf(bytes, true);
  if (codec_ == Codec::kZstd) {
    ARROW_ASSIGN_OR_RAISE(auto compressed, CompressZstd(bytes, level_.value_or(kDefaultZstdLevel)));
    const bool store =
        goal == PageGoal::kReading && !level_ &&
        static_cast<double>(compressed.size()) > kWorthDecompressing * static_cast<double>(bytes.size());
    if (store) {
      ARROW_ASSIGN_OR_RAISE(compressed, CompressZstd(bytes, kStoringZstdLevel));
    }
    return CopyOf(compressed, store);
  }
  // One for each page: Arrow's gzip codec holds the state of its stream, and several threads compress at
  // once.
  ARROW_ASSIGN_OR_RAISE(const auto codec, ArrowCodec(codec_, level_));
  const auto length = static_cast<int64_t>(bytes.size());
  const int64_t most = codec->MaxCompressedLen(length, bytes.data());
  uint8_t* const out = ScratchMemory(Scratch::kCompressed, most);
  ARROW_ASSIGN_OR_RAISE(const int64_t size, codec->Compress(length, bytes.data(), most, out));
  return CopyOf({out, static_cast<size_t>(size)}, false);
}

}  // namespace marquet::pq
