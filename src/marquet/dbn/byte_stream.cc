#include "marquet/dbn/byte_stream.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/home_process.h"
#include "marquet/base/text.h"
#include "marquet/base/thread.h"

namespace marquet::dbn {
namespace {

constexpr int64_t kBlockBytes = int64_t{1} << 20;
constexpr int64_t kReadBytes = int64_t{1} << 18;
constexpr size_t kBlocks = 4;
constexpr int kMaxWindowLog = 27;
constexpr int kPeekBytes = 12;

uint32_t LittleEndian32(const uint8_t* p) {
  uint32_t value;
  std::memcpy(&value, p, 4);
  return value;
}
bool IsSkippable(uint32_t magic) {
  return (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == static_cast<uint32_t>(ZSTD_MAGIC_SKIPPABLE_START);
}

struct OwnedBlock {
  std::unique_ptr<uint8_t[]> data{new uint8_t[kBlockBytes]};
  int64_t size = 0;
};

}  // namespace

// One producer thread fills blocks, one consumer takes them; at most kBlocks exist. The producer stops when
// the stream ends or fails, or when the consumer is gone.
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
  Thread producer;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<OwnedBlock>> free;
  std::deque<std::unique_ptr<OwnedBlock>> full;
  std::unique_ptr<OwnedBlock> current;
  bool stop = false;
  bool ended = false;
  arrow::Status outcome;  // of the producer, once ended
  std::string truncated_frame;

  ~Impl() {
    bool reads = false;
    {
      std::lock_guard lock(mutex);
      stop = true;
      reads = !ended;
    }
    changed.notify_all();
    if (reads && abandon_input) abandon_input();
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
    for (size_t i = 0; i < kBlocks; ++i) free.push_back(std::make_unique<OwnedBlock>());
    ARROW_ASSIGN_OR_RAISE(producer, Thread::Start(name, [this] {
                            arrow::Status status =
                                Caught(name, [&] { return compressed ? Decompress() : Copy(); });
                            std::lock_guard lock(mutex);
                            outcome = std::move(status);
                            ended = true;
                            changed.notify_all();
                            return outcome;
                          }));
    return arrow::Status::OK();
  }

  // A block to fill, or null when the consumer is gone.
  std::unique_ptr<OwnedBlock> TakeFree() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return stop || !free.empty(); });
    if (stop) return nullptr;
    auto block = std::move(free.back());
    free.pop_back();
    return block;
  }
  void GiveFull(std::unique_ptr<OwnedBlock> block) {
    {
      std::lock_guard lock(mutex);
      (block->size > 0 ? void(full.push_back(std::move(block))) : free.push_back(std::move(block)));
    }
    changed.notify_all();
  }

  arrow::Status Copy() {
    bool first = true;
    while (true) {
      auto block = TakeFree();
      if (!block) return arrow::Status::OK();
      block->size = 0;
      if (first) {
        std::memcpy(block->data.get(), peeked.data(), peeked_bytes);
        block->size = peeked_bytes;
        first = false;
      }
      ARROW_ASSIGN_OR_RAISE(int64_t got,
                            input->Read(kBlockBytes - block->size, block->data.get() + block->size));
      block->size += got;
      GiveFull(std::move(block));
      if (got == 0) return arrow::Status::OK();
    }
  }

  arrow::Status Decompress() {
    std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
    if (!context) return arrow::Status::OutOfMemory("no memory for a zstd context");
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxWindowLog);

    std::unique_ptr<uint8_t[]> chunk(new uint8_t[kReadBytes]);
    std::memcpy(chunk.get(), peeked.data(), peeked_bytes);
    ZSTD_inBuffer in{chunk.get(), static_cast<size_t>(peeked_bytes), 0};
    int64_t chunk_start = 0;  // in the compressed file
    int64_t frame_start = 0;
    bool inside_frame = false;
    bool held_back = false;  // zstd has more to give without more input
    std::unique_ptr<OwnedBlock> block;
    while (true) {
      if (in.pos == in.size && !held_back) {
        chunk_start += static_cast<int64_t>(in.size);
        ARROW_ASSIGN_OR_RAISE(int64_t got, input->Read(kReadBytes, chunk.get()));
        in = {chunk.get(), static_cast<size_t>(got), 0};
        if (got == 0) break;
      }
      if (!block) {
        block = TakeFree();
        if (!block) return arrow::Status::OK();
        block->size = 0;
      }
      if (!inside_frame) frame_start = chunk_start + static_cast<int64_t>(in.pos);
      ZSTD_outBuffer out{block->data.get(), kBlockBytes, static_cast<size_t>(block->size)};
      const size_t result = ZSTD_decompressStream(context.get(), &out, &in);
      if (ZSTD_isError(result)) {
        return Damaged(result, frame_start, chunk_start + static_cast<int64_t>(in.pos));
      }
      block->size = static_cast<int64_t>(out.pos);
      inside_frame = result != 0;
      held_back = inside_frame && out.pos == out.size;
      if (out.pos == out.size) GiveFull(std::move(block));
    }
    if (block) GiveFull(std::move(block));
    if (inside_frame) {
      truncated_frame =
          fmt::format("{}: the zstd frame that starts at byte {} is cut short: the file ends at byte {}",
                      name, WithCommas(frame_start), WithCommas(chunk_start));
    }
    return arrow::Status::OK();
  }

  arrow::Status Damaged(size_t result, int64_t frame_start, int64_t position) const {
    const auto code = ZSTD_getErrorCode(result);
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
                                   WithCommas(frame_start), ZSTD_getErrorName(result)),
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
    std::unique_lock lock(mutex);
    if (current) {
      current->size = 0;
      free.push_back(std::move(current));
      changed.notify_all();
    }
    changed.wait(lock, [&] { return ended || !full.empty(); });
    if (full.empty()) {
      ARROW_RETURN_NOT_OK(outcome);
      return Block{};
    }
    current = std::move(full.front());
    full.pop_front();
    return Block{current->data.get(), current->size};
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
