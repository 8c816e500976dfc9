// The Arrow schema that a footer may hold beside Parquet's own: what brings back types and metadata that
// Parquet does not know. Where it is there and cannot be read, readers refuse the file.
#pragma once

#include <memory>
#include <string>

#include "arrow/status.h"
#include "arrow/type_fwd.h"

namespace parquet {
class FileMetaData;
}

namespace marquet::pq {

inline constexpr const char* kArrowSchemaKey = "ARROW:schema";

// Only what describes columns; a null pointer where there is none.
std::shared_ptr<arrow::KeyValueMetadata> ArrowMetadata(const ::parquet::FileMetaData& footer);

// kCorruptData when it is there, cannot be read, and the file could be without it.
arrow::Status CheckArrowSchema(const ::parquet::FileMetaData& footer, const std::string& path);

}  // namespace marquet::pq
