#include "marquet/delta/statistics.h"

#include <arrow/api.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <cmath>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/doubted_bounds.h"
#include "marquet/delta/json_document.h"
#include "marquet/delta/json_text.h"
#include "marquet/delta/schema.h"
#include "marquet/schema/column_statistics.h"

namespace marquet::delta {
namespace {

using arrow::Scalar;
using arrow::Type;

constexpr size_t kCodePoints = 32;  // of a string bound, as Spark cuts them
constexpr int64_t kMicrosPerMilli = 1000;
constexpr int64_t kMostRows = int64_t{1} << 40;  // of one file; so that sums over files do not overflow

std::optional<int64_t> RowCount(const JsonValue& value) {
  const auto count = value.Integer();
  return count && *count >= 0 && *count <= kMostRows ? count : std::nullopt;
}

// The end of the first 32 code points of UTF-8 text.
size_t PrefixEnd(std::string_view text) {
  size_t points = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 && points++ == kCodePoints) return i;
  }
  return text.size();
}

void AppendCodePoint(uint32_t point, std::string* out) {
  if (point < 0x80) {
    out->push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    out->push_back(static_cast<char>(0xC0 | point >> 6));
    out->push_back(static_cast<char>(0x80 | (point & 0x3F)));
  } else if (point < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | point >> 12));
    out->push_back(static_cast<char>(0x80 | (point >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (point & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | point >> 18));
    out->push_back(static_cast<char>(0x80 | (point >> 12 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (point >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (point & 0x3F)));
  }
}

// The shortest text that is not less than any text beginning with `prefix`; nothing when there is none.
std::optional<std::string> RoundUp(std::string prefix) {
  while (!prefix.empty()) {
    size_t last = prefix.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(prefix[last]) & 0xC0) == 0x80) --last;
    const unsigned char lead = static_cast<unsigned char>(prefix[last]);
    uint32_t point = lead < 0x80 ? lead : lead < 0xE0 ? lead & 0x1F : lead < 0xF0 ? lead & 0x0F : lead & 0x07;
    for (size_t i = last + 1; i < prefix.size(); ++i) {
      point = point << 6 | (static_cast<unsigned char>(prefix[i]) & 0x3F);
    }
    prefix.resize(last);
    if (point == 0x10FFFF) continue;
    AppendCodePoint(point == 0xD7FF ? 0xE000 : point + 1, &prefix);
    return prefix;
  }
  return std::nullopt;
}

// The bound as JSON, or nothing when the log cannot hold it.
std::optional<std::string> BoundToJson(const Scalar& bound, bool is_max) {
  if (!bound.is_valid) return std::nullopt;
  std::string json;
  switch (bound.type->id()) {
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
      return bound.ToString();
    case Type::DECIMAL128:
      return static_cast<const arrow::Decimal128Scalar&>(bound).value.ToString(
          static_cast<const arrow::Decimal128Type&>(*bound.type).scale());
    case Type::FLOAT: {
      const float value = static_cast<const arrow::FloatScalar&>(bound).value;
      return std::isfinite(value) ? std::optional(fmt::format("{}", value)) : std::nullopt;
    }
    case Type::DOUBLE: {
      const double value = static_cast<const arrow::DoubleScalar&>(bound).value;
      return std::isfinite(value) ? std::optional(fmt::format("{}", value)) : std::nullopt;
    }
    case Type::DATE32:
    case Type::TIMESTAMP: {
      auto text = PartitionValueToText(bound);
      if (!text.ok()) return std::nullopt;
      if (bound.type->id() == Type::TIMESTAMP) {
        text->resize(text->size() - 4);  // "...05.678000Z" without "000Z": the millisecond at or before it
        if (!static_cast<const arrow::TimestampType&>(*bound.type).timezone().empty()) *text += 'Z';
      }
      return fmt::format("\"{}\"", *text);
    }
    case Type::STRING:
    case Type::LARGE_STRING: {
      const std::string_view text = static_cast<const arrow::BaseBinaryScalar&>(bound).view();
      if (!IsUtf8(text)) return std::nullopt;
      const size_t end = PrefixEnd(text);
      std::string prefix(text.substr(0, end));
      if (end < text.size() && is_max) {
        auto above = RoundUp(std::move(prefix));
        if (!above) return std::nullopt;
        prefix = std::move(*above);
      }
      AppendJsonString(prefix, &json);
      return json;
    }
    default:
      return std::nullopt;
  }
}

// One bound; nullptr when it is not of the column's type.
std::shared_ptr<Scalar> ReadBound(JsonValue value, const std::shared_ptr<arrow::DataType>& type,
                                  bool is_max) {
  const JsonKind kind = value.kind();
  if (kind != JsonKind::kString && kind != JsonKind::kNumber) return nullptr;
  switch (type->id()) {
    case Type::STRING:
      if (kind != JsonKind::kString) return nullptr;
      return std::make_shared<arrow::StringScalar>(std::string(value.Text()));
    case Type::DATE32:
    case Type::TIMESTAMP: {
      // Other years than those of four digits are not written; earlier versions did, and wrongly.
      if (kind != JsonKind::kString || value.Text().find('-') != 4) return nullptr;
      auto parsed = PartitionValueFromText(value.Text(), type);
      if (!parsed.ok()) return nullptr;
      if (type->id() == Type::TIMESTAMP && is_max) {
        auto& time = static_cast<arrow::TimestampScalar&>(**parsed);
        if (time.value > INT64_MAX - kMicrosPerMilli) return nullptr;
        time.value += kMicrosPerMilli;
      }
      return *parsed;
    }
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
    case Type::FLOAT:
    case Type::DOUBLE:
    case Type::DECIMAL128: {
      if (kind != JsonKind::kNumber) return nullptr;
      auto parsed = PartitionValueFromText(value.Text(), type);
      return parsed.ok() ? *parsed : nullptr;
    }
    default:
      return nullptr;
  }
}

}  // namespace

std::string StatisticsToJson(int64_t rows, const std::vector<schema::ColumnStatistics>& columns) {
  std::string text = fmt::format("{{\"numRecords\":{}", rows);
  const auto section = [&](std::string_view name, const auto& value_of) {
    text.append(fmt::format(",\"{}\":{{", name));
    for (const schema::ColumnStatistics& column : columns) {
      const std::optional<std::string> value = value_of(column);
      if (!value) continue;
      if (text.back() != '{') text.push_back(',');
      AppendJsonString(column.name, &text);
      text.push_back(':');
      text.append(*value);
    }
    text.push_back('}');
  };
  using Value = std::optional<std::string>;
  section("minValues", [](const schema::ColumnStatistics& column) -> Value {
    return column.min ? BoundToJson(*column.min, false) : std::nullopt;
  });
  section("maxValues", [](const schema::ColumnStatistics& column) -> Value {
    // Engines that order NaN above every number would skip a file by a maximum that leaves its NaNs out.
    if (column.max == nullptr || column.has_nan) return std::nullopt;
    return BoundToJson(*column.max, true);
  });
  section("nullCount", [](const schema::ColumnStatistics& column) -> Value {
    return column.null_count >= 0 ? std::optional(std::to_string(column.null_count)) : std::nullopt;
  });
  text.push_back('}');
  return text;
}

arrow::Result<FileStatistics> StatisticsOf(const AddFile& file, const arrow::Schema& schema) {
  const bool ours = file.tags.contains(kDigestTag);
  return StatisticsFromJson(file.stats, schema, ours ? StatisticsWriter::kMarquet : StatisticsWriter::kOther);
}

std::optional<std::string> WrongRowCount(const AddFile& file) {
  const auto document = JsonDocument::Parse(file.stats);
  if (!document.ok()) return {};
  const auto rows = document->root().Find("numRecords");
  if (!rows || RowCount(*rows)) return {};
  return std::string(rows->Text());
}

arrow::Result<FileStatistics> StatisticsFromJson(std::string_view json, const arrow::Schema& schema,
                                                 StatisticsWriter writer) {
  auto document = JsonDocument::Parse(json);
  if (document.ok() && !document->root().IsObject()) document = CorruptData("not an object");
  if (!document.ok()) {
    return CorruptData(
        fmt::format("file statistics are not JSON: {}: {}", document.status().message(), Quoted(json)));
  }

  const bool ours = writer == StatisticsWriter::kMarquet;
  const auto read_bound = ours ? &ReadBound : &DoubtedBound;
  FileStatistics statistics;
  statistics.decide = ours;
  std::vector<schema::ColumnStatistics> columns(schema.num_fields());
  std::vector<bool> known(schema.num_fields(), false);
  std::vector<int64_t> nulls_said(schema.num_fields(), -1);
  statistics.holds_values.resize(schema.num_fields(), false);
  for (int i = 0; i < schema.num_fields(); ++i) {
    const Type::type id = schema.field(i)->type()->id();
    columns[i].name = schema.field(i)->name();
    columns[i].has_nan = id == Type::FLOAT || id == Type::DOUBLE;
  }
  const auto for_each_column = [&](std::string_view section, const auto& read) {
    const auto entries = document->root().Find(section);
    if (!entries) return;
    entries->ForEachMember([&](std::string_view name, JsonValue value) {
      const int place = schema.GetFieldIndex(std::string(name));
      if (place >= 0 && read(value, place)) known[place] = true;
    });
  };
  for_each_column("minValues", [&](JsonValue value, int place) {
    auto bound = read_bound(value, schema.field(place)->type(), false);
    if (bound == nullptr) return false;
    columns[place].min = std::move(bound);
    statistics.holds_values[place] = true;
    return true;
  });
  for_each_column("maxValues", [&](JsonValue value, int place) {
    auto bound = read_bound(value, schema.field(place)->type(), true);
    if (bound == nullptr) return false;
    columns[place].max = std::move(bound);
    statistics.holds_values[place] = true;
    return true;
  });
  for_each_column("nullCount", [&](JsonValue value, int place) {
    const int64_t nulls = value.Integer().value_or(-1);
    nulls_said[place] = nulls;
    if (nulls < 0 || !ours) return false;
    columns[place].null_count = nulls;
    return true;
  });
  if (const auto rows = document->root().Find("numRecords")) statistics.rows = RowCount(*rows);
  for (size_t i = 0; i < columns.size(); ++i) {
    if (nulls_said[i] >= 0 && nulls_said[i] < statistics.rows.value_or(0)) statistics.holds_values[i] = true;
    if (known[i]) statistics.columns.push_back(std::move(columns[i]));
  }
  return statistics;
}

}  // namespace marquet::delta
