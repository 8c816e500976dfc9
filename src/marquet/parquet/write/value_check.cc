#include "marquet/parquet/write/value_check_internal.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "arrow/array.h"
#include "arrow/array/builder_binary.h"
#include "arrow/extension_type.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "marquet/base/column_threads.h"
#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/parquet/decode/arrow_pages_internal.h"
#include "marquet/parquet/decode/chunk_pages_internal.h"
#include "marquet/parquet/decode/column_stream_internal.h"
#include "marquet/parquet/encode/file_format_internal.h"
#include "marquet/parquet/encode/writer_properties_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/schema/decoded_rows.h"
#include "parquet/column_reader.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

constexpr int64_t kRunRows = 32;
constexpr int64_t kStride = 1 << 16;
constexpr int64_t kPagesForOne = 8;
constexpr int64_t kBlockRows = 1 << 10;  // of which one hash is kept at VerifyLevel::kFull
constexpr int64_t kReadRows = 1 << 13;   // decoded at a time, at most
constexpr int64_t kParallelRows = 1 << 16;

// A number for a place, below `bound`.
int64_t Draw(int64_t place, int64_t salt, int64_t bound) {
  if (bound <= 1) return 0;
  const uint64_t drawn = schema::CombineHashes(static_cast<uint64_t>(place), static_cast<uint64_t>(salt));
  return static_cast<int64_t>(drawn % static_cast<uint64_t>(bound));
}

// Hashes of a few rows of a column of bytes, without Arrow's reader of whole files: its making takes longer
// than the reading of a small one. No more values are held than a page has.
arrow::Status HashBytes(const ReadSource& source, int leaf, const Piece& piece, std::span<uint64_t> hashes) {
  const ReadRequest::Part& part = source.parts[static_cast<size_t>(piece.part)];
  ARROW_ASSIGN_OR_RAISE(ChunkPages found, ReadChunkPages(source, part.row_group, leaf, part.rows));
  const int64_t first = found.pages.empty() ? 0 : found.pages[0].begin;
  const ::parquet::ColumnDescriptor& column = *source.footer->schema()->Column(leaf);
  const auto chunk = source.footer->RowGroup(part.row_group)->ColumnChunk(leaf);
  const auto reader = std::static_pointer_cast<::parquet::ByteArrayReader>(::parquet::ColumnReader::Make(
      &column, ArrowPages(std::make_unique<ChunkReader>(std::move(found.bytes), chunk->compression(),
                                                        found.values, Checksums::kVerify))));
  reader->Skip(piece.begin - first);
  std::vector<int16_t> defined(hashes.size(), 1);
  std::vector<::parquet::ByteArray> values(hashes.size());
  for (size_t done = 0; done < hashes.size();) {
    int64_t count = 0;
    const int64_t levels = reader->ReadBatch(static_cast<int64_t>(hashes.size() - done), defined.data(),
                                             nullptr, values.data(), &count);
    if (levels == 0) return arrow::Status::IOError("the values end after ", done, " rows");
    arrow::LargeBinaryBuilder rows;
    for (int64_t i = 0, value = 0; i < levels; ++i) {
      const bool null = column.max_definition_level() > 0 && defined[static_cast<size_t>(i)] == 0;
      if (null) {
        ARROW_RETURN_NOT_OK(rows.AppendNull());
      } else {
        const ::parquet::ByteArray& bytes = values[static_cast<size_t>(value++)];
        ARROW_RETURN_NOT_OK(rows.Append(bytes.ptr, int64_t{bytes.len}));
      }
    }
    ARROW_ASSIGN_OR_RAISE(const auto read, rows.Finish());
    schema::HashLeaf(*read, {}, 0, hashes.subspan(done, static_cast<size_t>(levels)));
    done += static_cast<size_t>(levels);
  }
  return arrow::Status::OK();
}

bool IsFlatBytes(const ::parquet::ColumnDescriptor& column, const arrow::DataType& type) {
  return column.max_repetition_level() == 0 && column.max_definition_level() <= 1 &&
         column.physical_type() == ::parquet::Type::BYTE_ARRAY && arrow::is_base_binary_like(type.id());
}

// The type of the values at a route's end; lists and maps on the way have one part each that leads on.
const arrow::DataType& TypeAt(const arrow::DataType& type, std::span<const int> route) {
  if (type.num_fields() == 0) return type;
  if (type.id() != arrow::Type::STRUCT) return TypeAt(*type.field(0)->type(), route);
  return TypeAt(*type.field(route.front())->type(), route.subspan(1));
}

// Whether Arrow reads some leaves of a type alone: an extension type it makes of all of its parts or not at
// all.
bool IsDivisible(const arrow::DataType& type) {
  if (type.id() == arrow::Type::EXTENSION) {
    const arrow::DataType& storage = *static_cast<const arrow::ExtensionType&>(type).storage_type();
    return schema::LeafRoutes(storage).size() == 1 && IsDivisible(storage);
  }
  return std::ranges::all_of(type.fields(), [](const auto& field) { return IsDivisible(*field->type()); });
}

// One leaf of a file, read alone where it can be: of structs on the way to it only the fields that hold it.
// Of an indivisible column, [begin, end), all leaves are read. Each piece must be of another part, or follow
// the one before.
class LeafRows {
 public:
  LeafRows(const std::shared_ptr<arrow::io::RandomAccessFile>& file,
           const std::shared_ptr<::parquet::FileMetaData>& footer, const std::string& path, int leaf,
           int begin, int end, const std::shared_ptr<arrow::Field>& field, const schema::LeafRoute& route,
           std::vector<ReadRequest::Part> parts, bool whole)
      : leaf_(leaf), route_(route.size(), 0) {
    ReadSource source{path, file, footer, std::move(parts), kReadRows};
    const arrow::DataType& type = TypeAt(*field->type(), route);
    if (type.id() == arrow::Type::TIMESTAMP) {
      source.int96_unit = static_cast<const arrow::TimestampType&>(type).unit();
    }
    source_ = std::make_shared<const ReadSource>(std::move(source));
    if (!whole && IsFlatBytes(*footer->schema()->Column(leaf), *field->type())) return;
    if (IsDivisible(*field->type())) {
      stream_ = MakeColumn(source_, leaf, leaf + 1, field);
    } else {
      route_ = route;
      stream_ = MakeColumn(source_, begin, end, field);
    }
  }

  arrow::Status Hash(const Piece& piece, std::vector<uint64_t>* hashes) {
    hashes->resize(static_cast<size_t>(piece.rows));
    if (stream_ == nullptr) return HashBytes(*source_, leaf_, piece, *hashes);
    ARROW_ASSIGN_OR_RAISE(const auto read, stream_->Decode(piece));
    if (read->length() != piece.rows) {
      return arrow::Status::IOError(read->length(), " rows were read; expected ", piece.rows);
    }
    schema::HashLeaf(*read, route_, 0, *hashes);
    return arrow::Status::OK();
  }

 private:
  const int leaf_;
  schema::LeafRoute route_;
  std::shared_ptr<const ReadSource> source_;
  std::unique_ptr<ColumnStream> stream_;  // a null pointer for bytes
};

}  // namespace

ValueCheck::ValueCheck(std::shared_ptr<const FileFormat> format, std::string path)
    : format_(std::move(format)),
      path_(std::move(path)),
      all_(format_->options().verify == VerifyLevel::kFull),
      seed_(Xxh3Hash64(file::FileName(path_))) {
  const arrow::Schema& schema = *format_->parts().file_schema;
  for (int i = 0; i < schema.num_fields(); ++i) {
    for (schema::LeafRoute& route : schema::LeafRoutes(*schema.field(i)->type())) {
      leaves_.push_back({.column = i, .route = std::move(route), .hashes = {}, .read_rows = kReadRows});
    }
  }
}

ValueCheck::~ValueCheck() = default;

void ValueCheck::Take(const arrow::RecordBatch& given, const std::vector<bool>& decoded, int64_t first_row) {
  for (Leaf& leaf : leaves_) leaf.decoded = leaf.decoded || decoded[static_cast<size_t>(leaf.column)];
  all_ ? TakeAll(given, first_row) : TakeSample(given, first_row);
  rows_ = first_row + given.num_rows();
}

int64_t ValueCheck::bytes() const {
  auto bytes = static_cast<int64_t>(leaves_.capacity() * sizeof(Leaf) + runs_.capacity() * sizeof(Run) +
                                    first_of_.capacity() * sizeof(int64_t));
  for (const Leaf& leaf : leaves_) bytes += static_cast<int64_t>(leaf.hashes.capacity() * sizeof(uint64_t));
  return bytes;
}

std::pair<int, int> ValueCheck::LeavesOf(int column) const {
  const auto begin = std::ranges::lower_bound(leaves_, column, {}, &Leaf::column);
  const auto end = std::ranges::upper_bound(leaves_, column, {}, &Leaf::column);
  return {static_cast<int>(begin - leaves_.begin()), static_cast<int>(end - leaves_.begin())};
}

bool ValueCheck::IsChosen(int leaf, int row_group, int64_t rows) const {
  if (leaves_[static_cast<size_t>(leaf)].decoded) return true;
  const auto leaves = static_cast<int64_t>(leaves_.size());
  const int64_t pages = leaves * ((rows + kPageRows - 1) / kPageRows);
  const int64_t count = std::max<int64_t>(pages / kPagesForOne, 1);
  const int64_t first = Draw(row_group, static_cast<int64_t>(seed_ >> 1), leaves);
  return (leaf - first + leaves) % leaves < count;
}

void ValueCheck::TakeSample(const arrow::RecordBatch& given, int64_t first_row) {
  const int64_t end = first_row + given.num_rows();
  if (next_ < 0) next_ = first_row + Draw(given.num_rows(), 0, given.num_rows() - kRunRows + 1);
  while (next_ < end) {
    const Run run{next_, std::min(kRunRows, end - next_)};
    first_of_.push_back(static_cast<int64_t>(leaves_.empty() ? 0 : leaves_[0].hashes.size()));
    for (Leaf& leaf : leaves_) {
      const size_t before = leaf.hashes.size();
      leaf.hashes.resize(before + static_cast<size_t>(run.rows));
      schema::HashLeaf(*given.column(leaf.column), leaf.route, run.begin - first_row,
                       std::span(leaf.hashes).subspan(before));
    }
    runs_.push_back(run);
    // Rows that come one by one are looked at more seldom as they become more.
    const int64_t gap = std::clamp<int64_t>(run.begin / 2, 1, kStride);
    next_ = run.begin + run.rows + gap / 2 + Draw(run.begin, 1, gap);
  }
}

void ValueCheck::TakeAll(const arrow::RecordBatch& given, int64_t first_row) {
  for (Leaf& leaf : leaves_) {
    leaf.read_rows = schema::RowsWithinMemory(*given.column(leaf.column), leaf.read_rows);
  }
  std::vector<uint64_t> hashes;
  for (int64_t done = 0; done < given.num_rows();) {
    const int64_t row = first_row + done;
    const int64_t count = std::min(given.num_rows() - done, kBlockRows - row % kBlockRows);
    hashes.resize(static_cast<size_t>(count));
    const bool ends = (row + count) % kBlockRows == 0;
    for (Leaf& leaf : leaves_) {
      schema::HashLeaf(*given.column(leaf.column), leaf.route, done, hashes);
      for (const uint64_t hash : hashes) leaf.block = schema::CombineHashes(leaf.block, hash);
      if (ends) leaf.hashes.push_back(std::exchange(leaf.block, 0));
    }
    done += count;
  }
}

arrow::Status ValueCheck::Compare(const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                                  const std::shared_ptr<::parquet::FileMetaData>& footer, bool parallel) {
  if (rows_ == 0) return arrow::Status::OK();
  if (footer->num_columns() != static_cast<int>(leaves_.size()) || footer->num_rows() != rows_) {
    return CorruptData(fmt::format("{}: {} rows of {} leaves were written; the footer says {} of {}", path_,
                                   rows_, leaves_.size(), footer->num_rows(), footer->num_columns()));
  }
  if (all_ && rows_ % kBlockRows != 0) {
    for (Leaf& leaf : leaves_) leaf.hashes.push_back(std::exchange(leaf.block, 0));
  }
  return ForEach(static_cast<int>(leaves_.size()), parallel && rows_ >= kParallelRows, [&](int leaf) {
    const auto place = [&] {
      return fmt::format("{}: what was written does not read back: column {}", path_,
                         Quoted(footer->schema()->Column(leaf)->path()->ToDotString()));
    };
    return GuardRead(
        place, [&] { return all_ ? CompareAll(leaf, file, footer) : CompareSample(leaf, file, footer); });
  });
}

arrow::Status ValueCheck::CompareSample(int leaf, const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                                        const std::shared_ptr<::parquet::FileMetaData>& footer) const {
  struct Chosen {
    Piece piece;
    int64_t row = 0;   // of the file
    int64_t hash = 0;  // place of its first
  };
  std::vector<Chosen> chosen;
  std::vector<ReadRequest::Part> parts;
  size_t first = 0;  // run that ends behind the row group's begin
  int64_t begin = 0;
  for (int group = 0; group < footer->num_row_groups(); ++group) {
    const auto row_group = footer->RowGroup(group);
    const int64_t end = begin + row_group->num_rows();
    while (first < runs_.size() && runs_[first].begin + runs_[first].rows <= begin) ++first;
    size_t last = first;
    while (last < runs_.size() && runs_[last].begin < end) ++last;
    if (first < last && IsChosen(leaf, group, end - begin)) {
      const size_t at =
          first + static_cast<size_t>(Draw(begin + group, leaf, static_cast<int64_t>(last - first)));
      const Run& run = runs_[at];
      const int64_t from = std::max(run.begin, begin), to = std::min(run.begin + run.rows, end);
      chosen.push_back({{static_cast<int>(parts.size()), from - begin, to - from},
                        from,
                        first_of_[at] + from - run.begin});
      parts.push_back({group, {}});
      // Of a chunk of more than a page only the page with these rows: long values make pages of few rows.
      const bool has_pages =
          end - begin > kPageRows || row_group->ColumnChunk(leaf)->total_uncompressed_size() > kPageBytes;
      if (has_pages) parts.back().rows.push_back({from - begin, to - begin});
    }
    begin = end;
  }
  if (chosen.empty()) return arrow::Status::OK();
  const Leaf& taken = leaves_[static_cast<size_t>(leaf)];
  const auto [begin_leaf, end_leaf] = LeavesOf(taken.column);
  LeafRows rows(file, footer, path_, leaf, begin_leaf, end_leaf,
                format_->parts().file_schema->field(taken.column), taken.route, std::move(parts),
                /*whole=*/false);
  std::vector<uint64_t> hashes;
  for (const Chosen& run : chosen) {
    ARROW_RETURN_NOT_OK(rows.Hash(run.piece, &hashes));
    for (size_t i = 0; i < hashes.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      if (hashes[i] != taken.hashes[static_cast<size_t>(run.hash) + i]) {
        return Differs(leaf, run.row + row, run.row + row + 1);
      }
    }
  }
  return arrow::Status::OK();
}

arrow::Status ValueCheck::CompareAll(int leaf, const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                                     const std::shared_ptr<::parquet::FileMetaData>& footer) const {
  std::vector<ReadRequest::Part> parts;
  for (int group = 0; group < footer->num_row_groups(); ++group) parts.push_back({group, {}});
  const Leaf& taken = leaves_[static_cast<size_t>(leaf)];
  const auto [begin_leaf, end_leaf] = LeavesOf(taken.column);
  LeafRows rows(file, footer, path_, leaf, begin_leaf, end_leaf,
                format_->parts().file_schema->field(taken.column), taken.route, std::move(parts),
                /*whole=*/true);
  std::vector<uint64_t> hashes;
  uint64_t block = 0;
  int64_t row = 0;  // of the file
  for (int group = 0; group < footer->num_row_groups(); ++group) {
    const int64_t end = footer->RowGroup(group)->num_rows();
    for (int64_t begin = 0; begin < end;) {
      const Piece piece{group, begin, std::min(end - begin, taken.read_rows)};
      ARROW_RETURN_NOT_OK(rows.Hash(piece, &hashes));
      for (const uint64_t hash : hashes) {
        block = schema::CombineHashes(block, hash);
        ++row;
        if (row % kBlockRows != 0 && row != rows_) continue;
        const int64_t number = (row - 1) / kBlockRows;
        if (block != taken.hashes[static_cast<size_t>(number)])
          return Differs(leaf, number * kBlockRows, row);
        block = 0;
      }
      begin += piece.rows;
    }
  }
  return arrow::Status::OK();
}

arrow::Status ValueCheck::Differs(int leaf, int64_t begin, int64_t end) const {
  const Leaf& taken = leaves_[static_cast<size_t>(leaf)];
  const std::string rows = end - begin == 1
                               ? fmt::format("row {} holds another value", begin)
                               : fmt::format("one of the rows {} to {} holds another value", begin, end - 1);
  return CorruptData(
      fmt::format("{}: column {}: {} than it was given; nothing was published", path_,
                  Quoted(format_->schema()->field(taken.column)->name()), rows),
      "This is a fault of Marquet or of the machine's memory: try again, and report it with the rows.");
}

}  // namespace marquet::pq
