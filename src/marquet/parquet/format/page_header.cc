#include "marquet/parquet/format/page_header_internal.h"

#include <array>

#include "fmt/format.h"
#include "marquet/parquet/format/compact_reader_internal.h"

namespace marquet::pq {
namespace {

using thrift::CompactReader;
using thrift::FieldHeader;
using enum thrift::Type;

constexpr int32_t kLastEncoding = 9;  // BYTE_STREAM_SPLIT, the highest that parquet.thrift numbers

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
  CompactReader in(bytes, "page header");
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
