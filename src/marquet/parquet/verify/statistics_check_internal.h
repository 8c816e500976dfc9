// What a file says of its values, held against them.
//
// A reader passes over row groups and pages whose statistics exclude what it looks for: a bound that is too
// narrow makes rows vanish from results without a word, and no checksum has to tell. So the values are looked
// at as they are decoded. What is compared is what FileReader gives out of the statistics, with what is
// doubted of other writers' left out: a minimum that nobody goes by does no harm.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/decode/reader.h"
#include "marquet/parquet/format/number_bounds_internal.h"
#include "marquet/schema/column_statistics.h"
#include "parquet/properties.h"
#include "parquet/schema.h"
#include "parquet/statistics.h"
#include "parquet/types.h"

namespace parquet {
class FileMetaData;
class PageIndexReader;
class RowGroupPageIndexReader;
}  // namespace parquet

namespace marquet::pq {

// Of one flat column chunk. Belongs to one thread at a time. May throw what Parquet's readers throw.
class StatisticsCheck {
 public:
  struct Fault {
    int64_t page = -1;  // among the pages of the index; -1 where the footer is wrong
    std::string message;
  };

  // `chunk`: of the column chunk, by the footer; `pages`: by the page index, empty where there is none. Both
  // as FileReader gives them. `column` must outlive this.
  StatisticsCheck(const ::parquet::ColumnDescriptor& column, std::shared_ptr<arrow::Field> field,
                  schema::ColumnStatistics chunk, std::vector<PageBounds> pages, int64_t rows);

  // How many of the next rows may be added at once: above zero.
  int64_t room() const { return row_ < piece_end_ ? piece_end_ - row_ : INT64_MAX; }

  // Takes the next `rows` rows, whose `count` values that are not null lie next to each other.
  template <typename Stored>
  void Add(const typename Stored::c_type* values, int64_t count, int64_t rows) {
    if (row_ >= piece_end_) return;  // more than the row group has
    nulls_ += rows - count;
    row_ += rows;
    if (count > 0 && comparator_ != nullptr) {
      const auto found = Extremes<Stored>(values, count);
      if (found) Widen<Stored>(found->first, found->second);
    }
    if (row_ >= piece_end_) EndPiece();
  }

  // Once all rows were added: the first fault of the footer's statistics, and of the page index.
  std::vector<Fault> Faults();

 private:
  template <typename T>
  using Pair = std::optional<std::pair<T, T>>;

  template <typename Number>
  static auto PairOf(std::span<const Number> numbers) {
    const std::optional<MinMax<Number>> found = MinMaxOf(numbers);
    return found ? std::optional(std::pair(found->min, found->max)) : std::nullopt;
  }

  // The least and the greatest in the column's order; nothing where all are NaN.
  template <typename Stored, typename T = typename Stored::c_type>
  Pair<T> Extremes(const T* values, int64_t count) const {
    const std::span<const T> all(values, static_cast<size_t>(count));
    if constexpr (std::is_floating_point_v<T>) {
      return PairOf(all);
    } else if constexpr (std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>) {
      using Unsigned = std::make_unsigned_t<T>;
      if (!unsigned_) return PairOf(all);
      const auto found = PairOf(std::span(reinterpret_cast<const Unsigned*>(values), all.size()));
      return std::pair(static_cast<T>(found->first), static_cast<T>(found->second));
    } else {
      if constexpr (std::is_same_v<T, ::parquet::ByteArray>) {
        if (unsigned_) return BytesExtremes(all);
      }
      return static_cast<const ::parquet::TypedComparator<Stored>&>(*comparator_).GetMinMax(values, count);
    }
  }

  static std::pair<::parquet::ByteArray, ::parquet::ByteArray> BytesExtremes(
      std::span<const ::parquet::ByteArray> values);

  // Values in Parquet's plain encoding, bytes without their length, and back; the value ends with the text.
  template <typename T>
  std::string Encoded(const T& value) const {
    if constexpr (std::is_same_v<T, ::parquet::ByteArray>) {
      return std::string(std::string_view(value));
    } else if constexpr (std::is_same_v<T, ::parquet::FixedLenByteArray>) {
      return std::string(reinterpret_cast<const char*>(value.ptr),
                         static_cast<size_t>(column_.type_length()));
    } else {
      return std::string(reinterpret_cast<const char*>(&value), sizeof value);
    }
  }
  template <typename T>
  static T Decoded(const std::string& text) {
    const auto* const bytes = reinterpret_cast<const uint8_t*>(text.data());
    if constexpr (std::is_same_v<T, ::parquet::ByteArray>) {
      return {static_cast<uint32_t>(text.size()), bytes};
    } else if constexpr (std::is_same_v<T, ::parquet::FixedLenByteArray>) {
      return T(bytes);
    } else {
      T value;
      std::memcpy(&value, bytes, sizeof value);
      return value;
    }
  }

  template <typename Stored, typename T = typename Stored::c_type>
  void Widen(const T& min, const T& max) {
    const auto& order = static_cast<const ::parquet::TypedComparator<Stored>&>(*comparator_);
    if (!bounded_ || order.Compare(min, Decoded<T>(min_))) min_ = Encoded(min);
    if (!bounded_ || order.Compare(Decoded<T>(max_), max)) max_ = Encoded(max);
    bounded_ = true;
  }

  void EndPiece();
  std::string Compare(const schema::ColumnStatistics& found, const schema::ColumnStatistics& said,
                      std::string_view by) const;

  const ::parquet::ColumnDescriptor& column_;
  const std::shared_ptr<arrow::Field> field_;
  const schema::ColumnStatistics chunk_;
  const std::vector<PageBounds> pages_;
  const int64_t rows_;
  const bool unsigned_;
  std::shared_ptr<::parquet::Comparator> comparator_;  // a null pointer where no bounds are said
  std::optional<Fault> of_chunk_, of_pages_;
  int64_t chunk_nulls_ = 0;

  // The rows of a page by the index, or of the chunk.
  size_t page_ = 0;
  int64_t row_ = 0;  // within the row group
  int64_t piece_end_ = 0;
  int64_t nulls_ = 0;
  bool bounded_ = false;
  std::string min_, max_;
};

// What an open file says of its flat columns. Thread safe.
class StatisticsChecks {
 public:
  // `file` and `path` must outlive this.
  StatisticsChecks(arrow::io::RandomAccessFile& file, const std::string& path,
                   std::shared_ptr<::parquet::FileMetaData> footer);
  ~StatisticsChecks();

  // Of one column chunk; a null pointer where the file says nothing of it that a reader goes by. A damaged
  // page index says nothing. Errors are those of reading the file.
  arrow::Result<std::unique_ptr<StatisticsCheck>> Of(int row_group, int leaf);

 private:
  arrow::Result<std::vector<PageBounds>> PagesOf(int row_group, int leaf);

  arrow::io::RandomAccessFile& file_;
  const std::string& path_;
  const std::shared_ptr<::parquet::FileMetaData> footer_;
  std::vector<std::shared_ptr<arrow::Field>> fields_;  // by leaf; null pointers where it is not all of one

  const ::parquet::ReaderProperties properties_;  // which the readers of indexes refer to

  std::mutex mutex_;  // of what follows: the page index of the row group that was asked for last
  std::shared_ptr<::parquet::PageIndexReader> indexes_;
  int row_group_ = -1;
  std::shared_ptr<::parquet::RowGroupPageIndexReader> index_;
};

}  // namespace marquet::pq
