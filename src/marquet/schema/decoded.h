// Arrays in the form that holds each value directly: what encoders, casts and checks then need to know.
//
// Arrow has several layouts for one value: dictionaries (of anything, with nulls among the indices and among
// the values), runs, views of text and of lists, lists of a fixed size; and lists whose null rows still have
// items behind them. Here all of them become plain text and bytes, lists of rows that lie one after the
// other, and null where the row is null by whichever of its parts.
//
// Thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace marquet::schema {

// The type of decoded arrays of `type`; the same pointer where that is its own decoded form. Unions stay as
// they are.
std::shared_ptr<arrow::DataType> DecodedType(const std::shared_ptr<arrow::DataType>& type);
std::shared_ptr<arrow::Schema> DecodedSchema(const std::shared_ptr<arrow::Schema>& schema);

// The same values in the decoded type; the array itself where it is decoded already, and parts that are so
// are shared. Errors are Arrow's: an index beyond its dictionary, more text than an array holds, a null among
// the keys of a map.
arrow::Result<std::shared_ptr<arrow::Array>> Decode(const std::shared_ptr<arrow::Array>& array);

// The first entry of a map that is null or whose key is; Arrow ends the process where a map is made of such.
// `entries`: structs of key and value, decoded.
std::optional<int64_t> EntryWithoutKey(const arrow::Array& entries);

}  // namespace marquet::schema
