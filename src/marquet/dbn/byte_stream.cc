#include "marquet/dbn/byte_stream.h"

// Frames are decompressed block by block into memory of our own: zstd's own stream would copy each byte out
// of its window.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/home_process.h"
#include "marquet/base/text.h"
#include "marquet/base/thread.h"
#include "marquet/dbn/block_ring.h"

namespace marquet::dbn {
namespace {

constexpr int64_t kBlockBytes = int64_t{1} << 20;
constexpr int64_t kReadBytes = int64_t{1} << 18;
constexpr int64_t kAheadBytes = 3 * kBlockBytes;
constexpr uint64_t kMostWindow = uint64_t{1} << 27;
constexpr int kPeekBytes = 12;

// zstd copies in words, which may reach so far behind a block's end, and needs as much before its window.
constexpr int64_t kBeyondBlock = 64;

uint32_t LittleEndian32(const uint8_t* p) {
  uint32_t value;
  std::memcpy(&value, p, 4);
  return value;
}
bool IsSkippable(uint32_t magic) {
  return (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == static_cast<uint32_t>(ZSTD_MAGIC_SKIPPABLE_START);
}

// What is left of an input, of which some bytes are to be had next to each other.
class CompressedInput {
 public:
  CompressedInput(arrow::io::InputStream* input, std::span<const uint8_t> first)
      : input_(input), memory_(std::make_unique_for_overwrite<uint8_t[]>(kMemory)) {
    std::memcpy(memory_.get(), first.data(), first.size());
    end_ = static_cast<int64_t>(first.size());
  }

  const uint8_t* data() const { return memory_.get() + begin_; }
  size_t size() const { return static_cast<size_t>(end_ - begin_); }
  int64_t position() const { return passed_ + begin_; }  // in the input
  int64_t end() const { return passed_ + end_; }         // of what was read of it

  // At most kReadBytes. False when the input ends before.
  arrow::Result<bool> Have(size_t bytes) {
    while (size() < bytes) {
      if (kMemory - end_ < kReadBytes) {
        std::memmove(memory_.get(), data(), size());
        passed_ += begin_;
        end_ -= begin_;
        begin_ = 0;
      }
      ARROW_ASSIGN_OR_RAISE(const int64_t got, input_->Read(kReadBytes, memory_.get() + end_));
      if (got == 0) return false;
      end_ += got;
    }
    return true;
  }

  void Take(size_t bytes) { begin_ += static_cast<int64_t>(bytes); }

  // Takes any number of bytes. False when the input ends before.
  arrow::Result<bool> Skip(uint64_t bytes) {
    while (true) {
      const auto part = std::min<uint64_t>(bytes, size());
      Take(part);
      bytes -= part;
      if (bytes == 0) return true;
      ARROW_ASSIGN_OR_RAISE(const bool more, Have(1));
      if (!more) return false;
    }
  }

 private:
  static constexpr int64_t kMemory = 2 * kReadBytes;

  arrow::io::InputStream* const input_;
  const std::unique_ptr<uint8_t[]> memory_;
  int64_t begin_ = 0, end_ = 0;  // in memory, of what is not taken
  int64_t passed_ = 0;           // bytes that are no longer in memory
};

}  // namespace

// One thread fills the ring, and ends when the stream ends or fails, or when the consumer is gone.
struct ByteStream::Impl {
  std::shared_ptr<arrow::io::InputStream> input;
  std::string name;
  std::function<void()> abandon_input;
  bool compressed = false;
  bool legacy_dbz = false;
  std::array<uint8_t, kPeekBytes> peeked{};
  int64_t peeked_bytes = 0;

  // Without a thread: an input that hands out its own memory.
  bool direct = false;
  bool peeked_given = false;
  std::shared_ptr<arrow::Buffer> held;

  const HomeProcess home;
  BlockRing ring;
  Thread producer;
  std::string truncated_frame;

  ~Impl() {
    if (!ring.Stop() && abandon_input) abandon_input();
    producer = Thread();  // its end
  }

  arrow::Status Peek() {
    while (peeked_bytes < kPeekBytes) {
      ARROW_ASSIGN_OR_RAISE(int64_t got,
                            input->Read(kPeekBytes - peeked_bytes, peeked.data() + peeked_bytes));
      if (got == 0) break;
      peeked_bytes += got;
    }
    if (peeked_bytes >= 4) {
      const uint32_t magic = LittleEndian32(peeked.data());
      compressed = magic == ZSTD_MAGICNUMBER || IsSkippable(magic);
      legacy_dbz = IsSkippable(magic) && peeked_bytes >= 11 && std::memcmp(peeked.data() + 8, "DBZ", 3) == 0;
    }
    return arrow::Status::OK();
  }

  arrow::Status Start() {
    direct = !compressed && input->supports_zero_copy();
    if (direct) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(producer, Thread::Start(name, [this] {
                            const arrow::Status status =
                                Caught(name, [&] { return compressed ? Decompress() : Copy(); });
                            ring.End(status);
                            return status;
                          }));
    return arrow::Status::OK();
  }

  arrow::Status Copy() {
    if (!ring.Reserve(kAheadBytes + kBlockBytes)) return arrow::Status::OK();
    auto first = std::span<const uint8_t>(peeked).first(static_cast<size_t>(peeked_bytes));
    while (true) {
      uint8_t* const room = ring.Room(kBlockBytes);
      if (room == nullptr) return arrow::Status::OK();
      if (!first.empty()) std::memcpy(room, first.data(), first.size());
      const auto size = static_cast<int64_t>(first.size());
      first = {};
      ARROW_ASSIGN_OR_RAISE(const int64_t got, input->Read(kBlockBytes - size, room + size));
      ring.Wrote(size + got);
      ring.GiveOut();
      if (got == 0) return arrow::Status::OK();
    }
  }

  arrow::Status Decompress() {
    std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
    if (!context) return arrow::Status::OutOfMemory("no memory for a zstd context");
    CompressedInput in(input.get(), std::span(peeked).first(static_cast<size_t>(peeked_bytes)));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool more, in.Have(1));
      if (!more) break;
      const int64_t start = in.position();
      ARROW_ASSIGN_OR_RAISE(const FrameEnd end, DecompressFrame(context.get(), &in));
      if (end == FrameEnd::kUnwanted) return arrow::Status::OK();
      if (end == FrameEnd::kCutShort) {
        truncated_frame =
            fmt::format("{}: the zstd frame that starts at byte {} is cut short: the file ends at byte {}",
                        name, WithCommas(start), WithCommas(in.end()));
        break;
      }
    }
    ring.GiveOut();
    return arrow::Status::OK();
  }

  enum class FrameEnd { kWhole, kCutShort, kUnwanted };

  arrow::Result<FrameEnd> DecompressFrame(ZSTD_DCtx* context, CompressedInput* in) {
    const int64_t start = in->position();
    ZSTD_frameHeader header;
    for (size_t wanted = 1; wanted > 0;) {
      ARROW_ASSIGN_OR_RAISE(const bool there, in->Have(wanted));
      if (!there) return FrameEnd::kCutShort;
      wanted = ZSTD_getFrameHeader(&header, in->data(), in->size());
      if (ZSTD_isError(wanted)) return Damaged(ZSTD_getErrorCode(wanted), start, start);
    }
    if (header.frameType == ZSTD_skippableFrame) {
      ARROW_ASSIGN_OR_RAISE(const bool whole, in->Skip(ZSTD_SKIPPABLEHEADERSIZE + header.frameContentSize));
      return whole ? FrameEnd::kWhole : FrameEnd::kCutShort;
    }
    if (header.windowSize > kMostWindow) {
      return Damaged(ZSTD_error_frameParameter_windowTooLarge, start, start);
    }
    const int64_t room = int64_t{header.blockSizeMax} + kBeyondBlock;
    if (!ring.Reserve(static_cast<int64_t>(header.windowSize) + kAheadBytes + 2 * room)) {
      return FrameEnd::kUnwanted;
    }
    if (const size_t begun = ZSTD_decompressBegin(context); ZSTD_isError(begun)) {
      return Damaged(ZSTD_getErrorCode(begun), start, start);
    }
    // No more than a block, whose size zstd checks.
    while (const size_t wanted = ZSTD_nextSrcSizeToDecompress(context)) {
      ARROW_ASSIGN_OR_RAISE(const bool there, in->Have(wanted));
      if (!there) return FrameEnd::kCutShort;
      uint8_t* const out = ring.Room(room);
      if (out == nullptr) return FrameEnd::kUnwanted;
      const size_t written =
          ZSTD_decompressContinue(context, out, static_cast<size_t>(room), in->data(), wanted);
      if (ZSTD_isError(written)) return Damaged(ZSTD_getErrorCode(written), start, in->position());
      in->Take(wanted);
      ring.Wrote(static_cast<int64_t>(written));
      if (ring.pending() >= kBlockBytes) ring.GiveOut();
    }
    return FrameEnd::kWhole;
  }

  arrow::Status Damaged(ZSTD_ErrorCode code, int64_t frame_start, int64_t position) const {
    const std::string where = fmt::format("{}: byte {}", name, WithCommas(position));
    if (code == ZSTD_error_checksum_wrong) {
      return CorruptData(
          fmt::format("{}: the checksum of the zstd frame that starts at byte {} does not match its content",
                      where, WithCommas(frame_start)),
          "fetch the file again");
    }
    if (code == ZSTD_error_prefix_unknown) {
      return CorruptData(
          fmt::format("{}: expected another zstd frame or the end of the file, found something else", where));
    }
    if (code == ZSTD_error_frameParameter_windowTooLarge) {
      return Unsupported(
          fmt::format("{}: the zstd frame that starts at byte {} needs a window of more than 128 MiB", where,
                      WithCommas(frame_start)),
          "compress the file again without --long");
    }
    return CorruptData(fmt::format("{}: the zstd frame that starts at byte {} is damaged: {}", where,
                                   WithCommas(frame_start), ZSTD_getErrorString(code)),
                       "fetch the file again");
  }

  arrow::Result<Block> NextDirect() {
    if (!peeked_given) {
      peeked_given = true;
      if (peeked_bytes > 0) return Block{peeked.data(), peeked_bytes};
    }
    ARROW_ASSIGN_OR_RAISE(held, input->Read(kBlockBytes));
    return Block{held->data(), held->size()};
  }

  arrow::Result<Block> NextFull() {
    ARROW_ASSIGN_OR_RAISE(const BlockRing::Stretch stretch, ring.Next());
    return Block{stretch.data, stretch.size};
  }
};

ByteStream::ByteStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ByteStream::~ByteStream() {
  if (!impl_->home.IsThis()) static_cast<void>(impl_.release());  // its thread is another process's
}

arrow::Result<std::unique_ptr<ByteStream>> ByteStream::Open(std::shared_ptr<arrow::io::InputStream> input,
                                                            std::string name,
                                                            std::function<void()> abandon_input) {
  auto impl = std::make_unique<Impl>();
  impl->abandon_input = std::move(abandon_input);
  impl->input = std::move(input);
  impl->name = std::move(name);
  ARROW_RETURN_NOT_OK(impl->Peek());
  ARROW_RETURN_NOT_OK(impl->Start());
  return std::unique_ptr<ByteStream>(new ByteStream(std::move(impl)));
}

arrow::Result<ByteStream::Block> ByteStream::Next() {
  if (impl_->direct) return impl_->NextDirect();
  ARROW_RETURN_NOT_OK(impl_->home.Check(impl_->name, "Open it in each process."));
  return impl_->NextFull();
}
bool ByteStream::compressed() const { return impl_->compressed; }
bool ByteStream::legacy_dbz() const { return impl_->legacy_dbz; }
const std::string& ByteStream::truncated_frame() const { return impl_->truncated_frame; }

}  // namespace marquet::dbn
