#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "marquet/parquet/rescue/page_walk_internal.h"
#include "marquet/parquet/rescue/rescue_internal.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

int64_t RowsOf(const PageHeader& header, bool repeated) {
  if (header.kind == PageKind::kDataV2) return header.rows;
  return repeated ? -1 : header.values;
}

// The bytes from `begin` on as a page that nothing is known of.
FoundPage Unreadable(int64_t begin, int64_t end, std::string why) {
  FoundPage page;
  page.page.offset = begin;
  page.page.header.compressed_size = static_cast<int32_t>(std::min<int64_t>(end - begin, INT32_MAX));
  page.damage = std::move(why);
  return page;
}

// The offset index, which tells where pages are when their headers do not; a null pointer where it is missing
// or damaged itself.
std::shared_ptr<::parquet::OffsetIndex> ReadOffsets(const RescueSource& source, int row_group, int leaf) {
  const auto read = GuardRead(source.path, [&]() -> arrow::Result<std::shared_ptr<::parquet::OffsetIndex>> {
    const auto index =
        ::parquet::PageIndexReader::Make(source.file.get(), source.footer, ::parquet::ReaderProperties());
    const auto group = index->RowGroup(row_group);
    return group == nullptr ? nullptr : group->GetOffsetIndex(leaf);
  });
  return read.ok() ? *read : nullptr;
}

// False when the index contradicts the footer.
bool Fits(const std::vector<::parquet::PageLocation>& pages, ByteRange chunk, int64_t rows) {
  int64_t byte = chunk.begin, row = 0;
  for (const ::parquet::PageLocation& page : pages) {
    if (page.offset < byte || page.compressed_page_size <= 0 || page.first_row_index < row ||
        page.first_row_index > rows) {
      return false;
    }
    byte = page.offset + page.compressed_page_size;
    row = page.first_row_index;
  }
  return !pages.empty() && pages[0].first_row_index == 0 && byte <= chunk.end;
}

arrow::Status FindByIndex(const RescueSource& source, const std::vector<::parquet::PageLocation>& locations,
                          ByteRange bytes, int64_t rows, FoundChunk* chunk) {
  if (locations[0].offset > bytes.begin) {
    PageWalk walk(source.file, {bytes.begin, locations[0].offset}, source.stop);
    ARROW_ASSIGN_OR_RAISE(const WalkedPage* const page, walk.At(0));
    if (page != nullptr && page->header.kind == PageKind::kDictionary) chunk->dictionary = *page;
  }
  for (size_t i = 0; i < locations.size(); ++i) {
    const int64_t begin = locations[i].offset, end = begin + locations[i].compressed_page_size;
    PageWalk walk(source.file, {begin, end}, source.stop);
    ARROW_ASSIGN_OR_RAISE(const WalkedPage* const page, walk.At(0));
    FoundPage found;
    if (page == nullptr || !page->header.holds_data()) {
      found = Unreadable(begin, end, page == nullptr ? walk.end().reason : "it is no data page");
    } else {
      found.page = *page;
    }
    found.first_row = locations[i].first_row_index;
    found.rows = (i + 1 < locations.size() ? locations[i + 1].first_row_index : rows) - found.first_row;
    chunk->pages.push_back(std::move(found));
  }
  return arrow::Status::OK();
}

arrow::Status FindByHeaders(const RescueSource& source, ByteRange bytes, bool repeated, FoundChunk* chunk) {
  PageWalk walk(source.file, bytes, source.stop);
  for (int64_t number = 0;; ++number) {
    ARROW_ASSIGN_OR_RAISE(const WalkedPage* const page, walk.At(number));
    if (page == nullptr) break;
    if (page->header.kind == PageKind::kDictionary) {
      chunk->dictionary = *page;
    } else if (page->header.holds_data()) {
      FoundPage found;
      found.page = *page;
      found.rows = RowsOf(page->header, repeated);
      if (found.rows < 0) found.begins_row.reset();
      chunk->pages.push_back(std::move(found));
    }
  }
  if (walk.end().offset < bytes.end) {
    chunk->pages.push_back(Unreadable(walk.end().offset, bytes.end, walk.end().reason));
    if (repeated) chunk->pages.back().begins_row.reset();
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<FoundRowGroup> FindByFooter(const RescueSource& source, int row_group) {
  return GuardRead(source.path, [&]() -> arrow::Result<FoundRowGroup> {
    const auto group = source.footer->RowGroup(row_group);
    FoundRowGroup found;
    found.number = row_group;
    found.rows = group->num_rows();
    for (int leaf = 0; leaf < group->num_columns(); ++leaf) {
      const auto metadata = group->ColumnChunk(leaf);
      ARROW_ASSIGN_OR_RAISE(const ByteRange bytes, ReadableBytes(*source.file, *source.footer, *metadata));
      const bool repeated = source.footer->schema()->Column(leaf)->max_repetition_level() > 0;
      FoundChunk& chunk = found.chunks.emplace_back();
      chunk.codec = metadata->compression();
      const auto offsets = ReadOffsets(source, row_group, leaf);
      if (offsets != nullptr && Fits(offsets->page_locations(), bytes, found.rows)) {
        ARROW_RETURN_NOT_OK(FindByIndex(source, offsets->page_locations(), bytes, found.rows, &chunk));
      } else {
        ARROW_RETURN_NOT_OK(FindByHeaders(source, bytes, repeated, &chunk));
      }
    }
    return found;
  });
}

}  // namespace marquet::pq
