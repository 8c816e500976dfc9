// What a Parquet file is written with, and what is known of one that was written.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "marquet/schema/column_statistics.h"

namespace marquet::pq {

enum class Codec { kNone, kSnappy, kZstd, kGzip, kLz4, kBrotli };

// "zstd", "snappy", "gzip", "lz4", "brotli", "none"; kInvalidInput for another name.
arrow::Result<Codec> ParseCodec(std::string_view name);
std::string_view CodecName(Codec codec);

// How far a file is checked. Each level includes the ones before it.
enum class VerifyLevel {
  kFooter,  // both magics, the footer, its offsets and row counts
  kCrc,     // every page's CRC, dictionary pages included
  kFull,    // every value decoded, and the rows counted
};
arrow::Result<VerifyLevel> ParseVerifyLevel(std::string_view name);

// Pages end where their content says, not where a count does: rows that two files share become equal pages
// even where others were put in or left out before them. Stores that keep equal bytes once (Hugging Face's
// Xet) need less space for such files. The bounds are on a page's values in memory.
struct ContentPages {
  int64_t min_bytes = int64_t{256} << 10;
  int64_t max_bytes = int64_t{1} << 20;
  int norm_level = 0;  // above 0 more and smaller pages, below 0 fewer

  bool operator==(const ContentPages&) const = default;
};

struct WriteOptions {
  Codec codec = Codec::kZstd;
  std::optional<int> level = {};  // of the codec; zstd's default here is 1
  int64_t row_group_rows = 1 << 20;
  int64_t memory = int64_t{512} << 20;  // bound on bytes buffered before a row group is cut short
  VerifyLevel verify = VerifyLevel::kFooter;
  bool parallel = true;  // encode the columns of a row group on several threads
  bool page_index = true;
  std::optional<ContentPages> content_pages = {};
  std::vector<std::string> sorted_by =
      {};  // columns that the rows are sorted by, ascending, declared in the footer
  // Columns whose times are stored in twelve bytes (INT96), as the files have them that these rows are from.
  std::vector<std::string> int96_columns = {};
  std::vector<std::pair<std::string, std::string>> metadata = {};  // key-value pairs of the footer

  bool operator==(const WriteOptions&) const = default;
};

// kInvalidInput for options with which no file can be written, whatever its columns are. Writers check them
// when they are made.
arrow::Status CheckWriteOptions(const WriteOptions& options);

struct WrittenFile {
  std::string path;
  int64_t rows = 0;
  int64_t bytes = 0;
  std::string digest;  // XXH3-128 of the whole file, hexadecimal
  std::vector<schema::ColumnStatistics> columns;
};

}  // namespace marquet::pq
