// Names of record kinds and the schemas of their tables.
#include <algorithm>
#include <array>

#include "arrow/api.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/dbn/layout.h"

namespace marquet::dbn {
namespace {

constexpr std::array<std::string_view, kKinds> kKindNames = {
    "trades", "mbo",   "mbp-1",  "mbp-10",    "bbo",        "cmbp-1",
    "cbbo",   "ohlcv", "status", "imbalance", "statistics", "definition"};

std::shared_ptr<arrow::DataType> ArrowType(Wire wire) {
  switch (wire) {
    case Wire::kI8:
      return arrow::int8();
    case Wire::kU8:
    case Wire::kI16:
      return arrow::int16();
    case Wire::kU16:
    case Wire::kI32:
      return arrow::int32();
    case Wire::kU32:
    case Wire::kU64:
    case Wire::kI64:
      return arrow::int64();
    case Wire::kChar:
    case Wire::kText:
      return arrow::utf8();
  }
  return nullptr;
}

std::shared_ptr<const arrow::KeyValueMetadata> Unit(std::string unit) {
  return arrow::key_value_metadata({"unit"}, {std::move(unit)});
}

std::shared_ptr<arrow::Schema> MakeSchema(RecordKind kind, bool with_ts_out) {
  const KindLayout& layout = LayoutOf(kind);
  arrow::FieldVector fields;
  for (const Column& column : layout.columns) {
    auto field = arrow::field(column.name, ArrowType(column.widest()));
    if (column.role == Role::kTime) field = field->WithMetadata(Unit("ns"));
    if (column.role == Role::kPrice) field = field->WithMetadata(Unit("1e-9"));
    fields.push_back(std::move(field));
  }
  if (with_ts_out) fields.push_back(arrow::field(kTsOutColumn, arrow::int64())->WithMetadata(Unit("ns")));
  if (layout.has_reserved()) fields.push_back(arrow::field(kReservedColumn, arrow::binary()));
  fields.push_back(arrow::field(kSymbolColumn, arrow::utf8()));
  fields.push_back(arrow::field(kTsColumn, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")));
  fields.push_back(arrow::field(kDateColumn, arrow::date32()));
  fields.push_back(arrow::field(kSourceRowColumn, arrow::int64()));
  return arrow::schema(std::move(fields));
}

}  // namespace

std::string_view KindName(RecordKind kind) { return kKindNames[static_cast<int>(kind)]; }

arrow::Result<RecordKind> KindFromName(std::string_view name) {
  for (int i = 0; i < kKinds; ++i) {
    if (kKindNames[i] == name) return static_cast<RecordKind>(i);
  }
  return InvalidInput(fmt::format("no record kind is called {}", Quoted(name)),
                      fmt::format("the kinds are {}", fmt::join(kKindNames, ", ")));
}

bool HasField(RecordKind kind, int version, std::string_view column) {
  const auto& columns = LayoutOf(kind).columns;
  return std::any_of(columns.begin(), columns.end(),
                     [&](const Column& c) { return c.name == column && c.in(version).offset >= 0; });
}

std::optional<RecordKind> KindOfSchema(uint16_t schema) {
  using enum RecordKind;
  static constexpr RecordKind kinds[] = {
      kMbo,        kMbp1,   kMbp10,     kMbp1,  kTrades, kOhlcv, kOhlcv, kOhlcv, kOhlcv, kDefinition,
      kStatistics, kStatus, kImbalance, kOhlcv, kCmbp1,  kCbbo,  kCbbo,  kCmbp1, kBbo,   kBbo};
  if (schema >= std::size(kinds)) return std::nullopt;
  return kinds[schema];
}

std::shared_ptr<arrow::Schema> TableSchema(RecordKind kind, bool with_ts_out) {
  static const auto schemas = [] {
    std::array<std::shared_ptr<arrow::Schema>, 2 * kKinds> made;
    for (int i = 0; i < kKinds; ++i) {
      for (bool ts_out : {false, true}) made[2 * i + ts_out] = MakeSchema(static_cast<RecordKind>(i), ts_out);
    }
    return made;
  }();
  return schemas[2 * static_cast<int>(kind) + with_ts_out];
}

}  // namespace marquet::dbn
