#include "marquet/parquet/rescue/merge_leaves_internal.h"

#include "arrow/array.h"
#include "arrow/array/concatenate.h"
#include "arrow/type.h"

namespace marquet::pq {
namespace {

using Arrays = std::vector<std::shared_ptr<arrow::Array>>;

size_t CountLeaves(const arrow::DataType& type) {
  if (type.num_fields() == 0) return 1;
  size_t leaves = 0;
  for (const auto& child : type.fields()) leaves += CountLeaves(*child->type());
  return leaves;
}

arrow::Result<std::shared_ptr<arrow::Array>> MergeStructs(const std::shared_ptr<arrow::DataType>& type,
                                                          const Arrays& leaves) {
  arrow::ArrayVector children;
  size_t next = 0;
  for (const auto& field : type->fields()) {
    Arrays below;
    for (size_t count = CountLeaves(*field->type()); count > 0; --count) {
      below.push_back(static_cast<const arrow::StructArray&>(*leaves[next++]).field(0));
    }
    ARROW_ASSIGN_OR_RAISE(auto child, MergeLeaves(field->type(), below));
    children.push_back(std::move(child));
  }
  const arrow::Array& first = *leaves[0];
  return std::make_shared<arrow::StructArray>(type, first.length(), std::move(children), first.null_bitmap(),
                                              arrow::kUnknownNullCount, first.offset());
}

// Of lists and maps: the offsets and nulls of the first leaf, with what is in the lists merged.
template <typename ListArray>
arrow::Result<std::shared_ptr<arrow::Array>> MergeLists(const std::shared_ptr<arrow::DataType>& type,
                                                        const Arrays& leaves) {
  Arrays below;
  const ListArray* first = nullptr;
  for (const auto& leaf : leaves) {
    const auto& lists = static_cast<const ListArray&>(*leaf);
    if (first == nullptr) first = &lists;
    for (int64_t i = 0; i < lists.length(); ++i) {
      if (lists.value_length(i) != first->value_length(i)) {
        return arrow::Status::IOError("leaves of one list have ", lists.value_length(i), " and ",
                                      first->value_length(i), " values");
      }
    }
    below.push_back(lists.values()->Slice(lists.value_offset(0),
                                          lists.value_offset(lists.length()) - lists.value_offset(0)));
  }
  ARROW_ASSIGN_OR_RAISE(auto values, MergeLeaves(type->field(0)->type(), below));
  return arrow::MakeArray(arrow::ArrayData::Make(
      type, first->length(), {first->null_bitmap(), first->value_offsets()}, {values->data()}));
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::Array>> MergeLeaves(const std::shared_ptr<arrow::DataType>& type,
                                                         const Arrays& leaves) {
  if (leaves.size() == 1) return leaves[0];
  // Without an offset, so that levels of nesting have their rows at the same places.
  Arrays whole;
  for (const auto& leaf : leaves) {
    ARROW_ASSIGN_OR_RAISE(auto copy, arrow::Concatenate({leaf}));
    whole.push_back(std::move(copy));
  }
  switch (type->id()) {
    case arrow::Type::STRUCT:
      return MergeStructs(type, whole);
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return MergeLists<arrow::ListArray>(type, whole);
    case arrow::Type::LARGE_LIST:
      return MergeLists<arrow::LargeListArray>(type, whole);
    default:
      return arrow::Status::NotImplemented("pages of a ", type->ToString(), " that begin at different rows");
  }
}

}  // namespace marquet::pq
