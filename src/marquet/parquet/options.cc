#include "marquet/parquet/options.h"

#include <array>

#include "fmt/format.h"
#include "marquet/base/error.h"

namespace marquet::pq {
namespace {

constexpr std::array<std::pair<std::string_view, Codec>, 6> kCodecs = {{{"zstd", Codec::kZstd},
                                                                        {"snappy", Codec::kSnappy},
                                                                        {"gzip", Codec::kGzip},
                                                                        {"lz4", Codec::kLz4},
                                                                        {"brotli", Codec::kBrotli},
                                                                        {"none", Codec::kNone}}};

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

}  // namespace marquet::pq
