#include "marquet/parquet/verify/statistics_check_internal.h"

#include <fmt/format.h>

#include "arrow/io/interfaces.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/parquet/decode/int96_column_internal.h"
#include "marquet/parquet/decode/page_bounds_internal.h"
#include "marquet/parquet/format/column_statistics_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "marquet/schema/column_statistics.h"
#include "parquet/arrow/schema.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"

namespace marquet::pq {
namespace {

constexpr size_t kLongestValue = 100;  // in a message

bool HasBounds(const schema::ColumnStatistics& said) { return said.min != nullptr || said.max != nullptr; }
bool Says(const schema::ColumnStatistics& said) { return HasBounds(said) || said.null_count >= 0; }

}  // namespace

StatisticsCheck::StatisticsCheck(const ::parquet::ColumnDescriptor& column,
                                 std::shared_ptr<arrow::Field> field, schema::ColumnStatistics chunk,
                                 std::vector<PageBounds> pages, int64_t rows)
    : column_(column),
      field_(std::move(field)),
      chunk_(std::move(chunk)),
      pages_(std::move(pages)),
      rows_(rows),
      unsigned_(column.sort_order() == ::parquet::SortOrder::UNSIGNED),
      piece_end_(pages_.empty() ? rows : pages_.front().rows) {
  const bool bounds = HasBounds(chunk_) || std::ranges::any_of(pages_, [](const PageBounds& page) {
                        return HasBounds(page.statistics);
                      });
  if (bounds && column.sort_order() != ::parquet::SortOrder::UNKNOWN) {
    comparator_ = ::parquet::Comparator::Make(&column);
  }
}

std::vector<StatisticsCheck::Fault> StatisticsCheck::Faults() {
  if (!of_chunk_ && chunk_.null_count >= 0 && chunk_nulls_ != chunk_.null_count) {
    of_chunk_ = {-1, fmt::format("{} rows are null; the footer says {}", chunk_nulls_, chunk_.null_count)};
  }
  std::vector<Fault> faults;
  if (of_chunk_) faults.push_back(*of_chunk_);
  if (of_pages_) faults.push_back(*of_pages_);
  return faults;
}

std::pair<::parquet::ByteArray, ::parquet::ByteArray> StatisticsCheck::BytesExtremes(
    std::span<const ::parquet::ByteArray> values) {
  const ::parquet::ByteArray *min = &values[0], *max = &values[0], *last = &values[0];
  for (const ::parquet::ByteArray& value : values) {
    // A dictionary gives the same bytes for the same value.
    if (value.ptr == last->ptr && value.len == last->len) continue;
    last = &value;
    const std::string_view text(value);
    if (text < std::string_view(*min)) {
      min = &value;
    } else if (std::string_view(*max) < text) {
      max = &value;
    }
  }
  return {*min, *max};
}

void StatisticsCheck::EndPiece() {
  ::parquet::EncodedStatistics encoded;
  if (bounded_) {
    encoded.set_min(min_);
    encoded.set_max(max_);
  }
  const auto typed = ::parquet::Statistics::Make(&column_, &encoded, row_);
  schema::ColumnStatistics found = TypedStatistics(typed.get(), *field_);
  found.null_count = nulls_;
  chunk_nulls_ += nulls_;
  if (!of_chunk_) {
    schema::ColumnStatistics bounds = chunk_;
    bounds.null_count = -1;  // of all pages together
    if (auto message = Compare(found, bounds, "the footer"); !message.empty()) {
      of_chunk_ = {-1, std::move(message)};
    }
  }
  if (!of_pages_ && !pages_.empty()) {
    if (auto message = Compare(found, pages_[page_].statistics, "the page index"); !message.empty()) {
      of_pages_ = {static_cast<int64_t>(page_), std::move(message)};
    }
  }
  nulls_ = 0;
  bounded_ = false;
  ++page_;
  if (page_ < pages_.size()) piece_end_ += pages_[page_].rows;
}

// What of the rows up to row_ is not as it is said to be, as a sentence; empty where all is.
std::string StatisticsCheck::Compare(const schema::ColumnStatistics& found,
                                     const schema::ColumnStatistics& said, std::string_view by) const {
  const int64_t begin = pages_.empty() ? 0 : pages_[page_].first_row;
  const auto beyond = [&](const arrow::Scalar& value, const arrow::Scalar& bound, std::string_view order) {
    return fmt::format(
        "rows {} to {} of the row group hold {}; {} says that none is {} {}: a filter passes over such rows",
        begin, row_ - 1, Quoted(value.ToString(), kLongestValue), by, order,
        Quoted(bound.ToString(), kLongestValue));
  };
  if (found.min != nullptr && said.min != nullptr && IsLess(*found.min, *said.min).value_or(false)) {
    return beyond(*found.min, *said.min, "below");
  }
  if (found.max != nullptr && said.max != nullptr && IsLess(*said.max, *found.max).value_or(false)) {
    return beyond(*found.max, *said.max, "above");
  }
  if (said.null_count >= 0 && found.null_count != said.null_count) {
    return fmt::format("rows {} to {} of the row group hold {} nulls; {} says {}", begin, row_ - 1,
                       found.null_count, by, said.null_count);
  }
  return {};
}

StatisticsChecks::StatisticsChecks(arrow::io::RandomAccessFile& file, const std::string& path,
                                   std::shared_ptr<::parquet::FileMetaData> footer)
    : file_(file), path_(path), footer_(std::move(footer)) {
  fields_.resize(static_cast<size_t>(footer_->num_columns()));
  const std::vector<int> first_leaf = FirstLeaves(*footer_->schema());
  ::parquet::ArrowReaderProperties properties;
  properties.set_coerce_int96_timestamp_unit(kInt96Unit);
  std::shared_ptr<arrow::Schema> schema;
  const arrow::Status known = GuardRead(path_, [&] {
    return ::parquet::arrow::FromParquetSchema(footer_->schema(), properties, footer_->key_value_metadata(),
                                               &schema);
  });
  // What no reader gets columns of is passed over by none.
  if (!known.ok() || static_cast<int>(first_leaf.size()) != schema->num_fields() + 1) return;
  for (int i = 0; i < schema->num_fields(); ++i) {
    const auto& field = schema->field(i);
    if (!arrow::is_nested(field->type()->id())) {
      fields_[static_cast<size_t>(first_leaf[static_cast<size_t>(i)])] = field;
    }
  }
}

StatisticsChecks::~StatisticsChecks() = default;

arrow::Result<std::unique_ptr<StatisticsCheck>> StatisticsChecks::Of(int row_group, int leaf) {
  const auto& field = fields_[static_cast<size_t>(leaf)];
  if (field == nullptr) return nullptr;
  auto made = GuardRead(path_, [&]() -> arrow::Result<std::unique_ptr<StatisticsCheck>> {
    auto chunk = FooterStatistics(*footer_, row_group, leaf, *field);
    ARROW_ASSIGN_OR_RAISE(auto pages, PagesOf(row_group, leaf));
    const bool says = Says(chunk) || std::ranges::any_of(
                                         pages, [](const PageBounds& page) { return Says(page.statistics); });
    if (!says) return nullptr;
    return std::make_unique<StatisticsCheck>(*footer_->schema()->Column(leaf), field, std::move(chunk),
                                             std::move(pages), footer_->RowGroup(row_group)->num_rows());
  });
  // Statistics that cannot be read only spare no work.
  if (IsKind(made.status(), ErrorKind::kCorruptData) || IsKind(made.status(), ErrorKind::kUnsupported)) {
    return nullptr;
  }
  return made;
}

arrow::Result<std::vector<PageBounds>> StatisticsChecks::PagesOf(int row_group, int leaf) {
  std::vector<PageBounds> none;
  if (!HasPageIndex(*footer_->RowGroup(row_group)->ColumnChunk(leaf))) return none;
  const std::lock_guard lock(mutex_);
  auto pages = GuardRead(path_, [&]() -> arrow::Result<std::optional<std::vector<PageBounds>>> {
    if (row_group != row_group_) {
      row_group_ = -1;
      if (indexes_ == nullptr) indexes_ = ::parquet::PageIndexReader::Make(&file_, footer_, properties_);
      index_ = indexes_->RowGroup(row_group);
      row_group_ = row_group;
    }
    if (index_ == nullptr) return std::nullopt;
    return IndexedPages(*index_, *footer_, row_group, leaf, *fields_[static_cast<size_t>(leaf)]);
  });
  if (IsKind(pages.status(), ErrorKind::kCorruptData) || IsKind(pages.status(), ErrorKind::kUnsupported)) {
    return none;
  }
  ARROW_ASSIGN_OR_RAISE(auto found, std::move(pages));
  return found ? *std::move(found) : none;
}

}  // namespace marquet::pq
