#include "marquet/parquet/decode/page_bounds_internal.h"

#include "arrow/type.h"
#include "fmt/format.h"
#include "marquet/parquet/format/column_statistics_internal.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/schema.h"
#include "parquet/statistics.h"

namespace marquet::pq {

bool HasPageIndex(const ::parquet::ColumnChunkMetaData& chunk) {
  return chunk.GetColumnIndexLocation().has_value() && chunk.GetOffsetIndexLocation().has_value();
}

// The column index tells each page's bounds, the offset index where its rows begin.
arrow::Result<std::optional<std::vector<PageBounds>>> IndexedPages(::parquet::RowGroupPageIndexReader& index,
                                                                   const ::parquet::FileMetaData& footer,
                                                                   int row_group, int leaf,
                                                                   const arrow::Field& field) {
  const auto bounds = index.GetColumnIndex(leaf);
  const auto offsets = index.GetOffsetIndex(leaf);
  if (bounds == nullptr || offsets == nullptr) return std::nullopt;

  const auto& locations = offsets->page_locations();
  const size_t count = locations.size();
  if (bounds->null_pages().size() != count || bounds->encoded_min_values().size() != count ||
      bounds->encoded_max_values().size() != count ||
      (bounds->has_null_counts() && bounds->null_counts().size() != count)) {
    return arrow::Status::IOError("the column index and the offset index tell of different numbers of pages");
  }
  const ::parquet::ColumnDescriptor& column = *footer.schema()->Column(leaf);
  const bool ours = WrittenByMarquet(footer);
  const int64_t rows = footer.RowGroup(row_group)->num_rows();
  if (count == 0 && rows > 0) return arrow::Status::IOError("the offset index tells of no page");
  std::vector<PageBounds> pages(count);
  for (size_t i = 0; i < count; ++i) {
    const int64_t end = i + 1 < count ? locations[i + 1].first_row_index : rows;
    if (locations[i].first_row_index < 0 || locations[i].first_row_index >= end ||
        (i == 0 && locations[0].first_row_index != 0)) {
      return arrow::Status::IOError("page ", i, " begins at row ", locations[i].first_row_index,
                                    " and the next at row ", end);
    }
    pages[i].first_row = locations[i].first_row_index;
    pages[i].rows = end - locations[i].first_row_index;
    ::parquet::EncodedStatistics encoded;
    if (bounds->has_null_counts()) encoded.set_null_count(bounds->null_counts()[i]);
    if (!bounds->null_pages()[i]) {
      encoded.set_min(bounds->encoded_min_values()[i]);
      encoded.set_max(bounds->encoded_max_values()[i]);
    }
    const auto statistics = ::parquet::Statistics::Make(&column, &encoded, pages[i].rows);
    pages[i].statistics = TypedStatistics(statistics.get(), field);
    if (!ours) {
      pages[i].statistics = Doubted(std::move(pages[i].statistics), column);
    } else if (bounds->null_pages()[i]) {
      pages[i].statistics.null_count = pages[i].rows;
      pages[i].statistics.has_nan = false;
    }
  }
  return pages;
}

}  // namespace marquet::pq
