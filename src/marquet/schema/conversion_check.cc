#include "marquet/schema/conversion_check.h"

#include <algorithm>
#include <vector>

#include "arrow/array.h"
#include "arrow/extension_type.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "marquet/schema/value_hash.h"

namespace marquet::schema {
namespace {

using arrow::Type;

constexpr int64_t kSampleRows = 32;
constexpr int64_t kHashedRows = 1 << 12;  // at a time

struct LeafPair {
  LeafRoute given, converted;
};

const arrow::DataType& Unwrapped(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::DICTIONARY:
      return Unwrapped(*static_cast<const arrow::DictionaryType&>(type).value_type());
    case Type::RUN_END_ENCODED:
      return Unwrapped(*static_cast<const arrow::RunEndEncodedType&>(type).value_type());
    case Type::EXTENSION:
      return Unwrapped(*static_cast<const arrow::ExtensionType&>(type).storage_type());
    default:
      return type;
  }
}

bool IsBytes(Type::type id) {
  return arrow::is_base_binary_like(id) || id == Type::STRING_VIEW || id == Type::BINARY_VIEW ||
         id == Type::FIXED_SIZE_BINARY;
}

// Whether equal values hash alike.
bool IsOneKind(const arrow::DataType& a, const arrow::DataType& b) {
  if (IsBytes(a.id())) return IsBytes(b.id());
  if (arrow::is_integer(a.id())) return arrow::is_integer(b.id());
  if (arrow::is_floating(a.id())) return arrow::is_floating(b.id());
  if (arrow::is_decimal(a.id())) {
    return arrow::is_decimal(b.id()) && static_cast<const arrow::DecimalType&>(a).scale() ==
                                            static_cast<const arrow::DecimalType&>(b).scale();
  }
  if (a.id() == Type::DATE32 || a.id() == Type::DATE64) {
    return b.id() == Type::DATE32 || b.id() == Type::DATE64;
  }
  if (arrow::is_time(a.id())) return arrow::is_time(b.id());
  if (a.id() == Type::DURATION) return a.Equals(b);
  return a.id() == b.id();
}

void AddPairs(const arrow::DataType& given_type, const arrow::DataType& converted_type, bool entries,
              LeafPair* way, std::vector<LeafPair>* pairs) {
  const arrow::DataType& given = Unwrapped(given_type);
  const arrow::DataType& converted = Unwrapped(converted_type);
  if (given.id() == Type::STRUCT && converted.id() == Type::STRUCT) {
    for (int i = 0; i < given.num_fields(); ++i) {
      const int place =
          entries ? i
                  : static_cast<const arrow::StructType&>(converted).GetFieldIndex(given.field(i)->name());
      if (place < 0) continue;
      way->given.push_back(i);
      way->converted.push_back(place);
      AddPairs(*given.field(i)->type(), *converted.field(place)->type(), false, way, pairs);
      way->given.pop_back();
      way->converted.pop_back();
    }
  } else if (given.num_fields() == 1 && converted.num_fields() == 1) {  // lists of any kind, and maps
    AddPairs(*given.field(0)->type(), *converted.field(0)->type(), converted.id() == Type::MAP, way, pairs);
  } else if (given.num_fields() == 0 && converted.num_fields() == 0 && IsOneKind(given, converted)) {
    pairs->push_back(*way);
  }
}

}  // namespace

std::optional<int64_t> FirstChanged(const arrow::Array& given, const arrow::Array& converted, bool all) {
  std::vector<LeafPair> pairs;
  LeafPair way;
  AddPairs(*given.type(), *converted.type(), false, &way, &pairs);
  const int64_t length = given.length();
  const int64_t rows = all ? length : std::min(length, kSampleRows);
  const auto place = static_cast<int64_t>(CombineHashes(static_cast<uint64_t>(length), 1) >> 1);
  const int64_t first = place % (length - rows + 1);
  std::vector<uint64_t> expected, found;
  for (const LeafPair& pair : pairs) {
    for (int64_t done = 0; done < rows; done += kHashedRows) {
      const int64_t begin = first + done;
      const auto count = static_cast<size_t>(std::min(rows - done, kHashedRows));
      expected.resize(count);
      found.resize(count);
      HashLeaf(given, pair.given, begin, expected);
      HashLeaf(converted, pair.converted, begin, found);
      const auto at = std::mismatch(expected.begin(), expected.end(), found.begin()).first;
      if (at != expected.end()) return begin + (at - expected.begin());
    }
  }
  return std::nullopt;
}

}  // namespace marquet::schema
