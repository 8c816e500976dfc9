#include "marquet/parquet/encode/page_list_internal.h"

#include <limits>

#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "parquet/column_writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"

namespace marquet::pq {
namespace {

// Under PageGoal::kReading, decompressing a byte costs this part of reading one: about what zstd and a SATA
// disk make of it.
constexpr double kDecompressionCost = 0.4;

// Runs that take at most this part of the packed indices are the smaller ones compressed, too. There are then
// few bytes to compress, which takes most of the time of making a page.
constexpr double kRunsPay = 0.75;

}  // namespace

PageList::PageList(EncodingContext context, bool nullable, bool is_signed, PageGoal goal)
    : context_(std::move(context)), nullable_(nullable), is_signed_(is_signed), goal_(goal) {}

void PageList::Begin(const ChunkPlace& place) {
  place_ = place;
  pages_.clear();
  rows_ = nulls_ = bytes_ = 0;
  whole_bytes_.reset();
}

arrow::Result<PageList::Body> PageList::Compress(std::span<const uint8_t> body) const {
  if (body.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return arrow::Status::NotImplemented(
        fmt::format("a page of {} bytes; a page of a Parquet file holds at most {}", body.size(),
                    std::numeric_limits<int32_t>::max()));
  }
  ARROW_ASSIGN_OR_RAISE(auto compressed, context_.compressor->Compress(body, goal_));
  auto cost = static_cast<double>(compressed.bytes->size());
  if (goal_ == PageGoal::kReading && !compressed.as_it_is) {
    cost += kDecompressionCost * static_cast<double>(body.size());
  }
  return Body{std::move(compressed.bytes), static_cast<int64_t>(body.size()), cost};
}

arrow::Result<PageList::Body> PageList::MakeIndexBody(std::span<const IndexRun> indices, int width,
                                                      const PageRows& rows) {
  const int64_t values = rows.rows - rows.nulls;
  const int64_t run_bytes = RunBytes(indices, width);
  if (static_cast<double>(run_bytes) <= kRunsPay * static_cast<double>(values * width) / 8) {
    return MakeBody(rows, 1 + run_bytes, [&](uint8_t* out) {
      *out = static_cast<uint8_t>(width);
      return 1 + EncodeRuns(indices, width, out + 1);
    });
  }
  const auto make = [&](int bits) {
    return MakeBody(rows, 1 + MostHybridBytes(values, bits), [&](uint8_t* out) {
      *out = static_cast<uint8_t>(bits);
      return 1 + EncodeHybrid(indices, values, bits, out + 1);
    });
  };
  const int whole = (width + 7) / 8 * 8;
  if (whole == width || context_.compressor->codec() == Codec::kNone) return make(width);
  // Compression finds repeated bytes: indices of whole bytes take an eighth less in the end than indices of
  // just as many bits as they need. Where the latter do not shrink at all, they are the quicker ones to read.
  if (goal_ == PageGoal::kSize) whole_bytes_ = true;
  if (whole_bytes_) return make(*whole_bytes_ ? whole : width);
  ARROW_ASSIGN_OR_RAISE(Body padded, make(whole));
  ARROW_ASSIGN_OR_RAISE(Body packed, make(width));
  whole_bytes_ = padded.cost <= packed.cost;
  return *whole_bytes_ ? padded : packed;
}

::parquet::EncodedStatistics PageList::Statistics(int64_t rows, int64_t nulls,
                                                  const std::optional<Bounds>& bounds) const {
  ::parquet::EncodedStatistics statistics;
  statistics.set_is_signed(is_signed_);
  statistics.set_null_count(nulls);
  statistics.all_null_value = nulls == rows;
  if (bounds) {
    statistics.set_min(bounds->min);
    statistics.set_max(bounds->max);
    statistics.is_min_value_exact = statistics.is_max_value_exact = true;
    statistics.ApplyStatSizeLimits(context_.properties->default_column_properties().max_statistics_size());
  }
  return statistics;
}

void PageList::Add(Body body, const PageRows& rows, ::parquet::Encoding::type encoding,
                   const std::optional<Bounds>& bounds) {
  bytes_ += body.compressed->size();
  pages_.emplace_back(std::move(body.compressed), static_cast<int32_t>(rows.rows), encoding,
                      ::parquet::Encoding::RLE, ::parquet::Encoding::RLE, body.size,
                      Statistics(rows.rows, rows.nulls, bounds), rows_);
  rows_ += rows.rows;
  nulls_ += rows.nulls;
}

arrow::Result<int64_t> PageList::WriteChunk(const std::optional<Bounds>& bounds,
                                            const ::parquet::DictionaryPage* dictionary, bool fallback) {
  const auto writer = OpenPageWriter(context_, place_, /*hold_back=*/false);
  int64_t bytes = 0;
  if (dictionary != nullptr) bytes += writer->WriteDictionaryPage(*dictionary);
  for (const ::parquet::DataPageV1& page : pages_) bytes += writer->WriteDataPage(page);
  place_.metadata->SetStatistics(Statistics(rows_, nulls_, bounds));
  writer->Close(dictionary != nullptr, fallback);
  pages_ = std::vector<::parquet::DataPageV1>();
  bytes_ = 0;
  return bytes;
}

}  // namespace marquet::pq
