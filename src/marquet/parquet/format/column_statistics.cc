#include <cmath>

#include "arrow/visit_scalar_inline.h"
#include "marquet/base/byte_prefix.h"
#include "marquet/parquet/format/column_statistics_internal.h"
#include "marquet/schema/column_statistics.h"
#include "parquet/arrow/reader.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"
#include "parquet/statistics.h"

namespace marquet::pq {
namespace {

bool IsNaN(const arrow::Scalar& scalar) {
  switch (scalar.type->id()) {
    case arrow::Type::FLOAT:
      return std::isnan(static_cast<const arrow::FloatScalar&>(scalar).value);
    case arrow::Type::DOUBLE:
      return std::isnan(static_cast<const arrow::DoubleScalar&>(scalar).value);
    default:
      return false;
  }
}

// a < b for two valid scalars of one type. Types without an order here leave `less` unset.
struct Less {
  const arrow::Scalar& other;
  std::optional<bool> less;

  template <typename S>
  arrow::Status Visit(const S& scalar) {
    const auto& right = static_cast<const S&>(other);
    if constexpr (std::is_base_of_v<arrow::BaseBinaryScalar, S>) {
      less = scalar.view() < right.view();
    } else if constexpr (std::is_same_v<S, arrow::HalfFloatScalar>) {
      // its value is the bit pattern, which does not order as the number does
    } else if constexpr (std::is_base_of_v<arrow::internal::PrimitiveScalarBase, S>) {
      if constexpr (requires { scalar.value < right.value; }) less = scalar.value < right.value;
    }
    return arrow::Status::OK();
  }
};

// A bound in the field's own type, or nothing when it cannot be had: a missing bound only prunes less.
std::shared_ptr<arrow::Scalar> AsFieldType(std::shared_ptr<arrow::Scalar> bound, const arrow::Field& field) {
  if (bound == nullptr || !bound->is_valid || IsNaN(*bound)) return nullptr;
  const std::shared_ptr<arrow::DataType>& type =
      field.type()->id() == arrow::Type::DICTIONARY
          ? static_cast<const arrow::DictionaryType&>(*field.type()).value_type()
          : field.type();
  if (bound->type->Equals(*type)) return bound;
  auto cast = bound->CastTo(type);
  return cast.ok() && (*cast)->is_valid ? *cast : nullptr;
}

}  // namespace

std::optional<bool> IsLess(const arrow::Scalar& a, const arrow::Scalar& b) {
  Less less{b, {}};
  if (!a.type->Equals(*b.type) || !arrow::VisitScalarInline(a, &less).ok()) return std::nullopt;
  return less.less;
}

schema::ColumnStatistics TypedStatistics(const ::parquet::Statistics* statistics, const arrow::Field& field) {
  schema::ColumnStatistics out;
  out.name = field.name();
  out.has_nan = arrow::is_floating(field.type()->id());
  if (statistics == nullptr) return out;
  if (statistics->HasNullCount()) out.null_count = statistics->null_count();
  if (!statistics->HasMinMax()) return out;
  std::shared_ptr<arrow::Scalar> min, max;
  if (!::parquet::arrow::StatisticsAsScalars(*statistics, &min, &max).ok()) return out;
  // One NaN means that the other bound was compared with it.
  if ((min != nullptr && IsNaN(*min)) || (max != nullptr && IsNaN(*max))) return out;
  out.min = AsFieldType(std::move(min), field);
  out.max = AsFieldType(std::move(max), field);
  return out;
}

bool WrittenByMarquet(const ::parquet::FileMetaData& footer) {
  return footer.created_by().starts_with("marquet version ");
}

schema::ColumnStatistics Doubted(schema::ColumnStatistics statistics,
                                 const ::parquet::ColumnDescriptor& column) {
  using ::parquet::Type;
  statistics.null_count = -1;
  const bool order_told = column.column_order().get_order() == ::parquet::ColumnOrder::TYPE_DEFINED_ORDER;
  const bool number =
      column.physical_type() != Type::BYTE_ARRAY && column.physical_type() != Type::FIXED_LEN_BYTE_ARRAY;
  if (!order_told && (!number || column.sort_order() != ::parquet::SortOrder::SIGNED)) {
    statistics.min = statistics.max = nullptr;
  }
  if (statistics.max == nullptr || !arrow::is_base_binary_like(statistics.max->type->id())) return statistics;
  const auto& max = static_cast<const arrow::BaseBinaryScalar&>(*statistics.max);
  const bool text = arrow::is_string(max.type->id());
  auto above = text ? std::optional(AboveAllTextWithPrefix(std::string(max.view())))
                    : AboveAllWithPrefix(std::string(max.view()));
  const auto type = max.type;
  statistics.max = nullptr;
  if (above) {
    auto widened = arrow::MakeScalar(type, arrow::Buffer::FromString(*std::move(above)));
    if (widened.ok()) statistics.max = *std::move(widened);
  }
  return statistics;
}

schema::ColumnStatistics FooterStatistics(const ::parquet::FileMetaData& footer, int row_group, int leaf,
                                          const arrow::Field& field) {
  const auto chunk = footer.RowGroup(row_group)->ColumnChunk(leaf);
  const std::shared_ptr<::parquet::Statistics> statistics =
      chunk->is_stats_set() ? chunk->statistics() : nullptr;
  schema::ColumnStatistics out = TypedStatistics(statistics.get(), field);
  if (!WrittenByMarquet(footer)) out = Doubted(std::move(out), *footer.schema()->Column(leaf));
  // That is the type's word, not the statistics': it holds for other writers' files, too.
  if (field.type()->id() == arrow::Type::NA) out.null_count = chunk->num_values();
  return out;
}

schema::ColumnStatistics FileStatistics(const ::parquet::FileMetaData& footer, int leaf,
                                        const arrow::Field& field) {
  schema::ColumnStatistics merged;
  merged.name = field.name();
  merged.null_count = 0;
  merged.has_nan = false;
  bool bounded = true;  // every row group with values so far had bounds
  for (int i = 0; i < footer.num_row_groups(); ++i) {
    const schema::ColumnStatistics chunk = FooterStatistics(footer, i, leaf, field);
    merged.has_nan |= chunk.has_nan;
    merged.null_count =
        chunk.null_count < 0 || merged.null_count < 0 ? -1 : merged.null_count + chunk.null_count;
    if (chunk.null_count == footer.RowGroup(i)->num_rows()) continue;  // no values, so nothing to bound
    if (chunk.min == nullptr || chunk.max == nullptr) {
      bounded = false;
      continue;
    }
    if (merged.min == nullptr) {
      merged.min = chunk.min;
      merged.max = chunk.max;
      continue;
    }
    const std::optional<bool> lower = IsLess(*chunk.min, *merged.min);
    const std::optional<bool> higher = IsLess(*merged.max, *chunk.max);
    bounded &= lower.has_value() && higher.has_value();
    if (lower.value_or(false)) merged.min = chunk.min;
    if (higher.value_or(false)) merged.max = chunk.max;
  }
  if (!bounded) merged.min = merged.max = nullptr;
  return merged;
}

}  // namespace marquet::pq
