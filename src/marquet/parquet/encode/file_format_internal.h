#pragma once

#include "marquet/parquet/encode/file_format.h"
#include "marquet/parquet/encode/page_compressor_internal.h"

namespace parquet {
class SchemaDescriptor;
class WriterProperties;
}  // namespace parquet

namespace marquet::pq {

// A file holds values, whatever layout the rows have them in: its schema is that of decoded rows.
struct FormatParts {
  std::shared_ptr<arrow::Schema> schema;       // of the batches
  std::shared_ptr<arrow::Schema> file_schema;  // of the file
  WriteOptions options;
  std::shared_ptr<::parquet::SchemaDescriptor> descriptor;
  std::shared_ptr<::parquet::WriterProperties> properties;
  std::shared_ptr<arrow::KeyValueMetadata> metadata;  // of the footer
  std::shared_ptr<const PageCompressor> compressor;
};

}  // namespace marquet::pq
