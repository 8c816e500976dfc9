// Thrift's compact protocol, read field by field (thrift-compact-protocol.md).
//
// For the few structures that this room reads by itself because it must not trust them, or looks for where
// none may be. Nothing past the end of the bytes is touched, whatever they claim.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "fmt/format.h"
#include "marquet/base/error.h"

namespace marquet::pq::thrift {

// Type codes.
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

// Structures nest two or three deep; unknown fields may go deeper.
constexpr int kDepthLimit = 16;

struct FieldHeader {
  uint8_t type = kStop;
  int32_t id = 0;
};

class CompactReader {
 public:
  // `structure`: what is read, for errors; it must outlive the reader.
  CompactReader(std::span<const uint8_t> bytes, std::string_view structure)
      : bytes_(bytes), structure_(structure) {}

  int64_t position() const { return static_cast<int64_t>(position_); }

  arrow::Status Broken(std::string_view what) const {
    return CorruptData(fmt::format("{} at byte {} of the {}", what, position_, structure_));
  }

  arrow::Result<uint8_t> Byte() {
    if (position_ == bytes_.size()) return Broken("the bytes end");
    return bytes_[position_++];
  }

  arrow::Result<uint64_t> Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      ARROW_ASSIGN_OR_RAISE(const uint8_t byte, Byte());
      if (shift == 63 && byte > 1) break;
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return Broken("a number takes more than 64 bits");
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

  // Valid as long as the bytes are.
  arrow::Result<std::string_view> Text() {
    ARROW_ASSIGN_OR_RAISE(const uint64_t size, Varint());
    const size_t begin = position_;
    ARROW_RETURN_NOT_OK(Advance(size));
    return std::string_view(reinterpret_cast<const char*>(bytes_.data()) + begin, static_cast<size_t>(size));
  }

  arrow::Result<FieldHeader> Field(int32_t previous) {
    ARROW_ASSIGN_OR_RAISE(const uint8_t byte, Byte());
    if (byte == kStop) return FieldHeader{};
    FieldHeader field{static_cast<uint8_t>(byte & 0x0f), 0};
    if (field.type == kStop || field.type > kStruct) return Broken(fmt::format("type code {}", field.type));
    if (byte >> 4 == 0) {
      ARROW_ASSIGN_OR_RAISE(field.id, Int32("a field number"));
    } else if (__builtin_add_overflow(previous, byte >> 4, &field.id)) {
      return Broken("a field number takes more than 32 bits");
    }
    return field;
  }

  // Over so many bytes.
  arrow::Status Advance(uint64_t size) {
    if (size > bytes_.size() - position_)
      return Broken(fmt::format("{} bytes are announced past the end", size));
    position_ += size;
    return arrow::Status::OK();
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
  std::string_view structure_;
  size_t position_ = 0;
};

}  // namespace marquet::pq::thrift
