// Numbers and times: delta-encoded integers, plain floating numbers, or indices into a dictionary, whichever
// is smaller for the first page of a chunk.
//
// With a dictionary each array becomes runs of indices as it comes: what waits for the page's end is small
// where neighbours are alike, as in an order book, and the values are looked at while they are in the
// processor's cache. Otherwise a page is made straight from an array that is long enough, and shorter arrays
// are gathered first.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "arrow/array.h"
#include "arrow/type.h"
#include "arrow/util/bit_run_reader.h"
#include "arrow/util/bitmap_ops.h"
#include "marquet/parquet/encode/column_encoder_internal.h"
#include "marquet/parquet/encode/delta_encoding_internal.h"
#include "marquet/parquet/encode/number_dictionary_internal.h"
#include "marquet/parquet/encode/page_list_internal.h"
#include "marquet/parquet/encode/scratch_internal.h"
#include "marquet/parquet/encode/writer_properties_internal.h"
#include "marquet/parquet/format/number_bounds_internal.h"
#include "parquet/metadata.h"

namespace marquet::pq {
namespace {

// Rows of an array that are worth a page of their own, without being gathered. Fewer are gathered until there
// are kPageRows.
constexpr int64_t kDirectRows = kPageRows / 8;

// Gathered rows that are enough to choose how the chunk is encoded. All columns of a file wait for that at
// once, so it is not a whole page.
constexpr int64_t kDecidingRows = kPageRows / 4;

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
    const bool nulls = rows.null_count() > 0;
    for (int64_t begin = 0; begin < rows.length();) {
      const Part part = PartOf(rows, begin, std::min(rows.length() - begin, kPageRows - page_rows_), nulls);
      if (way_ == Way::kDictionary) {
        if (!dictionary_.Index(BitsOf(part.values), dictionary_.kMostValues, &runs_)) {
          // The rows before these keep their indices, and the dictionary with them.
          ARROW_RETURN_NOT_OK(Flush());
          way_ = Way::kDirect;
          fallback_ = true;
          continue;
        }
        AddValidity(part.rows);
      } else if (page_rows_ == 0 && part.rows.rows >= kDirectRows) {
        ARROW_RETURN_NOT_OK(AddPage(part.values, part.rows));
      } else {
        gathered_.insert(gathered_.end(), part.values.begin(), part.values.end());
        AddValidity(part.rows);
      }
      begin += part.rows.rows;
      const int64_t most = way_ == Way::kUndecided ? kDecidingRows : kPageRows;
      if (page_rows_ >= most) ARROW_RETURN_NOT_OK(Flush());
    }
    return arrow::Status::OK();
  }

  arrow::Status Flush() override {
    if (page_rows_ == 0) return arrow::Status::OK();
    PageRows rows{.rows = page_rows_, .nulls = page_nulls_};
    if (rows.nulls > 0) rows.validity = validity_.data();
    ARROW_RETURN_NOT_OK(way_ == Way::kDictionary ? AddIndexedPage(rows) : AddPage(gathered_, rows));
    ForgetRows();
    return arrow::Status::OK();
  }

  arrow::Result<int64_t> WriteChunk() override {
    ARROW_RETURN_NOT_OK(Flush());
    const std::optional<Bounds> bounds = bounds_ ? std::optional(Encoded(*bounds_)) : std::nullopt;
    GiveBack(&gathered_);
    GiveBack(&runs_);
    GiveBack(&validity_);
    const std::vector<Bits>& values = dictionary_.values();
    if (values.empty()) {
      dictionary_.Clear();
      return pages_.WriteChunk(bounds, nullptr, false);
    }
    const auto bytes = std::make_shared<arrow::Buffer>(reinterpret_cast<const uint8_t*>(values.data()),
                                                       static_cast<int64_t>(values.size() * sizeof(T)));
    const ::parquet::DictionaryPage page(bytes, static_cast<int32_t>(values.size()),
                                         ::parquet::Encoding::PLAIN);
    auto written = pages_.WriteChunk(bounds, &page, fallback_);
    dictionary_.Clear();  // its memory is not that of a row group any more
    return written;
  }

  int64_t buffered_bytes() const override {
    return pages_.bytes() +
           static_cast<int64_t>(gathered_.capacity() * sizeof(T) + validity_.capacity() +
                                runs_.capacity() * sizeof(IndexRun)) +
           lookup_bytes();
  }
  int64_t lookup_bytes() const override { return dictionary_.bytes() + pages_.overhead_bytes(); }

 private:
  enum class Way { kUndecided, kDirect, kDictionary };

  // Rows of an array, and those of their values that are not null, next to each other.
  struct Part {
    PageRows rows;
    std::span<const T> values;
  };

  void ForgetRows() {
    gathered_.clear();
    runs_.clear();
    validity_.clear();
    page_rows_ = page_nulls_ = 0;
  }

  // Valid until the thread's next call.
  static Part PartOf(const arrow::Array& rows, int64_t begin, int64_t count, bool nulls) {
    const int64_t offset = rows.offset() + begin;
    const auto* values = reinterpret_cast<const Source*>(rows.data()->buffers[1]->data()) + offset;
    Part part{{.rows = count}, {}};
    if constexpr (std::is_same_v<T, Source>) {
      if (!nulls) {
        part.values = {values, static_cast<size_t>(count)};
        return part;
      }
    }
    T* const first =
        reinterpret_cast<T*>(ScratchMemory(Scratch::kValues, count * static_cast<int64_t>(sizeof(T))));
    T* end = first;
    if (nulls) {
      part.rows.validity = rows.null_bitmap_data();
      part.rows.offset = offset;
      arrow::internal::VisitSetBitRunsVoid(
          part.rows.validity, offset, count,
          [&](int64_t at, int64_t length) { end = std::copy_n(values + at, length, end); });
    } else {
      end = std::copy_n(values, count, end);
    }
    part.values = {first, end};
    part.rows.nulls = count - static_cast<int64_t>(part.values.size());
    return part;
  }

  // Counts rows in to the page in the making.
  void AddValidity(const PageRows& rows) {
    if (rows.nulls > 0 && validity_.empty()) {
      validity_.resize(kPageRows / 8);
      std::fill_n(validity_.begin(), page_rows_ / 8 + 1, uint8_t{0xFF});
    }
    if (rows.nulls > 0) {
      arrow::internal::CopyBitmap(rows.validity, rows.offset, rows.rows, validity_.data(), page_rows_);
    } else if (!validity_.empty()) {
      arrow::bit_util::SetBitsTo(validity_.data(), page_rows_, rows.rows, true);
    }
    page_rows_ += rows.rows;
    page_nulls_ += rows.nulls;
  }

  // Widens the chunk's bounds by those of a page's values, which it gives back.
  std::optional<Bounds> AddBounds(std::span<const T> values) {
    std::optional<MinMax<Ordered>> bounds;
    if (!values.empty()) {
      bounds = MinMaxOf(std::span(reinterpret_cast<const Ordered*>(values.data()), values.size()));
    }
    if (!bounds) return std::nullopt;
    if (!bounds_) bounds_ = bounds;
    bounds_->min = std::min(bounds_->min, bounds->min);
    bounds_->max = std::max(bounds_->max, bounds->max);
    return Encoded(*bounds);
  }

  // A page without a dictionary, or the first one of a chunk.
  arrow::Status AddPage(std::span<const T> values, const PageRows& rows) {
    const std::optional<Bounds> bounds = AddBounds(values);
    ARROW_ASSIGN_OR_RAISE(auto direct, DirectBody(values, rows));
    if (way_ == Way::kUndecided) {
      way_ = Way::kDirect;
      ARROW_ASSIGN_OR_RAISE(auto indexed, CheaperIndexBody(values, rows, direct.cost));
      if (indexed) {
        way_ = Way::kDictionary;
        gathered_ = std::vector<T>();  // there are no more rows to gather
        pages_.Add(*std::move(indexed), rows, ::parquet::Encoding::RLE_DICTIONARY, bounds);
        return arrow::Status::OK();
      }
    }
    pages_.Add(std::move(direct), rows, kDirectEncoding, bounds);
    return arrow::Status::OK();
  }

  // The first page of a chunk with a dictionary, where that pays.
  arrow::Result<std::optional<PageList::Body>> CheaperIndexBody(std::span<const T> values,
                                                                const PageRows& rows, double direct_cost) {
    if (values.size() < kLeastDictionaryRows) return std::nullopt;
    const size_t most = std::min(dictionary_.kMostValues, values.size() / 4);
    std::vector<IndexRun> runs;
    if (!dictionary_.Index(BitsOf(values), most, &runs)) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(auto indexed, pages_.MakeIndexBody(runs, dictionary_.index_width(), rows));
    if (indexed.cost < kDictionaryGain * direct_cost) return indexed;
    dictionary_.Clear();
    return std::nullopt;
  }

  arrow::Status AddIndexedPage(const PageRows& rows) {
    // The bounds of the entries that the page uses are those of its values.
    std::vector<uint8_t> used(dictionary_.values().size());
    for (const IndexRun& run : runs_) used[run.index] = 1;
    std::vector<Bits> values;
    for (size_t i = 0; i < used.size(); ++i) {
      if (used[i] != 0) values.push_back(dictionary_.values()[i]);
    }
    const auto bounds = AddBounds({reinterpret_cast<const T*>(values.data()), values.size()});
    ARROW_ASSIGN_OR_RAISE(auto body, pages_.MakeIndexBody(runs_, dictionary_.index_width(), rows));
    pages_.Add(std::move(body), rows, ::parquet::Encoding::RLE_DICTIONARY, bounds);
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

  // The page in the making: indices, or the values that are not null; and once a row was null, a bit a row.
  std::vector<IndexRun> runs_;
  std::vector<T> gathered_;
  std::vector<uint8_t> validity_;
  int64_t page_rows_ = 0;
  int64_t page_nulls_ = 0;
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
