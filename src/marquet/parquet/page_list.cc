#include "marquet/parquet/page_list_internal.h"

#include <limits>

#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "parquet/column_writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"

namespace marquet::pq {

PageList::PageList(EncodingContext context, bool nullable, bool is_signed)
    : context_(std::move(context)), nullable_(nullable), is_signed_(is_signed) {}

void PageList::Begin(const ChunkPlace& place) {
  place_ = place;
  pages_.clear();
  rows_ = nulls_ = bytes_ = 0;
}

arrow::Result<PageList::Body> PageList::Compress(std::span<const uint8_t> body) const {
  if (body.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return arrow::Status::NotImplemented(
        fmt::format("a page of {} bytes; a page of a Parquet file holds at most {}", body.size(),
                    std::numeric_limits<int32_t>::max()));
  }
  ARROW_ASSIGN_OR_RAISE(auto compressed, context_.compressor->Compress(body));
  return Body{std::move(compressed), static_cast<int64_t>(body.size())};
}

arrow::Result<PageList::Body> PageList::MakeIndexBody(std::span<const IndexRun> indices, int width,
                                                      const PageRows& rows) const {
  // Compression finds repeated bytes: indices of whole bytes take an eighth less in the end than indices of
  // just as many bits as they need.
  if (context_.compressor->codec() != Codec::kNone) width = (width + 7) / 8 * 8;
  const int64_t values = rows.rows - rows.nulls;
  return MakeBody(rows, 1 + MostHybridBytes(values, width), [&](uint8_t* out) {
    *out = static_cast<uint8_t>(width);
    return 1 + EncodeHybrid(indices, values, width, out + 1);
  });
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
  pages_.clear();
  bytes_ = 0;
  return bytes;
}

}  // namespace marquet::pq
