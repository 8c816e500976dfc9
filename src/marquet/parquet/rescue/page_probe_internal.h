// Whether a page can be one of a given column: what its header says, and what is in it.
//
// Where there is no footer, a page does not say which column it belongs to, nor how it was compressed. What
// it holds tells much of both: its size, its levels, the lengths of its strings, its indices fit one kind of
// column exactly, and almost never another.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "arrow/util/type_fwd.h"
#include "marquet/parquet/decode/chunk_reader_internal.h"
#include "marquet/parquet/rescue/page_walk_internal.h"

namespace parquet {
class ColumnDescriptor;
class SchemaDescriptor;
}  // namespace parquet

namespace marquet::pq {

enum class PageFit {
  kFits,
  kMisfit,   // its bytes are whole, as far as can be told, and not of this column
  kDamaged,  // its bytes cannot be read, differ from their CRC, or decompress with no codec
};

struct PageLook {
  PageFit fit = PageFit::kFits;
  std::string why;  // empty when it fits
  // Of a page that fits.
  int64_t rows = 0;        // that begin in it
  bool begins_row = true;  // false when its first value goes on with the row of the page before
};

// What is against this page's being one of this column, by its header alone; empty when nothing is.
std::string HeaderObjection(const PageHeader& header, const ::parquet::ColumnDescriptor& column,
                            bool has_dictionary);

// Belongs to one thread at a time.
class PageProbe {
 public:
  // `codecs`: the ones expected, by leaf. `schema` and `file` must outlive the probe.
  PageProbe(arrow::io::RandomAccessFile& file, const ::parquet::SchemaDescriptor& schema,
            std::vector<arrow::Compression::type> codecs);

  // Looks into a page, as one of this leaf; `dictionary`: the dictionary page of its chunk, or a null
  // pointer. What was seen is kept. A status means that memory ran out.
  arrow::Result<PageLook> Look(const WalkedPage& page, int leaf, const WalkedPage* dictionary);

  // By which codec the page was decompressed; nothing when it was not looked into, or is not compressed.
  std::optional<arrow::Compression::type> CodecOf(const WalkedPage& page) const;
  arrow::Compression::type ExpectedCodec(int leaf) const { return codecs_[static_cast<size_t>(leaf)]; }

  // What was seen of pages before this byte of the file is no longer needed.
  void Forget(int64_t before);

 private:
  // Reads the page; what is wrong with its bytes, or nothing.
  std::string Read(const WalkedPage& page);
  // Null where the codec does not make the page what its header says.
  arrow::Result<const Page*> Decompress(const WalkedPage& page, arrow::Compression::type codec);
  arrow::Result<PageLook> LookAnew(const WalkedPage& page, int leaf, int64_t dictionary_values);

  arrow::io::RandomAccessFile& file_;
  const ::parquet::SchemaDescriptor& schema_;
  const std::vector<arrow::Compression::type> codecs_;
  std::vector<int> shapes_;  // by leaf: the first leaf of the same types and levels

  // By page (its offset), leaf (the first of its shape) and size of the dictionary.
  std::map<std::tuple<int64_t, int, int64_t>, PageLook> seen_;
  std::map<int64_t, arrow::Compression::type> codec_of_;  // by the page's offset
  std::optional<arrow::Compression::type> last_codec_;    // by which a page was decompressed

  // The page that was read last, and how it was decompressed last.
  int64_t read_ = -1;
  std::string damage_;
  std::shared_ptr<arrow::Buffer> stored_;
  std::unique_ptr<ChunkReader> reader_;
};

}  // namespace marquet::pq
