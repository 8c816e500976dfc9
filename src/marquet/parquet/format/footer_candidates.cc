#include "marquet/parquet/format/footer_candidates_internal.h"

#include <algorithm>
#include <span>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "marquet/parquet/format/compact_reader_internal.h"

namespace marquet::pq {
namespace {

constexpr int64_t kHeadBytes = 32;
constexpr int64_t kHeadCost = 512;                 // a look at so few bytes takes as long as reading more
constexpr int64_t kLeastCost = int64_t{64} << 10;  // read of a file's end, however short its footer is
constexpr int64_t kBytesBesides = int64_t{64} << 20;

// A FileMetaData of parquet.thrift: its version, then the list of the schema's elements. Serializers write
// fields in the order of their numbers.
bool BeginsAsFooter(std::span<const uint8_t> bytes) {
  thrift::CompactReader in(bytes, "footer");
  const auto version = in.Field(0);
  if (!version.ok() || version->id != 1 || version->type != thrift::kI32) return false;
  if (!in.Int32("the version").ok()) return false;
  const auto schema = in.Field(1);
  if (!schema.ok() || schema->id != 2 || schema->type != thrift::kList) return false;
  const auto elements = in.Byte();
  return elements.ok() && (*elements & 0x0f) == thrift::kStruct;
}

}  // namespace

FooterCandidates::FooterCandidates(arrow::io::RandomAccessFile& file, int64_t size, const StopFlag* stop)
    : file_(file), stop_(stop), left_(2 * std::min(size, INT64_MAX / 4) + kBytesBesides) {}

arrow::Result<bool> FooterCandidates::IsWorthReading(int64_t begin, int64_t length) {
  if (stop_ != nullptr) ARROW_RETURN_NOT_OK(stop_->Check());
  if (!Spend(kHeadCost)) return false;
  ARROW_ASSIGN_OR_RAISE(const auto head, file_.ReadAt(begin, std::min(length, kHeadBytes)));
  if (!BeginsAsFooter({head->data(), static_cast<size_t>(head->size())})) return false;
  return Spend(std::max(length, kLeastCost));
}

bool FooterCandidates::Spend(int64_t bytes) {
  gave_up_ |= bytes > left_;
  if (gave_up_) return false;
  left_ -= bytes;
  return true;
}

}  // namespace marquet::pq
