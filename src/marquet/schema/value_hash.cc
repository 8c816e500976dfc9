#include "marquet/schema/value_hash.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>

#include "arrow/array.h"
#include "arrow/extension_type.h"
#include "arrow/type.h"
#include "arrow/util/float16.h"
#include "arrow/util/ree_util.h"
#include "marquet/base/hash.h"
#include "marquet/base/time.h"

namespace marquet::schema {
namespace {

using arrow::Type;
using Hashes = std::span<uint64_t>;
using Route = std::span<const int>;

constexpr uint64_t kNull = 0x6E756C6C6E756C6C;
constexpr uint64_t kStruct = 0x7374727563747374;
constexpr uint64_t kList = 0x6C6973746C697374;
constexpr uint64_t kNaN = 0x6E616E6E616E6E61;
constexpr uint64_t kUnknown = 0x756E6B6E6F776E21;

// Of splitmix64.
uint64_t HashWord(uint64_t word) {
  word += 0x9E3779B97F4A7C15;
  word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9;
  word = (word ^ word >> 27) * 0x94D049BB133111EB;
  return word ^ word >> 31;
}

// Conversions may change a NaN's other bits.
uint64_t HashDouble(double value) {
  return std::isnan(value) ? kNaN : HashWord(std::bit_cast<uint64_t>(value));
}

// A count of small units: nanoseconds do not fit 64 bits for every time.
uint64_t HashTime(int64_t value, int64_t units) {
  const __int128 product = static_cast<__int128>(value) * units;
  return CombineHashes(static_cast<uint64_t>(product), static_cast<uint64_t>(product >> 64));
}

// A two's complement number of any width as one of 256 bits.
uint64_t HashWide(const uint8_t* bytes, int width) {
  uint64_t words[4];
  std::memset(words, (bytes[width - 1] & 0x80) != 0 ? 0xFF : 0, sizeof words);
  std::memcpy(words, bytes, static_cast<size_t>(width));
  uint64_t hash = 0;
  for (const uint64_t word : words) hash = CombineHashes(hash, word);
  return hash;
}

template <typename Hash>
void Fill(const arrow::Array& array, int64_t begin, Hashes hashes, const Hash& hash) {
  const auto count = static_cast<int64_t>(hashes.size());
  if (array.null_bitmap_data() == nullptr) {
    for (int64_t i = 0; i < count; ++i) hashes[static_cast<size_t>(i)] = hash(begin + i);
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    hashes[static_cast<size_t>(i)] = array.IsNull(begin + i) ? kNull : hash(begin + i);
  }
}

template <typename ArrayType>
void FillIntegers(const arrow::Array& array, int64_t begin, Hashes hashes) {
  const auto* values = static_cast<const ArrayType&>(array).raw_values();
  Fill(array, begin, hashes, [&](int64_t i) { return HashWord(static_cast<uint64_t>(values[i])); });
}

template <typename ArrayType>
void FillTimes(const arrow::Array& array, int64_t begin, Hashes hashes, int64_t units) {
  const auto* values = static_cast<const ArrayType&>(array).raw_values();
  Fill(array, begin, hashes, [&](int64_t i) { return HashTime(values[i], units); });
}

template <typename ArrayType>
void FillText(const arrow::Array& array, int64_t begin, Hashes hashes) {
  const auto& values = static_cast<const ArrayType&>(array);
  Fill(array, begin, hashes, [&](int64_t i) {
    const std::string_view value = values.GetView(i);
    return HashWord(Xxh3Hash64(value));
  });
}

void FillRows(const arrow::Array& array, Route route, int64_t begin, Hashes hashes);

template <typename ListArray>
void FillLists(const arrow::Array& array, Route route, int64_t begin, Hashes hashes) {
  const auto& lists = static_cast<const ListArray&>(array);
  const arrow::Array& values = *lists.values();
  std::vector<uint64_t> items;
  Fill(array, begin, hashes, [&](int64_t i) {
    items.resize(static_cast<size_t>(lists.value_length(i)));
    if (!items.empty()) FillRows(values, route, lists.value_offset(i), items);
    uint64_t hash = CombineHashes(kList, items.size());
    for (const uint64_t item : items) hash = CombineHashes(hash, item);
    return hash;
  });
}

void FillStructs(const arrow::Array& array, Route route, int64_t begin, Hashes hashes) {
  const auto& rows = static_cast<const arrow::StructArray&>(array);
  FillRows(*rows.field(route[0]), route.subspan(1), begin, hashes);
  for (size_t i = 0; i < hashes.size(); ++i) {
    const bool null = rows.IsNull(begin + static_cast<int64_t>(i));
    hashes[i] = null ? kNull : CombineHashes(kStruct, hashes[i]);
  }
}

void FillDictionary(const arrow::Array& array, Route route, int64_t begin, Hashes hashes) {
  const auto& encoded = static_cast<const arrow::DictionaryArray&>(array);
  const arrow::Array& dictionary = *encoded.dictionary();
  const auto entries = static_cast<size_t>(dictionary.length());
  std::vector<uint64_t> known(entries <= hashes.size() ? entries : 0);
  if (!known.empty()) FillRows(dictionary, route, 0, known);
  Fill(array, begin, hashes, [&](int64_t i) {
    const int64_t index = encoded.GetValueIndex(i);
    if (!known.empty()) return known[static_cast<size_t>(index)];
    uint64_t hash = 0;
    FillRows(dictionary, route, index, Hashes(&hash, 1));
    return hash;
  });
}

void FillRuns(const arrow::Array& array, Route route, int64_t begin, Hashes hashes) {
  const auto& encoded = static_cast<const arrow::RunEndEncodedArray&>(array);
  const arrow::Array& values = *encoded.values();
  const arrow::ArraySpan span(*array.data());
  int64_t last = -1;
  for (size_t i = 0; i < hashes.size(); ++i) {
    const int64_t row = begin + static_cast<int64_t>(i);
    const int64_t run = arrow::ree_util::FindPhysicalIndex(span, row, array.offset());
    if (run == last) {
      hashes[i] = hashes[i - 1];
    } else {
      FillRows(values, route, run, hashes.subspan(i, 1));
    }
    last = run;
  }
}

void FillWide(const arrow::Array& array, int64_t begin, Hashes hashes) {
  const auto& values = static_cast<const arrow::FixedSizeBinaryArray&>(array);
  const int width = values.byte_width();
  Fill(array, begin, hashes, [&](int64_t i) { return HashWide(values.GetValue(i), width); });
}

void FillRows(const arrow::Array& array, Route route, int64_t begin, Hashes hashes) {
  const arrow::DataType& type = *array.type();
  switch (type.id()) {
    case Type::NA:
      std::fill(hashes.begin(), hashes.end(), kNull);
      return;
    case Type::BOOL: {
      const auto& values = static_cast<const arrow::BooleanArray&>(array);
      return Fill(array, begin, hashes, [&](int64_t i) { return HashWord(values.Value(i) ? 1 : 0); });
    }
    case Type::INT8:
      return FillIntegers<arrow::Int8Array>(array, begin, hashes);
    case Type::INT16:
      return FillIntegers<arrow::Int16Array>(array, begin, hashes);
    case Type::INT32:
      return FillIntegers<arrow::Int32Array>(array, begin, hashes);
    case Type::INT64:
      return FillIntegers<arrow::Int64Array>(array, begin, hashes);
    case Type::UINT8:
      return FillIntegers<arrow::UInt8Array>(array, begin, hashes);
    case Type::UINT16:
      return FillIntegers<arrow::UInt16Array>(array, begin, hashes);
    case Type::UINT32:
      return FillIntegers<arrow::UInt32Array>(array, begin, hashes);
    case Type::UINT64:
      return FillIntegers<arrow::UInt64Array>(array, begin, hashes);
    case Type::HALF_FLOAT: {
      const auto* values = static_cast<const arrow::HalfFloatArray&>(array).raw_values();
      return Fill(array, begin, hashes, [&](int64_t i) {
        return HashDouble(arrow::util::Float16::FromBits(values[i]).ToDouble());
      });
    }
    case Type::FLOAT: {
      const auto* values = static_cast<const arrow::FloatArray&>(array).raw_values();
      return Fill(array, begin, hashes, [&](int64_t i) { return HashDouble(values[i]); });
    }
    case Type::DOUBLE: {
      const auto* values = static_cast<const arrow::DoubleArray&>(array).raw_values();
      return Fill(array, begin, hashes, [&](int64_t i) { return HashDouble(values[i]); });
    }
    case Type::DATE32:
      return FillTimes<arrow::Date32Array>(array, begin, hashes, 86'400'000);
    case Type::DATE64:
      return FillTimes<arrow::Date64Array>(array, begin, hashes, 1);
    case Type::TIME32:
      return FillTimes<arrow::Time32Array>(array, begin, hashes,
                                           NanosPerUnit(static_cast<const arrow::TimeType&>(type).unit()));
    case Type::TIME64:
      return FillTimes<arrow::Time64Array>(array, begin, hashes,
                                           NanosPerUnit(static_cast<const arrow::TimeType&>(type).unit()));
    case Type::TIMESTAMP:
      return FillTimes<arrow::TimestampArray>(
          array, begin, hashes, NanosPerUnit(static_cast<const arrow::TimestampType&>(type).unit()));
    case Type::DURATION:  // which Parquet has as integers
      return FillIntegers<arrow::DurationArray>(array, begin, hashes);
    case Type::DECIMAL32:
    case Type::DECIMAL64:
    case Type::DECIMAL128:
    case Type::DECIMAL256:
      return FillWide(array, begin, hashes);
    case Type::STRING:
    case Type::BINARY:
      return FillText<arrow::BinaryArray>(array, begin, hashes);
    case Type::LARGE_STRING:
    case Type::LARGE_BINARY:
      return FillText<arrow::LargeBinaryArray>(array, begin, hashes);
    case Type::STRING_VIEW:
    case Type::BINARY_VIEW:
      return FillText<arrow::BinaryViewArray>(array, begin, hashes);
    case Type::FIXED_SIZE_BINARY:
      return FillText<arrow::FixedSizeBinaryArray>(array, begin, hashes);
    case Type::LIST:
    case Type::MAP:
      return FillLists<arrow::ListArray>(array, route, begin, hashes);
    case Type::LARGE_LIST:
      return FillLists<arrow::LargeListArray>(array, route, begin, hashes);
    case Type::LIST_VIEW:
      return FillLists<arrow::ListViewArray>(array, route, begin, hashes);
    case Type::LARGE_LIST_VIEW:
      return FillLists<arrow::LargeListViewArray>(array, route, begin, hashes);
    case Type::FIXED_SIZE_LIST:
      return FillLists<arrow::FixedSizeListArray>(array, route, begin, hashes);
    case Type::STRUCT:
      return FillStructs(array, route, begin, hashes);
    case Type::DICTIONARY:
      return FillDictionary(array, route, begin, hashes);
    case Type::RUN_END_ENCODED:
      return FillRuns(array, route, begin, hashes);
    case Type::EXTENSION:
      return FillRows(*static_cast<const arrow::ExtensionArray&>(array).storage(), route, begin, hashes);
    default:
      std::fill(hashes.begin(), hashes.end(), kUnknown);
  }
}

void AddRoutes(const arrow::DataType& type, LeafRoute* route, std::vector<LeafRoute>* routes) {
  switch (type.id()) {
    case Type::DICTIONARY:
      return AddRoutes(*static_cast<const arrow::DictionaryType&>(type).value_type(), route, routes);
    case Type::RUN_END_ENCODED:
      return AddRoutes(*static_cast<const arrow::RunEndEncodedType&>(type).value_type(), route, routes);
    case Type::EXTENSION:
      return AddRoutes(*static_cast<const arrow::ExtensionType&>(type).storage_type(), route, routes);
    case Type::STRUCT:
      for (int i = 0; i < type.num_fields(); ++i) {
        route->push_back(i);
        AddRoutes(*type.field(i)->type(), route, routes);
        route->pop_back();
      }
      return;
    default:
      if (arrow::is_list_like(type.id()) || arrow::is_list_view(type.id())) {
        return AddRoutes(*type.field(0)->type(), route, routes);
      }
      routes->push_back(*route);
  }
}

}  // namespace

uint64_t CombineHashes(uint64_t first, uint64_t second) {
  return HashWord(first * 0x9E3779B97F4A7C15 + std::rotl(second, 29));
}

std::vector<LeafRoute> LeafRoutes(const arrow::DataType& type) {
  std::vector<LeafRoute> routes;
  LeafRoute route;
  AddRoutes(type, &route, &routes);
  return routes;
}

void HashLeaf(const arrow::Array& column, const LeafRoute& route, int64_t begin, std::span<uint64_t> hashes) {
  FillRows(column, route, begin, hashes);
}

}  // namespace marquet::schema
