// Numbers and times: delta-encoded integers, plain floating numbers, or indices into a dictionary, whichever
// is smaller for the first page of a chunk.
//
// A page is made straight from the array where that is long enough; shorter arrays are gathered first.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "arrow/array.h"
#include "arrow/type.h"
#include "arrow/util/bit_run_reader.h"
#include "arrow/util/bitmap_ops.h"
#include "marquet/parquet/column_encoder_internal.h"
#include "marquet/parquet/delta_encoding_internal.h"
#include "marquet/parquet/number_bounds_internal.h"
#include "marquet/parquet/number_dictionary_internal.h"
#include "marquet/parquet/page_list_internal.h"
#include "marquet/parquet/writer_properties_internal.h"
#include "parquet/metadata.h"

namespace marquet::pq {
namespace {

// Rows of an array that are worth a page of their own, without being copied. Fewer are gathered until there
// are kPageRows.
constexpr int64_t kDirectRows = kPageRows / 8;

// Fewer rows do not show whether a dictionary pays.
constexpr size_t kLeastDictionaryRows = 512;

// A dictionary must save a tenth: pages without one are quicker to write.
constexpr double kDictionaryGain = 0.9;

// T: what Parquet stores. Source: what the array holds. Ordered: T as its order has it.
template <typename T, typename Source, typename Ordered = T>
class NumberEncoder final : public ColumnEncoder {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  static constexpr bool kIsInteger = std::is_integral_v<T>;

 public:
  NumberEncoder(const EncodingContext& context, bool nullable)
      : pages_(context, nullable, /*is_signed=*/std::is_signed_v<Ordered>,
               kIsInteger ? PageGoal::kSize : PageGoal::kReading) {}

  void Begin(const ChunkPlace& place) override {
    pages_.Begin(place);
    dictionary_.Clear();
    way_ = Way::kUndecided;
    fallback_ = false;
    bounds_.reset();
    ForgetRows();
  }

  arrow::Status Append(const arrow::Array& rows) override {
    const int64_t nulls = rows.null_count();
    const auto* values = reinterpret_cast<const Source*>(rows.data()->buffers[1]->data()) + rows.offset();
    const auto count = static_cast<size_t>(rows.length());
    if constexpr (std::is_same_v<T, Source>) {
      if (nulls == 0 && gathered_rows_ == 0 && rows.length() >= kDirectRows) {
        const size_t pages = (count + kPageRows - 1) / kPageRows;
        for (size_t i = 0; i < pages; ++i) {
          const size_t begin = count * i / pages, end = count * (i + 1) / pages;
          ARROW_RETURN_NOT_OK(
              AddPage({values + begin, end - begin}, {.rows = static_cast<int64_t>(end - begin)}));
        }
        return arrow::Status::OK();
      }
    }
    for (int64_t begin = 0; begin < rows.length();) {
      const int64_t part = std::min(rows.length() - begin, kPageRows - gathered_rows_);
      Gather(rows, values, begin, part, nulls);
      begin += part;
      if (gathered_rows_ == kPageRows) ARROW_RETURN_NOT_OK(Flush());
    }
    return arrow::Status::OK();
  }

  arrow::Status Flush() override {
    if (gathered_rows_ == 0) return arrow::Status::OK();
    PageRows rows{.rows = gathered_rows_, .nulls = gathered_rows_ - static_cast<int64_t>(gathered_.size())};
    if (rows.nulls > 0) rows.validity = validity_.data();
    ARROW_RETURN_NOT_OK(AddPage(gathered_, rows));
    ForgetRows();
    return arrow::Status::OK();
  }

  arrow::Result<int64_t> WriteChunk() override {
    ARROW_RETURN_NOT_OK(Flush());
    const std::optional<Bounds> bounds = bounds_ ? std::optional(Encoded(*bounds_)) : std::nullopt;
    const std::vector<Bits>& values = dictionary_.values();
    if (values.empty()) return pages_.WriteChunk(bounds, nullptr, false);
    const auto bytes = std::make_shared<arrow::Buffer>(reinterpret_cast<const uint8_t*>(values.data()),
                                                       static_cast<int64_t>(values.size() * sizeof(T)));
    const ::parquet::DictionaryPage page(bytes, static_cast<int32_t>(values.size()),
                                         ::parquet::Encoding::PLAIN);
    return pages_.WriteChunk(bounds, &page, fallback_);
  }

  int64_t buffered_bytes() const override {
    return pages_.bytes() + static_cast<int64_t>(gathered_.capacity() * sizeof(T) + validity_.capacity());
  }

 private:
  enum class Way { kUndecided, kDirect, kDictionary };

  void ForgetRows() {
    gathered_.clear();
    validity_.clear();
    gathered_rows_ = 0;
  }

  void Gather(const arrow::Array& rows, const Source* values, int64_t begin, int64_t count, int64_t nulls) {
    if (nulls > 0 && validity_.empty()) {
      validity_.resize(kPageRows / 8);
      std::fill_n(validity_.begin(), gathered_rows_ / 8 + 1, uint8_t{0xFF});
    }
    if (nulls == 0) {
      gathered_.insert(gathered_.end(), values + begin, values + begin + count);
      if (!validity_.empty()) arrow::bit_util::SetBitsTo(validity_.data(), gathered_rows_, count, true);
    } else {
      const uint8_t* const bitmap = rows.null_bitmap_data();
      const int64_t offset = rows.offset() + begin;
      arrow::internal::CopyBitmap(bitmap, offset, count, validity_.data(), gathered_rows_);
      arrow::internal::VisitSetBitRunsVoid(bitmap, offset, count, [&](int64_t at, int64_t length) {
        gathered_.insert(gathered_.end(), values + begin + at, values + begin + at + length);
      });
    }
    gathered_rows_ += count;
  }

  arrow::Status AddPage(std::span<const T> values, const PageRows& rows) {
    std::optional<MinMax<Ordered>> bounds;
    if (!values.empty()) {
      bounds = MinMaxOf(std::span(reinterpret_cast<const Ordered*>(values.data()), values.size()));
    }
    if (bounds) {
      if (!bounds_) bounds_ = bounds;
      bounds_->min = std::min(bounds_->min, bounds->min);
      bounds_->max = std::max(bounds_->max, bounds->max);
    }
    const std::optional<Bounds> encoded = bounds ? std::optional(Encoded(*bounds)) : std::nullopt;
    switch (way_) {
      case Way::kUndecided:
        return AddFirstPage(values, rows, encoded);
      case Way::kDictionary: {
        if (const auto indices = dictionary_.Index(BitsOf(values), dictionary_.kMostValues)) {
          ARROW_ASSIGN_OR_RAISE(auto body, pages_.MakeIndexBody(*indices, dictionary_.index_width(), rows));
          pages_.Add(std::move(body), rows, ::parquet::Encoding::RLE_DICTIONARY, encoded);
          return arrow::Status::OK();
        }
        way_ = Way::kDirect;
        fallback_ = true;
        [[fallthrough]];
      }
      case Way::kDirect: {
        ARROW_ASSIGN_OR_RAISE(auto body, DirectBody(values, rows));
        pages_.Add(std::move(body), rows, kDirectEncoding, encoded);
        return arrow::Status::OK();
      }
    }
    return arrow::Status::OK();
  }

  // Both ways, of which the smaller stays.
  arrow::Status AddFirstPage(std::span<const T> values, const PageRows& rows,
                             const std::optional<Bounds>& bounds) {
    ARROW_ASSIGN_OR_RAISE(auto direct, DirectBody(values, rows));
    way_ = Way::kDirect;
    if (values.size() >= kLeastDictionaryRows) {
      const size_t most = std::min(dictionary_.kMostValues, values.size() / 4);
      if (const auto indices = dictionary_.Index(BitsOf(values), most)) {
        ARROW_ASSIGN_OR_RAISE(auto indexed, pages_.MakeIndexBody(*indices, dictionary_.index_width(), rows));
        if (indexed.cost < kDictionaryGain * direct.cost) {
          way_ = Way::kDictionary;
          pages_.Add(std::move(indexed), rows, ::parquet::Encoding::RLE_DICTIONARY, bounds);
          return arrow::Status::OK();
        }
        dictionary_.Clear();
      }
    }
    pages_.Add(std::move(direct), rows, kDirectEncoding, bounds);
    return arrow::Status::OK();
  }

  arrow::Result<PageList::Body> DirectBody(std::span<const T> values, const PageRows& rows) const {
    const auto count = static_cast<int64_t>(values.size());
    if constexpr (kIsInteger) {
      return pages_.MakeBody(rows, MostDeltaBytes(count, sizeof(T)),
                             [&](uint8_t* out) { return EncodeDelta(values, out); });
    } else {
      return pages_.MakeBody(rows, count * static_cast<int64_t>(sizeof(T)), [&](uint8_t* out) {
        if (!values.empty()) std::memcpy(out, values.data(), values.size_bytes());
        return static_cast<int64_t>(values.size_bytes());
      });
    }
  }

  static std::span<const Bits> BitsOf(std::span<const T> values) {
    return {reinterpret_cast<const Bits*>(values.data()), values.size()};
  }
  static Bounds Encoded(const MinMax<Ordered>& bounds) {
    return {std::string(reinterpret_cast<const char*>(&bounds.min), sizeof(T)),
            std::string(reinterpret_cast<const char*>(&bounds.max), sizeof(T))};
  }

  static constexpr auto kDirectEncoding =
      kIsInteger ? ::parquet::Encoding::DELTA_BINARY_PACKED : ::parquet::Encoding::PLAIN;

  PageList pages_;
  NumberDictionary<Bits> dictionary_;
  Way way_ = Way::kUndecided;
  bool fallback_ = false;
  std::optional<MinMax<Ordered>> bounds_;  // of the chunk

  // Rows that are not in a page yet: the values that are not null, and once one was, a bit a row.
  std::vector<T> gathered_;
  std::vector<uint8_t> validity_;
  int64_t gathered_rows_ = 0;
};

template <typename T, typename Source = T, typename Ordered = T>
std::unique_ptr<ColumnEncoder> Make(const EncodingContext& context, bool nullable) {
  return std::make_unique<NumberEncoder<T, Source, Ordered>>(context, nullable);
}

}  // namespace

std::unique_ptr<ColumnEncoder> MakeNumberEncoder(const EncodingContext& context, const arrow::DataType& type,
                                                 bool nullable) {
  switch (type.id()) {
    case arrow::Type::INT8:
      return Make<int32_t, int8_t>(context, nullable);
    case arrow::Type::INT16:
      return Make<int32_t, int16_t>(context, nullable);
    case arrow::Type::INT32:
    case arrow::Type::DATE32:
      return Make<int32_t>(context, nullable);
    case arrow::Type::TIME32:  // Parquet has no seconds: Arrow stores them as milliseconds
      if (static_cast<const arrow::Time32Type&>(type).unit() == arrow::TimeUnit::SECOND) return nullptr;
      return Make<int32_t>(context, nullable);
    case arrow::Type::INT64:
    case arrow::Type::TIME64:
    case arrow::Type::DURATION:
      return Make<int64_t>(context, nullable);
    case arrow::Type::UINT8:
      return Make<int32_t, uint8_t, uint32_t>(context, nullable);
    case arrow::Type::UINT16:
      return Make<int32_t, uint16_t, uint32_t>(context, nullable);
    case arrow::Type::UINT32:
      return Make<int32_t, int32_t, uint32_t>(context, nullable);
    case arrow::Type::UINT64:
      return Make<int64_t, int64_t, uint64_t>(context, nullable);
    case arrow::Type::TIMESTAMP:
      if (static_cast<const arrow::TimestampType&>(type).unit() == arrow::TimeUnit::SECOND) return nullptr;
      return Make<int64_t>(context, nullable);
    case arrow::Type::FLOAT:
      return Make<float>(context, nullable);
    case arrow::Type::DOUBLE:
      return Make<double>(context, nullable);
    default:
      return nullptr;
  }
}

}  // namespace marquet::pq
