// How each kind of column is encoded, in Parquet's own terms.
#pragma once

#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/format/options.h"
#include "parquet/properties.h"

namespace marquet::pq {

constexpr int kDefaultZstdLevel = 1;

// Bound what a selective read must decode, and what a page's making must hold.
constexpr int64_t kPageRows = 1 << 16;
constexpr int64_t kPageBytes = int64_t{1} << 20;

// The schema that the file holds: `schema` with decoded columns. kInvalidInput for no columns or for a name
// that is there twice.
arrow::Result<std::shared_ptr<arrow::Schema>> FileSchema(const arrow::Schema& schema);

// kInvalidInput for options that contradict each other or the schema.
arrow::Result<std::shared_ptr<::parquet::WriterProperties>> WriterPropertiesFor(
    const arrow::Schema& file_schema, const WriteOptions& options);

// The key-value pairs of the footer: the options', the schema's own, and the Arrow schema itself under
// "ARROW:schema", which is what brings field metadata back.
arrow::Result<std::shared_ptr<arrow::KeyValueMetadata>> FooterMetadata(const arrow::Schema& file_schema,
                                                                       const WriteOptions& options);

}  // namespace marquet::pq
