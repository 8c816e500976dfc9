#include "marquet/delta/checkpoint_leaf.h"

#include <algorithm>
#include <span>

#include "parquet/exception.h"

namespace marquet::delta {

CheckpointLeaf::CheckpointLeaf(std::shared_ptr<::parquet::ColumnReader> reader, LeafBatch* batch)
    : reader_(std::move(reader)),
      batch_(batch),
      type_(reader_->type()),
      most_(reader_->descr()->max_definition_level()),
      repeated_(reader_->descr()->max_repetition_level() > 0) {
  if (!is_text() && !is_number() && !is_flag()) reader_.reset();
}

bool CheckpointLeaf::Fill() {
  if (reader_ == nullptr) return false;
  int64_t count = 0;
  const auto read = [&](auto& typed, auto* values) {
    return typed.ReadBatch(LeafBatch::kLevels, batch_->definition.data(), batch_->repetition.data(), values,
                           &count);
  };
  switch (type_) {
    case ::parquet::Type::BYTE_ARRAY:
      levels_ = read(static_cast<::parquet::ByteArrayReader&>(*reader_), batch_->texts.data());
      break;
    case ::parquet::Type::INT64:
      levels_ = read(static_cast<::parquet::Int64Reader&>(*reader_), batch_->longs.data());
      break;
    case ::parquet::Type::INT32:
      levels_ = read(static_cast<::parquet::Int32Reader&>(*reader_), batch_->ints.data());
      break;
    default:
      levels_ = read(static_cast<::parquet::BoolReader&>(*reader_), batch_->flags.data());
      break;
  }
  at_ = value_ = -1;
  const auto levels = std::span(batch_->definition).first(static_cast<size_t>(levels_));
  if (most_ > 0 && std::ranges::count(levels, most_) > count) {
    throw ::parquet::ParquetException("a page has fewer values than its levels say");
  }
  if (levels_ > 0) return true;
  reader_.reset();
  return false;
}

std::string_view CheckpointLeaf::text() const {
  if (!is_text()) return {};
  const ::parquet::ByteArray& bytes = batch_->texts[static_cast<size_t>(value_)];
  return {reinterpret_cast<const char*>(bytes.ptr), bytes.len};
}

int64_t CheckpointLeaf::number() const {
  if (type_ == ::parquet::Type::INT64) return batch_->longs[static_cast<size_t>(value_)];
  return type_ == ::parquet::Type::INT32 ? batch_->ints[static_cast<size_t>(value_)] : 0;
}

bool CheckpointLeaf::flag() const { return is_flag() && batch_->flags[static_cast<size_t>(value_)]; }

}  // namespace marquet::delta
