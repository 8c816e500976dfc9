#include "marquet/parquet/decode/page_end_internal.h"

#include <algorithm>
#include <memory>

#include "marquet/parquet/format/compact_reader_internal.h"
#include "parquet/encoding.h"

namespace marquet::pq {
namespace {

constexpr int kPassedAtOnce = 1 << 10;
constexpr uint64_t kMostBlock = uint64_t{1} << 31;

// The sum of lengths that begin the bytes.
arrow::Result<int64_t> SumOfLengths(std::span<const uint8_t> bytes, int64_t values) {
  const auto decoder =
      ::parquet::MakeTypedDecoder<::parquet::Int32Type>(::parquet::Encoding::DELTA_BINARY_PACKED, nullptr);
  decoder->SetData(static_cast<int>(values), bytes.data(), static_cast<int>(bytes.size()));
  const auto lengths = std::make_unique<int32_t[]>(kPassedAtOnce);
  int64_t sum = 0;
  for (int64_t left = values; left > 0;) {
    const int decoded =
        decoder->Decode(lengths.get(), static_cast<int>(std::min<int64_t>(left, kPassedAtOnce)));
    if (decoded <= 0) return arrow::Status::IOError("the lengths end ", left, " values too early");
    for (int i = 0; i < decoded; ++i) sum += lengths[static_cast<size_t>(i)];
    left -= decoded;
  }
  return sum;
}

}  // namespace

arrow::Status CheckUsedUp(int64_t left) {
  if (left <= 0) return arrow::Status::OK();
  return arrow::Status::IOError(left, " bytes are left behind its values; expected none");
}

arrow::Result<int64_t> DeltaBytes(std::span<const uint8_t> bytes, int64_t values) {
  if (bytes.empty() && values == 0) return 0;
  thrift::CompactReader in(bytes, "values");  // the same integers as Thrift's
  ARROW_ASSIGN_OR_RAISE(const uint64_t block, in.Varint());
  ARROW_ASSIGN_OR_RAISE(const uint64_t miniblocks, in.Varint());
  ARROW_ASSIGN_OR_RAISE(const uint64_t said, in.Varint());
  if (said != static_cast<uint64_t>(values)) {
    return arrow::Status::IOError(values, " values are defined, and the encoding says ", said);
  }
  ARROW_RETURN_NOT_OK(in.Varint().status());  // the first value
  if (values < 2) return in.position();
  if (block > kMostBlock || miniblocks == 0 || block / miniblocks < 8 || block / miniblocks % 8 != 0) {
    return in.Broken("the block sizes make no sense");
  }
  const auto of_miniblock = static_cast<int64_t>(block / miniblocks);
  for (int64_t left = values - 1; left > 0;) {
    ARROW_RETURN_NOT_OK(in.Varint().status());  // the least difference
    if (miniblocks > bytes.size() - static_cast<size_t>(in.position())) return in.Broken("the bytes end");
    const auto widths = bytes.subspan(static_cast<size_t>(in.position()), static_cast<size_t>(miniblocks));
    ARROW_RETURN_NOT_OK(in.Advance(miniblocks));
    // Miniblocks behind the last value take no bytes, whatever their widths.
    for (size_t i = 0; i < widths.size() && left > 0; ++i, left -= of_miniblock) {
      ARROW_RETURN_NOT_OK(in.Advance(static_cast<uint64_t>(of_miniblock / 8) * widths[i]));
    }
  }
  return in.position();
}

arrow::Result<int64_t> DeltaLengthBytes(std::span<const uint8_t> bytes, int64_t values) {
  ARROW_ASSIGN_OR_RAISE(const int64_t lengths, DeltaBytes(bytes, values));
  ARROW_ASSIGN_OR_RAISE(const int64_t text, SumOfLengths(bytes, values));
  return lengths + text;
}

arrow::Result<int64_t> DeltaStringBytes(std::span<const uint8_t> bytes, int64_t values) {
  ARROW_ASSIGN_OR_RAISE(const int64_t prefixes, DeltaBytes(bytes, values));
  ARROW_ASSIGN_OR_RAISE(const int64_t suffixes,
                        DeltaLengthBytes(bytes.subspan(static_cast<size_t>(prefixes)), values));
  return prefixes + suffixes;
}

}  // namespace marquet::pq
