#include "marquet/parquet/decode/chunk_pages_internal.h"

#include <cstring>

#include "marquet/base/column_memory.h"
#include "marquet/parquet/format/footer_internal.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/properties.h"

namespace marquet::pq {
namespace {

// Two runs of pages are read at once when less than this lies between them.
constexpr int64_t kHoleBytes = int64_t{64} << 10;

arrow::Status ReadInto(arrow::io::RandomAccessFile& file, ByteRange range, uint8_t* out) {
  ARROW_ASSIGN_OR_RAISE(const int64_t read, file.ReadAt(range.begin, range.length(), out));
  if (read == range.length()) return arrow::Status::OK();
  return arrow::Status::IOError(read, " bytes could be read at byte ", range.begin, "; expected ",
                                range.length());
}

bool Overlaps(const RowRange& page, const std::vector<RowRange>& rows, size_t* first) {
  while (*first < rows.size() && rows[*first].end <= page.begin) ++*first;
  return *first < rows.size() && rows[*first].begin < page.end;
}

}  // namespace

arrow::Result<ChunkPages> ReadChunkPages(const ReadSource& source, int row_group, int leaf,
                                         const std::vector<RowRange>& rows) {
  const auto group = source.footer->RowGroup(row_group);
  const auto chunk = group->ColumnChunk(leaf);
  ARROW_ASSIGN_OR_RAISE(const ByteRange all, ReadableBytes(*source.file, *source.footer, *chunk));
  ChunkPages found;
  std::shared_ptr<::parquet::OffsetIndex> offsets;
  if (!rows.empty() && chunk->GetOffsetIndexLocation().has_value()) {
    const auto indexes =
        ::parquet::PageIndexReader::Make(source.file.get(), source.footer, ::parquet::ReaderProperties());
    if (const auto index = indexes->RowGroup(row_group); index != nullptr)
      offsets = index->GetOffsetIndex(leaf);
  }
  if (offsets == nullptr || offsets->page_locations().empty()) {
    ARROW_ASSIGN_OR_RAISE(auto bytes, arrow::AllocateBuffer(all.length(), ColumnMemory()));
    ARROW_RETURN_NOT_OK(ReadInto(*source.file, all, bytes->mutable_data()));
    found.bytes = std::move(bytes);
    found.values = chunk->num_values();
    return found;
  }

  const auto& locations = offsets->page_locations();
  std::vector<ByteRange> wanted;
  if (locations[0].offset > all.begin) wanted.push_back({all.begin, locations[0].offset});  // the dictionary
  size_t range = 0;
  for (size_t i = 0; i < locations.size(); ++i) {
    const RowRange page{locations[i].first_row_index,
                        i + 1 < locations.size() ? locations[i + 1].first_row_index : group->num_rows()};
    const ByteRange bytes{locations[i].offset, locations[i].offset + locations[i].compressed_page_size};
    if (page.begin < 0 || page.begin >= page.end || (i == 0 && page.begin != 0) || bytes.begin < all.begin ||
        bytes.length() <= 0 || bytes.end > all.end || (!wanted.empty() && bytes.begin < wanted.back().end)) {
      return arrow::Status::IOError("the offset index puts page ", i, " at byte ", bytes.begin, " and row ",
                                    page.begin, ", which is not in its column chunk's order");
    }
    if (!Overlaps(page, rows, &range)) continue;
    found.values += page.end - page.begin;
    found.pages.push_back(page);
    wanted.push_back(bytes);
  }

  int64_t size = 0;
  for (const ByteRange& bytes : wanted) size += bytes.length();
  ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(size, ColumnMemory()));
  uint8_t* out = buffer->mutable_data();
  for (size_t i = 0; i < wanted.size();) {
    size_t end = i + 1;
    while (end < wanted.size() && wanted[end].begin - wanted[end - 1].end < kHoleBytes) ++end;
    const ByteRange run{wanted[i].begin, wanted[end - 1].end};
    int64_t used = 0;
    for (size_t j = i; j < end; ++j) used += wanted[j].length();
    if (used == run.length()) {
      ARROW_RETURN_NOT_OK(ReadInto(*source.file, run, out));
      out += used;
    } else {
      ARROW_ASSIGN_OR_RAISE(const auto read, source.file->ReadAt(run.begin, run.length()));
      if (read->size() != run.length()) {
        return arrow::Status::IOError(read->size(), " bytes could be read at byte ", run.begin, "; expected ",
                                      run.length());
      }
      for (size_t j = i; j < end; ++j) {
        std::memcpy(out, read->data() + (wanted[j].begin - run.begin), wanted[j].length());
        out += wanted[j].length();
      }
    }
    i = end;
  }
  found.bytes = std::move(buffer);
  return found;
}

}  // namespace marquet::pq
