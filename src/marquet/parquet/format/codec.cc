#include "marquet/parquet/format/codec_internal.h"

namespace marquet::pq {

::parquet::Compression::type ParquetCodec(Codec codec) {
  switch (codec) {
    case Codec::kNone:
      return ::parquet::Compression::UNCOMPRESSED;
    case Codec::kSnappy:
      return ::parquet::Compression::SNAPPY;
    case Codec::kZstd:
      return ::parquet::Compression::ZSTD;
    case Codec::kGzip:
      return ::parquet::Compression::GZIP;
    case Codec::kLz4:
      return ::parquet::Compression::LZ4;  // LZ4_RAW in the file
    case Codec::kBrotli:
      return ::parquet::Compression::BROTLI;
  }
  return ::parquet::Compression::UNCOMPRESSED;
}

}  // namespace marquet::pq
