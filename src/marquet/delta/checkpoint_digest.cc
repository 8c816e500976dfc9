#include "marquet/delta/checkpoint_digest_internal.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"

namespace marquet::delta {
namespace {

constexpr std::string_view kMark = "marquet.xxh3=";
constexpr int64_t kDigits = 32;
constexpr int64_t kTailBytes = 8;             // the footer's length and the closing magic
constexpr int64_t kBlock = int64_t{4} << 20;  // that are read at a time
constexpr std::string_view kZeros = "00000000000000000000000000000000";
static_assert(kZeros.size() == kDigits);

// Where the digits begin in the last bytes of a file; npos where there are none.
size_t PlaceOfDigits(std::string_view end) {
  const size_t mark = end.rfind(kMark);
  if (mark == end.npos || end.size() - mark < kMark.size() + kDigits) return end.npos;
  return mark + kMark.size();
}

arrow::Result<std::shared_ptr<arrow::Buffer>> ReadExactly(arrow::io::RandomAccessFile& file, int64_t at,
                                                          int64_t bytes) {
  ARROW_ASSIGN_OR_RAISE(auto read, file.ReadAt(at, bytes));
  if (read->size() == bytes) return read;
  return arrow::Status::IOError(read->size(), " bytes could be read at byte ", at, "; expected ", bytes);
}

}  // namespace

std::string CheckpointDigestToCome() { return std::string(kMark) += kZeros; }

arrow::Result<CheckpointDigest> DigestOfCheckpoint(std::string_view bytes) {
  const size_t place = PlaceOfDigits(bytes);
  if (place == bytes.npos || bytes.substr(place, kDigits) != kZeros) {
    return CorruptData("the checkpoint's footer lacks the place of its digest");
  }
  return CheckpointDigest{static_cast<int64_t>(place), Xxh3Hex(bytes)};
}

arrow::Result<bool> CheckCheckpointDigest(arrow::io::RandomAccessFile& file) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file.GetSize());
  if (size < kTailBytes) return false;
  ARROW_ASSIGN_OR_RAISE(const auto tail, ReadExactly(file, size - kTailBytes, kTailBytes));
  uint32_t length = 0;
  std::memcpy(&length, tail->data(), sizeof length);
  const int64_t footer_bytes = std::min<int64_t>(length, size - kTailBytes);
  const int64_t footer_begin = size - kTailBytes - footer_bytes;
  ARROW_ASSIGN_OR_RAISE(const auto footer, ReadExactly(file, footer_begin, footer_bytes));
  const size_t place = PlaceOfDigits(std::string_view(*footer));
  if (place == std::string_view::npos) return false;
  const std::string told(std::string_view(*footer).substr(place, kDigits));

  const int64_t digits_begin = footer_begin + static_cast<int64_t>(place);
  Xxh3Digest digest;
  const auto add = [&](int64_t begin, int64_t end) -> arrow::Status {
    while (begin < end) {
      const int64_t bytes = std::min(kBlock, end - begin);
      ARROW_ASSIGN_OR_RAISE(const auto block, ReadExactly(file, begin, bytes));
      digest.Update(block->data(), bytes);
      begin += bytes;
    }
    return arrow::Status::OK();
  };
  ARROW_RETURN_NOT_OK(add(0, digits_begin));
  digest.Update(kZeros.data(), kDigits);
  ARROW_RETURN_NOT_OK(add(digits_begin + kDigits, size));
  const std::string found = digest.Hex();
  if (found == told) return true;
  return CorruptData(fmt::format("its bytes have the digest {}; {} were written", found, told));
}

}  // namespace marquet::delta
