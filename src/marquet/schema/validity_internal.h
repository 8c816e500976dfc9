// Which rows of an array are null, as a bitmap of its own.
#pragma once

#include <memory>

#include "arrow/array/array_base.h"
#include "arrow/buffer.h"
#include "arrow/result.h"
#include "arrow/util/bitmap_ops.h"

namespace marquet::schema {

// Bits that begin at the array's first row; a null pointer where no row is null.
inline arrow::Result<std::shared_ptr<arrow::Buffer>> Validity(const arrow::Array& array) {
  if (array.null_count() == 0) return nullptr;
  return arrow::internal::CopyBitmap(arrow::default_memory_pool(), array.null_bitmap_data(), array.offset(),
                                     array.length());
}

}  // namespace marquet::schema
