#include "marquet/parquet/format/between_chunks_internal.h"

#include <optional>

#include "marquet/parquet/format/compact_reader_internal.h"

namespace marquet::pq {
namespace {

using arrow::Compression;
using thrift::CompactReader;
using thrift::FieldHeader;
using enum thrift::Type;

arrow::Result<Compression::type> CodecOf(const CompactReader& in, int32_t number) {
  switch (number) {
    case 0:
      return Compression::UNCOMPRESSED;
    case 1:
      return Compression::SNAPPY;
    case 2:
      return Compression::GZIP;
    case 4:
      return Compression::BROTLI;
    case 5:
      return Compression::LZ4_HADOOP;
    case 6:
      return Compression::ZSTD;
    case 7:
      return Compression::LZ4;
    default:
      return in.Broken(fmt::format("the codec is {}", number));
  }
}

arrow::Status ParsePath(CompactReader& in, std::vector<std::string>* path) {
  ARROW_ASSIGN_OR_RAISE(const uint8_t head, in.Byte());
  uint64_t count = head >> 4;
  if (count == 15) {
    ARROW_ASSIGN_OR_RAISE(count, in.Varint());
  }
  if ((head & 0x0f) != kBinary) return in.Broken("the path is not a list of names");
  for (uint64_t i = 0; i < count; ++i) {
    ARROW_ASSIGN_OR_RAISE(const std::string_view name, in.Text());
    path->emplace_back(name);
  }
  return arrow::Status::OK();
}

arrow::Result<ChunkTrailer> ParseColumnMetadata(CompactReader& in, FieldHeader field) {
  ChunkTrailer found;
  std::optional<int32_t> type, codec;
  std::optional<int64_t> values;
  bool has_data_page = false;
  for (;;) {
    if (field.type == kStop) break;
    if (field.id == 1 && field.type == kI32) {
      ARROW_ASSIGN_OR_RAISE(type, in.Int32("the physical type"));
    } else if (field.id == 3 && field.type == kList) {
      ARROW_RETURN_NOT_OK(ParsePath(in, &found.path));
    } else if (field.id == 4 && field.type == kI32) {
      ARROW_ASSIGN_OR_RAISE(codec, in.Int32("the codec"));
    } else if (field.id == 5 && field.type == kI64) {
      ARROW_ASSIGN_OR_RAISE(values, in.Zigzag());
    } else if (field.id == 9 && field.type == kI64) {
      has_data_page = true;
      ARROW_RETURN_NOT_OK(in.Skip(field.type));
    } else {
      ARROW_RETURN_NOT_OK(in.Skip(field.type));
    }
    ARROW_ASSIGN_OR_RAISE(field, in.Field(field.id));
  }
  if (!type || !codec || !values || !has_data_page || found.path.empty()) {
    return in.Broken("a field that must be there is missing");
  }
  found.physical_type = *type;
  ARROW_ASSIGN_OR_RAISE(found.codec, CodecOf(in, *codec));
  found.values = *values;
  return found;
}

}  // namespace

arrow::Result<ChunkTrailer> ParseChunkTrailer(std::span<const uint8_t> bytes) {
  CompactReader in(bytes, "column metadata");
  ARROW_ASSIGN_OR_RAISE(FieldHeader field, in.Field(0));
  if (field.id == 1 && field.type == kI32) {
    ARROW_ASSIGN_OR_RAISE(ChunkTrailer found, ParseColumnMetadata(in, field));
    found.size = in.position();
    return found;
  }
  std::optional<ChunkTrailer> framed;
  while (field.type != kStop) {
    if (field.id == 3 && field.type == kStruct) {
      ARROW_ASSIGN_OR_RAISE(const FieldHeader first, in.Field(0));
      ARROW_ASSIGN_OR_RAISE(framed, ParseColumnMetadata(in, first));
    } else {
      ARROW_RETURN_NOT_OK(in.Skip(field.type));
    }
    ARROW_ASSIGN_OR_RAISE(field, in.Field(field.id));
  }
  if (!framed) return in.Broken("no metadata in it");
  framed->size = in.position();
  return *std::move(framed);
}

arrow::Result<int64_t> ParseBloomFilterSize(std::span<const uint8_t> bytes) {
  CompactReader in(bytes, "Bloom filter header");
  int32_t size = -1;
  int structures = 0;
  for (int32_t id = 0;;) {
    ARROW_ASSIGN_OR_RAISE(const FieldHeader field, in.Field(id));
    if (field.type == kStop) break;
    id = field.id;
    if (id == 1 && field.type == kI32) {
      ARROW_ASSIGN_OR_RAISE(size, in.Int32("the size"));
    } else if (id >= 2 && id <= 4 && field.type == kStruct) {
      ++structures;  // algorithm, hash, compression
      ARROW_RETURN_NOT_OK(in.Skip(field.type));
    } else {
      return in.Broken("an unknown field");
    }
  }
  if (size <= 0 || structures != 3) return in.Broken("a field that must be there is missing");
  return in.position() + size;
}

}  // namespace marquet::pq
