#include "marquet/parquet/format/options.h"

#include <array>

#include "arrow/util/compression.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/parquet/format/arrow_schema_internal.h"
#include "marquet/parquet/format/codec_internal.h"

namespace marquet::pq {
namespace {

constexpr std::array<std::pair<std::string_view, Codec>, 6> kCodecs = {{{"zstd", Codec::kZstd},
                                                                        {"snappy", Codec::kSnappy},
                                                                        {"gzip", Codec::kGzip},
                                                                        {"lz4", Codec::kLz4},
                                                                        {"brotli", Codec::kBrotli},
                                                                        {"none", Codec::kNone}}};

// Below this no row group could hold a page of each of many columns.
constexpr int64_t kLeastWriteMemory = int64_t{1} << 20;

arrow::Status CheckLevel(const WriteOptions& options) {
  if (!options.level.has_value()) return arrow::Status::OK();
  const auto codec = ParquetCodec(options.codec);
  if (!arrow::util::Codec::SupportsCompressionLevel(codec)) {
    return InvalidInput(fmt::format("codec {} takes no level", CodecName(options.codec)));
  }
  ARROW_ASSIGN_OR_RAISE(const int least, arrow::util::Codec::MinimumCompressionLevel(codec));
  ARROW_ASSIGN_OR_RAISE(const int most, arrow::util::Codec::MaximumCompressionLevel(codec));
  if (*options.level >= least && *options.level <= most) return arrow::Status::OK();
  return InvalidInput(fmt::format("level {} of codec {}; expected {} to {}", *options.level,
                                  CodecName(options.codec), least, most));
}

}  // namespace

arrow::Result<Codec> ParseCodec(std::string_view name) {
  for (const auto& [known, codec] : kCodecs) {
    if (known == name) return codec;
  }
  return InvalidInput(
      fmt::format("unknown codec '{}'; expected zstd, snappy, gzip, lz4, brotli or none", name));
}

std::string_view CodecName(Codec codec) {
  for (const auto& [name, known] : kCodecs) {
    if (known == codec) return name;
  }
  return "unknown";
}

arrow::Result<VerifyLevel> ParseVerifyLevel(std::string_view name) {
  if (name == "footer") return VerifyLevel::kFooter;
  if (name == "crc") return VerifyLevel::kCrc;
  if (name == "full") return VerifyLevel::kFull;
  return InvalidInput(fmt::format("unknown verify level '{}'; expected footer, crc or full", name));
}

arrow::Status CheckWriteOptions(const WriteOptions& options) {
  if (options.row_group_rows <= 0) {
    return InvalidInput(fmt::format("row_group_rows (row_group_size in Python) is {}; expected at least 1",
                                    options.row_group_rows));
  }
  if (options.memory < kLeastWriteMemory) {
    return InvalidInput(fmt::format("memory is {} bytes; expected at least {} ({})", options.memory,
                                    kLeastWriteMemory, HumanBytes(kLeastWriteMemory)));
  }
  if (const auto& pages = options.content_pages) {
    if (pages->min_bytes < 1 || pages->max_bytes <= pages->min_bytes) {
      return InvalidInput(
          fmt::format("content-defined pages of {} to {} bytes; expected at least 1, and more",
                      pages->min_bytes, pages->max_bytes));
    }
  }
  for (const auto& [key, value] : options.metadata) {
    if (key == kArrowSchemaKey) {
      return InvalidInput(
          fmt::format("the metadata has the key '{}', under which Arrow's schema is kept", key),
          "Give it another name.");
    }
  }
  return CheckLevel(options);
}

}  // namespace marquet::pq
