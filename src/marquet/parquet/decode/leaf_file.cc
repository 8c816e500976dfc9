#include "marquet/parquet/decode/leaf_file.h"

#include "arrow/io/memory.h"
#include "marquet/parquet/decode/arrow_pages_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "parquet/column_reader.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

constexpr int64_t kReadWhole = int64_t{8} << 20;  // up to here one read beats one for each column

}  // namespace

arrow::Result<std::unique_ptr<LeafFile>> LeafFile::Open(file::FileSystem& fs, const std::string& path) {
  auto opened = std::make_unique<LeafFile>();
  ARROW_ASSIGN_OR_RAISE(opened->file_, fs.OpenForReading(path));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, opened->file_->GetSize());
  if (size <= kReadWhole) {
    ARROW_ASSIGN_OR_RAISE(auto bytes, opened->file_->ReadAt(0, size));
    opened->file_ = std::make_shared<arrow::io::BufferReader>(std::move(bytes));
  }
  ARROW_ASSIGN_OR_RAISE(Footer footer, ReadFooter(*opened->file_, path, size));
  opened->footer_ = std::move(footer.metadata);
  return opened;
}

arrow::Result<std::shared_ptr<::parquet::ColumnReader>> LeafFile::Leaf(int row_group, int leaf) const {
  const auto chunk = footer_->RowGroup(row_group)->ColumnChunk(leaf);
  ARROW_ASSIGN_OR_RAISE(const ByteRange range, ReadableBytes(*file_, *footer_, *chunk));
  ARROW_ASSIGN_OR_RAISE(auto bytes, file_->ReadAt(range.begin, range.length()));
  if (bytes->size() != range.length()) {
    return arrow::Status::IOError(bytes->size(), " bytes could be read at byte ", range.begin, "; expected ",
                                  range.length());
  }
  return ::parquet::ColumnReader::Make(
      footer_->schema()->Column(leaf),
      ArrowPages(std::make_unique<ChunkReader>(std::move(bytes), chunk->compression(), chunk->num_values(),
                                               Checksums::kVerify)));
}

}  // namespace marquet::pq
