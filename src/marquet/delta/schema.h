// Delta's JSON schemas, to and from Arrow. Source: the Delta Transaction Log Protocol, "Schema Serialization
// Format".
//
// byte int8, short int16, integer int32, long int64, float, double, decimal(p,s), string utf8, binary,
// boolean, date date32, timestamp timestamp[us, UTC], struct, array list (item field "element"), map. Field
// metadata with string values is carried both ways ("unit" = "ns" marks an int64 column that holds
// nanoseconds).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace marquet::delta {

// kSchema for a type that Delta lacks (unsigned, nanoseconds, naive timestamps ...), naming the field and
// what to use.
arrow::Result<std::string> SchemaToJson(const arrow::Schema& schema);

// kUnsupported for a type that is not known here, kCorruptData for text that is no schema.
arrow::Result<std::shared_ptr<arrow::Schema>> SchemaFromJson(std::string_view json);

// Hive's name of the directory of null, which some engines read as null wherever it stands.
inline constexpr std::string_view kNullPartition = "__HIVE_DEFAULT_PARTITION__";

// A partition value as the log spells it, and back to a scalar of the column's type. Empty text is null.
arrow::Result<std::string> PartitionValueToText(const arrow::Scalar& value);
// The same for a value that is about to be written: kInvalidInput for what other engines cannot read, too.
arrow::Result<std::string> NewPartitionValueToText(const arrow::Scalar& value);
arrow::Result<std::shared_ptr<arrow::Scalar>> PartitionValueFromText(
    std::string_view text, const std::shared_ptr<arrow::DataType>& type);

}  // namespace marquet::delta
