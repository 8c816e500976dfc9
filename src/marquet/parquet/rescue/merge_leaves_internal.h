// A nested column out of its leaves, each read by itself.
#pragma once

#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace marquet::pq {

// `leaves`: in order, all of the same rows; each of `type` with nothing but what leads to one leaf, as Arrow
// reads a column of which one leaf is asked for. An error when leaves contradict each other, and
// NotImplemented for types other than structs, lists and maps.
arrow::Result<std::shared_ptr<arrow::Array>> MergeLeaves(
    const std::shared_ptr<arrow::DataType>& type, const std::vector<std::shared_ptr<arrow::Array>>& leaves);

}  // namespace marquet::pq
