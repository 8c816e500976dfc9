#include "marquet/parquet/decode/page_content_internal.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "fmt/format.h"
#include "marquet/parquet/decode/hybrid_decoder_internal.h"
#include "marquet/parquet/decode/page_end_internal.h"
#include "marquet/parquet/format/leaf_type_internal.h"
#include "parquet/column_reader.h"
#include "parquet/encoding.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

using ::parquet::Encoding;
using ::parquet::Type;

constexpr int kBatch = 1 << 12;  // values decoded at a time

template <typename... Args>
arrow::Status Differs(fmt::format_string<Args...> format, Args&&... args) {
  return arrow::Status::IOError(fmt::format(format, std::forward<Args>(args)...));
}

struct Levels {
  int64_t rows = 0;
  bool begins_row = true;
  int64_t defined = 0;
};

// Counts levels that are `level`, of `values`; kIOError when there are fewer.
arrow::Result<int64_t> CountLevel(::parquet::LevelDecoder& levels, int16_t level, int32_t values) {
  int64_t found = 0;
  for (int32_t left = values; left > 0;) {
    const auto counted = levels.CountUpTo(level, left);
    if (counted.processed_count <= 0) {
      return Differs("has levels for {} of {} values", values - left, values);
    }
    found += counted.matching_count;
    left -= counted.processed_count;
  }
  return found;
}

arrow::Status CountRows(::parquet::LevelDecoder& levels, int32_t values, Levels* found) {
  if (values == 0) return arrow::Status::OK();
  int16_t first = 0;
  if (levels.Decode(1, &first) != 1) return Differs("has no levels for its {} values", values);
  found->begins_row = first == 0;
  ARROW_ASSIGN_OR_RAISE(found->rows, CountLevel(levels, 0, values - 1));
  found->rows += first == 0 ? 1 : 0;
  return arrow::Status::OK();
}

// Takes the levels from the front of the page's body.
arrow::Result<Levels> ReadLevels(const PageHeader& header, const ::parquet::ColumnDescriptor& column,
                                 std::span<const uint8_t>* body) {
  Levels found;
  found.rows = found.defined = header.values;
  ::parquet::LevelDecoder levels;
  const auto begin = [&](int16_t most, int32_t encoding, int32_t bytes) -> arrow::Status {
    if (header.kind == PageKind::kDataV2) {
      if (static_cast<size_t>(bytes) > body->size()) return Differs("ends within its levels");
      levels.SetDataV2(bytes, most, header.values, body->data());
      *body = body->subspan(static_cast<size_t>(bytes));
      return arrow::Status::OK();
    }
    const int used = levels.SetData(static_cast<Encoding::type>(encoding), most, header.values, body->data(),
                                    static_cast<int32_t>(body->size()));
    *body = body->subspan(static_cast<size_t>(used));
    return arrow::Status::OK();
  };
  if (column.max_repetition_level() > 0) {
    ARROW_RETURN_NOT_OK(begin(column.max_repetition_level(), header.repetition_level_encoding,
                              header.repetition_level_bytes));
    ARROW_RETURN_NOT_OK(CountRows(levels, header.values, &found));
  } else {
    *body = body->subspan(std::min(body->size(), static_cast<size_t>(header.repetition_level_bytes)));
  }
  if (column.max_definition_level() > 0) {
    ARROW_RETURN_NOT_OK(begin(column.max_definition_level(), header.definition_level_encoding,
                              header.definition_level_bytes));
    ARROW_ASSIGN_OR_RAISE(found.defined, CountLevel(levels, column.max_definition_level(), header.values));
  } else {
    *body = body->subspan(std::min(body->size(), static_cast<size_t>(header.definition_level_bytes)));
  }
  if (header.kind == PageKind::kDataV2 && found.rows != header.rows) {
    return Differs("says {} rows; its levels tell of {}", header.rows, found.rows);
  }
  if (column.max_definition_level() == 0 && header.nulls > 0) {
    return Differs("has {} nulls, and its column can have none", header.nulls);
  }
  return found;
}

arrow::Status CheckStrings(std::span<const uint8_t> bytes, int64_t values) {
  for (int64_t i = 0; i < values; ++i) {
    uint32_t length = 0;
    if (bytes.size() < sizeof length) return Differs("ends after {} of {} strings", i, values);
    std::memcpy(&length, bytes.data(), sizeof length);
    bytes = bytes.subspan(sizeof length);
    if (length > bytes.size()) {
      return Differs("string {} of {} is {} bytes long, and {} are left", i, values, length, bytes.size());
    }
    bytes = bytes.subspan(length);
  }
  if (!bytes.empty()) return Differs("{} bytes are left behind {} strings", bytes.size(), values);
  return arrow::Status::OK();
}

arrow::Status CheckPlain(const ::parquet::ColumnDescriptor& column, std::span<const uint8_t> bytes,
                         int64_t values) {
  if (column.physical_type() == Type::BYTE_ARRAY) return CheckStrings(bytes, values);
  const int64_t width = PlainWidth(column);
  const int64_t expected = column.physical_type() == Type::BOOLEAN ? (values + 7) / 8 : values * width;
  const auto found = static_cast<int64_t>(bytes.size());
  if (found == expected) return arrow::Status::OK();
  return Differs("{} values take {} bytes; expected {}", values, found, expected);
}

arrow::Status CheckIndices(std::span<const uint8_t> bytes, int64_t values, int64_t dictionary_values) {
  if (dictionary_values < 0) return Differs("needs a dictionary, and its column chunk has none");
  if (values == 0) return arrow::Status::OK();
  const int width = bytes.empty() ? 33 : bytes[0];
  if (width > 32) return Differs("dictionary indices of {} bits", width);
  HybridDecoder indices;
  indices.Reset(bytes.subspan(1), width);
  while (values > 0) {
    const HybridDecoder::Stretch stretch = indices.Next(values);
    if (stretch.values == 0) return Differs("the dictionary indices end {} values too early", values);
    uint32_t greatest = stretch.repeated;
    if (stretch.bytes != nullptr) {
      greatest = *std::max_element(stretch.bytes, stretch.bytes + stretch.values);
    } else if (stretch.pairs != nullptr) {
      greatest = GreatestPair(stretch.pairs, stretch.values);
    } else if (stretch.words != nullptr) {
      greatest = GreatestWord(stretch.words, stretch.values);
    }
    if (greatest >= dictionary_values) {
      return Differs("index {} into a dictionary of {} values", greatest, dictionary_values);
    }
    values -= stretch.values;
  }
  return CheckUsedUp(indices.UnusedBytes());
}

// The bytes that values take whose size is part of what is encoded.
arrow::Result<int64_t> BytesOf(Encoding::type encoding, std::span<const uint8_t> bytes, int64_t values) {
  switch (encoding) {
    case Encoding::DELTA_BINARY_PACKED:
      return DeltaBytes(bytes, values);
    case Encoding::DELTA_LENGTH_BYTE_ARRAY:
      return DeltaLengthBytes(bytes, values);
    case Encoding::DELTA_BYTE_ARRAY:
      return DeltaStringBytes(bytes, values);
    default:  // booleans as runs, behind their size
      uint32_t size = 0;
      if (bytes.size() < sizeof size) return Differs("ends before its values");
      std::memcpy(&size, bytes.data(), sizeof size);
      return int64_t{size} + static_cast<int64_t>(sizeof size);
  }
}

// For encodings whose size cannot be foretold: Arrow's own decoder.
template <typename DType>
arrow::Status Decode(const ::parquet::ColumnDescriptor& column, Encoding::type encoding,
                     std::span<const uint8_t> bytes, int32_t levels, int64_t values) {
  const auto decoder = ::parquet::MakeTypedDecoder<DType>(encoding, &column);
  decoder->SetData(levels, bytes.data(), static_cast<int>(bytes.size()));
  const auto out = std::make_unique<typename DType::c_type[]>(kBatch);
  for (int64_t left = values; left > 0;) {
    const int step = static_cast<int>(std::min<int64_t>(left, kBatch));
    const int decoded = decoder->Decode(out.get(), step);
    if (decoded != step) return Differs("the values end after {} of {}", values - left + decoded, values);
    left -= step;
  }
  return arrow::Status::OK();
}

arrow::Status Decode(const ::parquet::ColumnDescriptor& column, Encoding::type encoding,
                     std::span<const uint8_t> bytes, int32_t levels, int64_t values) {
  switch (column.physical_type()) {
    case Type::BOOLEAN:
      return Decode<::parquet::BooleanType>(column, encoding, bytes, levels, values);
    case Type::INT32:
      return Decode<::parquet::Int32Type>(column, encoding, bytes, levels, values);
    case Type::INT64:
      return Decode<::parquet::Int64Type>(column, encoding, bytes, levels, values);
    case Type::BYTE_ARRAY:
      return Decode<::parquet::ByteArrayType>(column, encoding, bytes, levels, values);
    case Type::FIXED_LEN_BYTE_ARRAY:
      return Decode<::parquet::FLBAType>(column, encoding, bytes, levels, values);
    default:
      return Differs("the encoding is {}", ::parquet::EncodingToString(encoding));
  }
}

arrow::Status CheckValues(const Page& page, const ::parquet::ColumnDescriptor& column,
                          std::span<const uint8_t> bytes, int64_t values, int64_t dictionary_values) {
  const auto encoding = static_cast<Encoding::type>(page.header.encoding);
  if (!TakesEncoding(column, encoding)) {
    return Differs("the encoding is {}", ::parquet::EncodingToString(encoding));
  }
  switch (encoding) {
    case Encoding::PLAIN:
      return CheckPlain(column, bytes, values);
    case Encoding::RLE_DICTIONARY:
    case Encoding::PLAIN_DICTIONARY:
      return CheckIndices(bytes, values, dictionary_values);
    case Encoding::BYTE_STREAM_SPLIT:
      return CheckPlain(column, bytes, values);  // the same bytes in another order
    default:
      if (values == 0) return arrow::Status::OK();
      ARROW_RETURN_NOT_OK(Decode(column, encoding, bytes, page.header.values, values));
      ARROW_ASSIGN_OR_RAISE(const int64_t used, BytesOf(encoding, bytes, values));
      return CheckUsedUp(static_cast<int64_t>(bytes.size()) - used);
  }
}

}  // namespace

arrow::Result<PageRowCount> CheckContent(const Page& page, const ::parquet::ColumnDescriptor& column,
                                         int64_t dictionary_values) {
  std::span<const uint8_t> body = page.body;
  if (page.header.kind == PageKind::kDictionary) {
    const int32_t encoding = page.header.encoding;
    if (encoding != Encoding::PLAIN && encoding != Encoding::PLAIN_DICTIONARY) {
      return Differs("the dictionary's encoding is {}", encoding);
    }
    // Old writers put a byte where there are no values.
    if (page.header.values > 0) ARROW_RETURN_NOT_OK(CheckPlain(column, body, page.header.values));
    return PageRowCount{};
  }
  if (page.header.values == 0) return PageRowCount{};
  ARROW_ASSIGN_OR_RAISE(const Levels levels, ReadLevels(page.header, column, &body));
  if (IsAlwaysNull(column) && levels.defined > 0) {
    return Differs("holds {} values; the column's type is that of nulls alone", levels.defined);
  }
  ARROW_RETURN_NOT_OK(CheckValues(page, column, body, levels.defined, dictionary_values));
  return PageRowCount{levels.rows, levels.begins_row};
}

}  // namespace marquet::pq
