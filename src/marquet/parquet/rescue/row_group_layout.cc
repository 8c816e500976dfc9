#include "marquet/parquet/rescue/row_group_layout_internal.h"

#include <algorithm>

#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "marquet/parquet/rescue/page_walk_internal.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

arrow::Result<std::vector<int64_t>> PageRows(const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                                             ByteRange chunk, bool repeated) {
  PageWalk walk(file, chunk);
  std::vector<int64_t> rows;
  for (int64_t number = 0;; ++number) {
    ARROW_ASSIGN_OR_RAISE(const WalkedPage* const page, walk.At(number));
    if (page == nullptr) return rows;
    const PageHeader& header = page->header;
    if (header.kind == PageKind::kDataV2) {
      rows.push_back(header.rows);
    } else if (header.kind == PageKind::kData) {
      if (repeated) return std::vector<int64_t>();
      rows.push_back(header.values);
    }
  }
}

}  // namespace

arrow::Result<RowGroupLayout> ReadLayout(const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                                         const std::string& path, const ::parquet::FileMetaData& footer) {
  return GuardRead(path, [&]() -> arrow::Result<RowGroupLayout> {
    RowGroupLayout layout;
    for (int i = 0; i < footer.num_row_groups(); ++i) {
      layout.row_groups.push_back(footer.RowGroup(i)->num_rows());
    }
    if (layout.row_groups.empty()) return layout;
    const auto largest = std::max_element(layout.row_groups.begin(), layout.row_groups.end());
    const auto group = footer.RowGroup(static_cast<int>(largest - layout.row_groups.begin()));
    for (int leaf = 0; leaf < group->num_columns(); ++leaf) {
      const bool repeated = footer.schema()->Column(leaf)->max_repetition_level() > 0;
      ARROW_ASSIGN_OR_RAISE(auto rows, PageRows(file, ChunkBytes(*group->ColumnChunk(leaf)), repeated));
      layout.pages.push_back(std::move(rows));
    }
    return layout;
  });
}

bool AllowsRowGroup(const RowGroupLayout& layout, int64_t rows, bool last) {
  if (layout.row_groups.size() < 2) return true;  // its size may have been all the rows there were
  const int64_t full = *std::max_element(layout.row_groups.begin(), layout.row_groups.end());
  const bool constant = std::all_of(layout.row_groups.begin(), layout.row_groups.end() - 1,
                                    [&](int64_t found) { return found == full; });
  return rows == full || (rows < full && (last || !constant));
}

bool AllowsPages(const RowGroupLayout& layout, int leaf, std::span<const int64_t> page_rows, bool whole) {
  if (layout.pages.size() <= static_cast<size_t>(leaf)) return true;
  const std::vector<int64_t>& known = layout.pages[static_cast<size_t>(leaf)];
  if (known.empty()) return true;
  const int64_t most = *std::max_element(known.begin(), known.end());
  for (size_t i = 0; i < page_rows.size(); ++i) {
    const int64_t rows = page_rows[i];
    const bool last = whole && i + 1 == page_rows.size();  // it holds what was left
    const bool full = i + 1 < known.size();                // the known one was full, too
    if (full ? (last ? rows > known[i] : rows != known[i]) : (known.size() > 1 && rows > most)) return false;
    if (!last && rows < known[std::min(i, known.size() - 1)]) return false;
  }
  return true;
}

}  // namespace marquet::pq
