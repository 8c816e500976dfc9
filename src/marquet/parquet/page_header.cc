#include "marquet/parquet/page_header_internal.h"

#include <array>

#include "fmt/format.h"
#include "marquet/base/error.h"

namespace marquet::pq {
namespace {

// The compact protocol's type codes.
enum Type : uint8_t {
  kStop = 0,
  kTrue = 1,
  kFalse = 2,
  kByte = 3,
  kI16 = 4,
  kI32 = 5,
  kI64 = 6,
  kDouble = 7,
  kBinary = 8,
  kList = 9,
  kSet = 10,
  kMap = 11,
  kStruct = 12,
};

// Page headers nest two deep (statistics inside of a data page's header); unknown fields may go deeper.
constexpr int kDepthLimit = 16;

constexpr int32_t kLastEncoding = 9;  // BYTE_STREAM_SPLIT, the highest that parquet.thrift numbers

struct FieldHeader {
  uint8_t type = kStop;
  int32_t id = 0;
};

class CompactReader {
 public:
  explicit CompactReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  int64_t position() const { return static_cast<int64_t>(position_); }

  arrow::Status Broken(std::string_view what) const {
    return CorruptData(fmt::format("{} at byte {} of the page header", what, position_));
  }

  arrow::Result<uint8_t> Byte() {
    if (position_ == bytes_.size()) return Broken("the bytes end");
    return bytes_[position_++];
  }

  arrow::Result<uint64_t> Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      ARROW_ASSIGN_OR_RAISE(const uint8_t byte, Byte());
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return Broken("a number takes more than ten bytes");
  }

  arrow::Result<int64_t> Zigzag() {
    ARROW_ASSIGN_OR_RAISE(const uint64_t value, Varint());
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }

  arrow::Result<int32_t> Int32(std::string_view name) {
    ARROW_ASSIGN_OR_RAISE(const int64_t value, Zigzag());
    if (value < INT32_MIN || value > INT32_MAX) return Broken(fmt::format("{} is {}", name, value));
    return static_cast<int32_t>(value);
  }

  arrow::Result<FieldHeader> Field(int32_t previous) {
    ARROW_ASSIGN_OR_RAISE(const uint8_t byte, Byte());
    FieldHeader field{static_cast<uint8_t>(byte & 0x0f), previous + (byte >> 4)};
    if (byte == kStop) return FieldHeader{};
    if (field.type == kStop || field.type > kStruct) return Broken(fmt::format("type code {}", field.type));
    if (byte >> 4 == 0) {
      ARROW_ASSIGN_OR_RAISE(field.id, Int32("a field number"));
    }
    return field;
  }

  arrow::Status Skip(uint8_t type, int depth = 0) {
    if (depth == kDepthLimit) return Broken("structures nest too deep");
    switch (type) {
      case kTrue:
      case kFalse:
        return arrow::Status::OK();
      case kByte:
        return Byte().status();
      case kI16:
      case kI32:
      case kI64:
        return Varint().status();
      case kDouble:
        return Advance(8);
      case kBinary: {
        ARROW_ASSIGN_OR_RAISE(const uint64_t size, Varint());
        return Advance(size);
      }
      case kList:
      case kSet: {
        ARROW_ASSIGN_OR_RAISE(const uint8_t head, Byte());
        uint64_t count = head >> 4;
        if (count == 15) {
          ARROW_ASSIGN_OR_RAISE(count, Varint());
        }
        return SkipMany(count, head & 0x0f, 0, depth);
      }
      case kMap: {
        ARROW_ASSIGN_OR_RAISE(const uint64_t count, Varint());
        if (count == 0) return arrow::Status::OK();
        ARROW_ASSIGN_OR_RAISE(const uint8_t types, Byte());
        return SkipMany(count, types >> 4, types & 0x0f, depth);
      }
      case kStruct:
        for (int32_t id = 0;;) {
          ARROW_ASSIGN_OR_RAISE(const FieldHeader field, Field(id));
          if (field.type == kStop) return arrow::Status::OK();
          ARROW_RETURN_NOT_OK(Skip(field.type, depth + 1));
          id = field.id;
        }
      default:
        return Broken(fmt::format("type code {}", type));
    }
  }

 private:
  arrow::Status Advance(uint64_t size) {
    if (size > bytes_.size() - position_)
      return Broken(fmt::format("{} bytes are announced past the end", size));
    position_ += size;
    return arrow::Status::OK();
  }

  // Elements of a list (`second` 0), or pairs of a map. In containers a boolean takes a byte.
  arrow::Status SkipMany(uint64_t count, uint8_t first, uint8_t second, int depth) {
    if (count > bytes_.size() - position_) return Broken(fmt::format("{} elements are announced", count));
    const auto element = [](uint8_t type) { return type == kTrue || type == kFalse ? uint8_t{kByte} : type; };
    for (uint64_t i = 0; i < count; ++i) {
      ARROW_RETURN_NOT_OK(Skip(element(first), depth + 1));
      if (second != 0) ARROW_RETURN_NOT_OK(Skip(element(second), depth + 1));
    }
    return arrow::Status::OK();
  }

  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
};

// The part of a header that is of one kind of page: numbers, most of which must be there.
class KindFields {
 public:
  explicit KindFields(PageKind kind) : kind_(kind) {}

  arrow::Status Parse(CompactReader& in) {
    for (int32_t id = 0;;) {
      ARROW_ASSIGN_OR_RAISE(const FieldHeader field, in.Field(id));
      if (field.type == kStop) return arrow::Status::OK();
      id = field.id;
      if (id >= 1 && id <= kNumbers && field.type == kI32) {
        ARROW_ASSIGN_OR_RAISE(numbers_[id - 1], in.Int32("a number"));
      } else if (kind_ == PageKind::kDataV2 && id == kIsCompressed &&
                 (field.type == kTrue || field.type == kFalse)) {
        compressed_ = field.type == kTrue;
      } else {
        ARROW_RETURN_NOT_OK(in.Skip(field.type, 1));
      }
    }
  }

  arrow::Status Fill(const CompactReader& in, PageHeader* header) const {
    struct Number {
      int id;
      std::string_view name;
      int32_t* place;
      int32_t most = INT32_MAX;
    };
    const auto fill = [&](std::initializer_list<Number> numbers) -> arrow::Status {
      for (const Number& number : numbers) {
        const std::optional<int32_t>& found = numbers_[number.id - 1];
        if (found.value_or(-1) < 0 || *found > number.most) {
          return in.Broken(fmt::format("{} is {}", number.name, found.value_or(-1)));
        }
        *number.place = *found;
      }
      return arrow::Status::OK();
    };
    switch (kind_) {
      case PageKind::kData:
        return fill(
            {{1, "the number of values", &header->values},
             {2, "the encoding", &header->encoding, kLastEncoding},
             {3, "the definition levels' encoding", &header->definition_level_encoding, kLastEncoding},
             {4, "the repetition levels' encoding", &header->repetition_level_encoding, kLastEncoding}});
      case PageKind::kDictionary:
        return fill({{1, "the number of values", &header->values},
                     {2, "the encoding", &header->encoding, kLastEncoding}});
      case PageKind::kDataV2:
        header->values_compressed = compressed_;
        return fill({{1, "the number of values", &header->values},
                     {2, "the number of nulls", &header->nulls},
                     {3, "the number of rows", &header->rows},
                     {4, "the encoding", &header->encoding, kLastEncoding},
                     {5, "the definition levels' size", &header->definition_level_bytes},
                     {6, "the repetition levels' size", &header->repetition_level_bytes}});
      case PageKind::kIndex:
        return arrow::Status::OK();
    }
    return arrow::Status::OK();
  }

 private:
  static constexpr int kNumbers = 6;
  static constexpr int kIsCompressed = 7;

  const PageKind kind_;
  std::array<std::optional<int32_t>, kNumbers> numbers_;  // by field number, from 1
  bool compressed_ = true;
};

}  // namespace

arrow::Result<PageHeader> ParsePageHeader(std::span<const uint8_t> bytes) {
  CompactReader in(bytes);
  PageHeader header;
  std::optional<int32_t> kind, uncompressed, compressed;
  std::optional<KindFields> fields[4];  // by kind
  for (int32_t id = 0;;) {
    ARROW_ASSIGN_OR_RAISE(const FieldHeader field, in.Field(id));
    if (field.type == kStop) break;
    id = field.id;
    if (id == 1 && field.type == kI32) {
      ARROW_ASSIGN_OR_RAISE(kind, in.Int32("the page type"));
    } else if (id == 2 && field.type == kI32) {
      ARROW_ASSIGN_OR_RAISE(uncompressed, in.Int32("the uncompressed size"));
    } else if (id == 3 && field.type == kI32) {
      ARROW_ASSIGN_OR_RAISE(compressed, in.Int32("the compressed size"));
    } else if (id == 4 && field.type == kI32) {
      ARROW_ASSIGN_OR_RAISE(const int32_t crc, in.Int32("the CRC"));
      header.crc = static_cast<uint32_t>(crc);
    } else if ((id == 5 || id == 7 || id == 8) && field.type == kStruct) {
      const PageKind of = id == 5 ? PageKind::kData : id == 7 ? PageKind::kDictionary : PageKind::kDataV2;
      ARROW_RETURN_NOT_OK(fields[static_cast<int>(of)].emplace(of).Parse(in));
    } else {
      ARROW_RETURN_NOT_OK(in.Skip(field.type));
    }
  }
  if (!kind.has_value() || *kind < 0 || *kind > 3) {
    return in.Broken(fmt::format("the page type is {}", kind.value_or(-1)));
  }
  header.kind = static_cast<PageKind>(*kind);
  if (uncompressed.value_or(-1) < 0 || compressed.value_or(-1) < 0) {
    return in.Broken(
        fmt::format("the page's sizes are {} and {}", compressed.value_or(-1), uncompressed.value_or(-1)));
  }
  header.uncompressed_size = *uncompressed;
  header.compressed_size = *compressed;
  if (header.kind != PageKind::kIndex) {
    if (!fields[*kind].has_value()) return in.Broken("the part for the page's type is missing");
    ARROW_RETURN_NOT_OK(fields[*kind]->Fill(in, &header));
  }
  header.header_size = in.position();
  return header;
}

}  // namespace marquet::pq
