// Strings and bytes: indices into a dictionary while that stays small, plain afterwards.
#include <algorithm>
#include <cstring>

#include "arrow/array.h"
#include "arrow/type.h"
#include "arrow/util/bit_util.h"
#include "marquet/parquet/encode/bytes_dictionary_internal.h"
#include "marquet/parquet/encode/column_encoder_internal.h"
#include "marquet/parquet/encode/page_list_internal.h"
#include "marquet/parquet/encode/writer_properties_internal.h"
#include "parquet/metadata.h"

namespace marquet::pq {
namespace {

// A dictionary pays while it has fewer entries than this share of the first page's values.
constexpr int64_t kLeastRepetition = 2;

template <typename ArrayType>
class BytesEncoder final : public ColumnEncoder {
 public:
  BytesEncoder(const EncodingContext& context, bool nullable)
      : pages_(context, nullable, /*is_signed=*/false, PageGoal::kSize) {}

  void Begin(const ChunkPlace& place) override {
    pages_.Begin(place);
    dictionary_.Clear();
    indexing_ = true;
    any_indexed_ = false;
    bounds_.reset();
    ForgetRows();
  }

  arrow::Status Append(const arrow::Array& rows) override {
    const auto& values = static_cast<const ArrayType&>(rows);
    for (int64_t i = 0; i < values.length();) {
      if (indexing_ && values.null_count() == 0) {
        const int64_t room = std::min(values.length() - i, kPageRows - rows_);
        const int64_t indexed = IndexRows(values, i, room);
        i += indexed;
        if (indexed < room) GoPlain();
      } else {
        AddRow(values, i);
        ++i;
      }
      if (rows_ == kPageRows || static_cast<int64_t>(plain_.size()) >= kPageBytes) {
        ARROW_RETURN_NOT_OK(Flush());
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status Flush() override {
    if (rows_ == 0) return arrow::Status::OK();
    if (indexing_ && pages_.empty() &&
        static_cast<int64_t>(dictionary_.size()) * kLeastRepetition > values_ && dictionary_.size() > 1) {
      GoPlain();
      dictionary_.Clear();
    }
    const PageRows rows{
        .rows = rows_, .nulls = nulls_, .validity = validity_.empty() ? nullptr : validity_.data()};
    const std::optional<Bounds> bounds = indexing_ ? IndexedBounds() : page_bounds_;
    if (bounds) Widen(*bounds);
    if (indexing_) {
      ARROW_ASSIGN_OR_RAISE(auto body, pages_.MakeIndexBody(runs_, dictionary_.index_width(), rows));
      pages_.Add(std::move(body), rows, ::parquet::Encoding::RLE_DICTIONARY, bounds);
      any_indexed_ = true;
    } else {
      ARROW_ASSIGN_OR_RAISE(auto body,
                            pages_.MakeBody(rows, static_cast<int64_t>(plain_.size()), [&](uint8_t* out) {
                              if (!plain_.empty()) std::memcpy(out, plain_.data(), plain_.size());
                              return static_cast<int64_t>(plain_.size());
                            }));
      pages_.Add(std::move(body), rows, ::parquet::Encoding::PLAIN, bounds);
    }
    ForgetRows();
    return arrow::Status::OK();
  }

  arrow::Result<int64_t> WriteChunk() override {
    ARROW_RETURN_NOT_OK(Flush());
    GiveBack(&runs_);
    GiveBack(&plain_);
    GiveBack(&validity_);
    GiveBack(&used_);
    if (!any_indexed_) {
      dictionary_.Clear();
      return pages_.WriteChunk(bounds_, nullptr, false);
    }
    const ::parquet::DictionaryPage page(std::make_shared<arrow::Buffer>(dictionary_.plain()),
                                         static_cast<int32_t>(dictionary_.size()),
                                         ::parquet::Encoding::PLAIN);
    auto written = pages_.WriteChunk(bounds_, &page, !indexing_);
    dictionary_.Clear();  // its memory is not that of a row group any more
    return written;
  }

  int64_t buffered_bytes() const override {
    return pages_.bytes() +
           static_cast<int64_t>(plain_.capacity() + runs_.capacity() * sizeof(IndexRun) +
                                validity_.capacity() + used_.capacity()) +
           pages_.overhead_bytes() + dictionary_.bytes();
  }
  int64_t lookup_bytes() const override {
    return static_cast<int64_t>(used_.capacity()) + pages_.overhead_bytes() + dictionary_.bytes() -
           static_cast<int64_t>(dictionary_.plain().size());
  }

 private:
  void ForgetRows() {
    runs_.clear();
    plain_.clear();
    validity_.clear();
    page_bounds_.reset();
    rows_ = nulls_ = values_ = 0;
  }

  // Adds up to `count` rows, none of which is null, to the page in the making; returns how many: fewer when
  // the dictionary is full.
  int64_t IndexRows(const ArrayType& values, int64_t begin, int64_t count) {
    if (!AreBytes(values, begin, count)) {
      return IndexRows(count, [&](int64_t i) { return dictionary_.IndexOf(values.GetView(begin + i)); });
    }
    const auto* bytes = reinterpret_cast<const char*>(values.raw_data()) + values.value_offset(begin);
    return IndexRows(count, [&](int64_t i) { return dictionary_.IndexOf(bytes[i]); });
  }

  // Whether all values are of one byte, as flags and sides are.
  static bool AreBytes(const ArrayType& values, int64_t begin, int64_t count) {
    const auto* const offsets = values.raw_value_offsets() + begin;
    bool all = true;
    for (int64_t i = 0; i < count; ++i) all &= offsets[i + 1] - offsets[i] == 1;
    return all;
  }

  template <typename IndexOf>
  int64_t IndexRows(int64_t count, const IndexOf& index_of) {
    const size_t before = runs_.size();
    runs_.resize(before + static_cast<size_t>(count));
    IndexRun* const added = runs_.data() + before;
    uint32_t last = before > 0 ? runs_[before - 1].index : UINT32_MAX;  // which no value has
    int64_t taken = 0;
    size_t kept = 0;
    // Without a branch for whether a run goes on: which value comes next can hardly be predicted.
    for (; taken < count; ++taken) {
      const std::optional<uint32_t> index = index_of(taken);
      if (!index) break;
      added[kept] = {*index, static_cast<uint32_t>(taken)};  // where it begins, at first
      kept += static_cast<size_t>(last != *index);
      last = *index;
    }
    if (before > 0) runs_[before - 1].length += kept > 0 ? added[0].length : static_cast<uint32_t>(taken);
    for (size_t run = 0; run < kept; ++run) {
      const uint32_t end = run + 1 < kept ? added[run + 1].length : static_cast<uint32_t>(taken);
      added[run].length = end - added[run].length;
    }
    runs_.resize(before + kept);
    if (!validity_.empty()) arrow::bit_util::SetBitsTo(validity_.data(), rows_, taken, true);
    values_ += taken;
    rows_ += taken;
    return taken;
  }

  void AddRow(const ArrayType& values, int64_t row) {
    if (values.IsNull(row)) {
      AddNull();
    } else {
      if (!validity_.empty()) arrow::bit_util::SetBit(validity_.data(), rows_);
      AddValue(values.GetView(row));
    }
    ++rows_;
  }

  void AddNull() {
    if (validity_.empty()) {
      validity_.resize(kPageRows / 8);
      std::fill_n(validity_.begin(), rows_ / 8 + 1, uint8_t{0xFF});
    }
    arrow::bit_util::ClearBit(validity_.data(), rows_);
    ++nulls_;
  }

  void AddValue(std::string_view value) {
    if (indexing_) {
      if (const auto index = dictionary_.IndexOf(value)) {
        ++values_;
        if (!runs_.empty() && runs_.back().index == *index) {
          ++runs_.back().length;
        } else {
          runs_.push_back({*index, 1});
        }
        return;
      }
      GoPlain();
    }
    AddPlain(value);
  }

  void AddPlain(std::string_view value) {
    const auto length = static_cast<uint32_t>(value.size());
    const auto* bytes = reinterpret_cast<const uint8_t*>(&length);
    plain_.insert(plain_.end(), bytes, bytes + 4);
    plain_.insert(plain_.end(), value.begin(), value.end());
    if (!page_bounds_) {
      page_bounds_ = Bounds{std::string(value), std::string(value)};
    } else if (value < page_bounds_->min) {
      page_bounds_->min = value;
    } else if (value > page_bounds_->max) {
      page_bounds_->max = value;
    }
  }

  // The page in the making becomes a plain one, and so do all after it.
  void GoPlain() {
    indexing_ = false;
    for (const IndexRun& run : runs_) {
      for (uint32_t i = 0; i < run.length; ++i) AddPlain(dictionary_.value(run.index));
    }
    runs_.clear();
  }

  // Of the entries that the page in the making uses.
  std::optional<Bounds> IndexedBounds() {
    used_.assign(dictionary_.size(), 0);
    for (const IndexRun& run : runs_) used_[run.index] = 1;
    std::optional<std::pair<std::string_view, std::string_view>> range;
    for (uint32_t i = 0; i < used_.size(); ++i) {
      if (used_[i] == 0) continue;
      const std::string_view value = dictionary_.value(i);
      if (!range) range.emplace(value, value);
      range->first = std::min(range->first, value);
      range->second = std::max(range->second, value);
    }
    if (!range) return std::nullopt;
    return Bounds{std::string(range->first), std::string(range->second)};
  }

  void Widen(const Bounds& page) {
    if (!bounds_) bounds_ = page;
    if (page.min < bounds_->min) bounds_->min = page.min;
    if (page.max > bounds_->max) bounds_->max = page.max;
  }

  PageList pages_;
  BytesDictionary dictionary_;
  bool indexing_ = true;
  bool any_indexed_ = false;
  std::optional<Bounds> bounds_;  // of the chunk

  // The page in the making: indices or plain values; once a row was null, a bit a row.
  std::vector<IndexRun> runs_;
  int64_t values_ = 0;  // in runs_
  std::vector<uint8_t> plain_;
  std::vector<uint8_t> validity_;
  std::vector<uint8_t> used_;
  std::optional<Bounds> page_bounds_;  // of plain values
  int64_t rows_ = 0;
  int64_t nulls_ = 0;
};

}  // namespace

std::unique_ptr<ColumnEncoder> MakeBytesEncoder(const EncodingContext& context, const arrow::DataType& type,
                                                bool nullable) {
  switch (type.id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return std::make_unique<BytesEncoder<arrow::BinaryArray>>(context, nullable);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return std::make_unique<BytesEncoder<arrow::LargeBinaryArray>>(context, nullable);
    default:
      return nullptr;
  }
}

}  // namespace marquet::pq
