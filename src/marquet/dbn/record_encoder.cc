#include "marquet/dbn/record_encoder.h"

#include <cstring>
#include <limits>
#include <optional>

#include "arrow/api.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/dbn/text_field.h"

namespace marquet::dbn {
namespace {

arrow::Status Misfit(const char* column, int64_t row, const std::string& what) {
  return InvalidInput(fmt::format("row {}, column {}: {}", WithCommas(row), column, what));
}

bool TypeFits(const arrow::DataType& type, const arrow::DataType& expected, Role role) {
  if (type.Equals(expected)) return true;
  return role == Role::kTime && type.id() == arrow::Type::TIMESTAMP &&
         static_cast<const arrow::TimestampType&>(type).unit() == arrow::TimeUnit::NANO;
}

// The value of a field that stands for null, by its wire type, if the role has one.
template <typename WireT>
std::optional<WireT> SentinelOf(Role role) {
  switch (role) {
    case Role::kPrice:
    case Role::kTime:
    case Role::kMaximum:
      return std::numeric_limits<WireT>::max();
    case Role::kPlain:
    case Role::kBits:
      return std::nullopt;
  }
  return std::nullopt;
}

// True when a column's value can be stored in the wire type and read back as it is.
template <typename WireT>
bool Fits(int64_t value, Role role, WireT& stored) {
  if constexpr (std::is_same_v<WireT, uint64_t>) {
    stored = static_cast<uint64_t>(value);
    return role == Role::kBits || value >= 0;
  } else {
    stored = static_cast<WireT>(value);
    return static_cast<int64_t>(stored) == value && SentinelOf<WireT>(role) != stored;
  }
}

template <typename WireT, typename ColumnT>
arrow::Status PutNumbers(const char* name, Role role, const arrow::Array& values, int64_t begin, int64_t end,
                         uint8_t* field, int stride) {
  const auto* value = values.data()->GetValues<ColumnT>(1);
  const bool nulls = values.null_count() > 0;
  const std::optional<WireT> sentinel = SentinelOf<WireT>(role);
  for (int64_t row = begin; row < end; ++row, field += stride) {
    WireT stored;
    if (nulls && values.IsNull(row)) {
      if (!sentinel) return Misfit(name, row, "is null, and the field has no undefined value");
      stored = *sentinel;
    } else if (!Fits<WireT>(value[row], role, stored)) {
      return Misfit(name, row,
                    fmt::format("{} does not fit the record's field of {} bytes", value[row], sizeof(WireT)));
    }
    std::memcpy(field, &stored, sizeof stored);
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<RecordEncoder> RecordEncoder::Make(RecordKind kind, int version, bool ts_out,
                                                 const arrow::RecordBatch& rows) {
  RecordEncoder encoder;
  encoder.layout_ = &LayoutOf(kind);
  encoder.version_ = version;
  encoder.record_bytes_ = encoder.layout_->sizes[version - 1] + (ts_out ? 8 : 0);
  const auto schema = TableSchema(kind, ts_out);

  auto bind = [&](const char* name, Role role, Place place) -> arrow::Status {
    auto values = rows.GetColumnByName(name);
    if (place.offset < 0) {
      if (values && values->null_count() != values->length()) {
        return InvalidInput(
            fmt::format("column {} holds values, and a {} record of DBN version {} has no such field", name,
                        KindName(kind), version));
      }
      return arrow::Status::OK();
    }
    if (!values) return SchemaError(fmt::format("column {} of {} is missing", name, KindName(kind)));
    const auto& expected = *schema->GetFieldByName(name)->type();
    if (!TypeFits(*values->type(), expected, role)) {
      return SchemaError(fmt::format("column {} of {} is {}; expected {}", name, KindName(kind),
                                     values->type()->ToString(), expected.ToString()));
    }
    encoder.fields_.push_back({name, role, place, std::move(values)});
    return arrow::Status::OK();
  };
  for (const Column& column : encoder.layout_->columns) {
    ARROW_RETURN_NOT_OK(bind(column.name, column.role, column.in(version)));
  }
  if (ts_out) {
    ARROW_RETURN_NOT_OK(bind(kTsOutColumn, Role::kTime, {encoder.layout_->sizes[version - 1], Wire::kU64}));
  }
  if (auto reserved = rows.GetColumnByName(kReservedColumn); reserved && encoder.layout_->has_reserved()) {
    if (reserved->type_id() != arrow::Type::BINARY) {
      return SchemaError(fmt::format("column {} of {} is {}; expected binary", kReservedColumn,
                                     KindName(kind), reserved->type()->ToString()));
    }
    encoder.reserved_ = std::static_pointer_cast<arrow::BinaryArray>(std::move(reserved));
  }
  return encoder;
}

arrow::Status RecordEncoder::Append(int64_t begin, int64_t end, std::string& out) const {
  const size_t start = out.size();
  out.resize(start + static_cast<size_t>((end - begin) * record_bytes_), '\0');
  auto* records = reinterpret_cast<uint8_t*>(out.data()) + start;
  // First what no column carries, so that the columns have the last word.
  if (reserved_) ARROW_RETURN_NOT_OK(PutReserved(begin, end, records));
  for (const Field& field : fields_) {
    ARROW_RETURN_NOT_OK(field.values->type_id() == arrow::Type::STRING
                            ? PutText(field, begin, end, records)
                            : PutField(field, begin, end, records));
  }
  for (int64_t i = 0; i < end - begin; ++i)
    records[i * record_bytes_] = static_cast<uint8_t>(record_bytes_ / 4);
  return arrow::Status::OK();
}

arrow::Status RecordEncoder::PutField(const Field& field, int64_t begin, int64_t end,
                                      uint8_t* records) const {
  auto put = [&]<typename WireT, typename ColumnT>(WireT, ColumnT) {
    return PutNumbers<WireT, ColumnT>(field.name, field.role, *field.values, begin, end,
                                      records + field.place.offset, record_bytes_);
  };
  switch (field.place.wire) {
    case Wire::kI8:
      return put(int8_t{}, int8_t{});
    case Wire::kU8:
      return put(uint8_t{}, int16_t{});
    case Wire::kI16:
      return put(int16_t{}, int16_t{});
    case Wire::kU16:
      return put(uint16_t{}, int32_t{});
    case Wire::kI32:
      return field.values->type_id() == arrow::Type::INT64 ? put(int32_t{}, int64_t{})
                                                           : put(int32_t{}, int32_t{});
    case Wire::kU32:
      return put(uint32_t{}, int64_t{});
    case Wire::kI64:
      return put(int64_t{}, int64_t{});
    case Wire::kU64:
      return put(uint64_t{}, int64_t{});
    case Wire::kChar:
    case Wire::kText:
      break;
  }
  return arrow::Status::OK();
}

arrow::Status RecordEncoder::PutText(const Field& field, int64_t begin, int64_t end, uint8_t* records) const {
  const auto& values = static_cast<const arrow::StringArray&>(*field.values);
  uint8_t* out = records + field.place.offset;
  for (int64_t row = begin; row < end; ++row, out += record_bytes_) {
    if (values.IsNull(row)) return Misfit(field.name, row, "is null, and text has no undefined value");
    const std::string_view text = values.GetView(row);
    if (field.place.wire == Wire::kChar) {
      auto byte = EncodeChar(text);
      if (!byte.ok()) return Misfit(field.name, row, byte.status().message());
      *out = *byte;
      continue;
    }
    const size_t bytes = field.place.size;
    if (DecodeText({reinterpret_cast<const char*>(out), bytes}).text == text) continue;  // out of `reserved`
    if (text.size() > bytes || text.find('\0') != std::string_view::npos) {
      return Misfit(field.name, row,
                    fmt::format("{} does not fit the record's {} bytes of text", Quoted(text), bytes));
    }
    std::memset(out, 0, bytes);
    std::memcpy(out, text.data(), text.size());
  }
  return arrow::Status::OK();
}

arrow::Status RecordEncoder::PutReserved(int64_t begin, int64_t end, uint8_t* records) const {
  if (reserved_->null_count() == reserved_->length()) return arrow::Status::OK();
  const int size = layout_->sizes[version_ - 1];
  const int carried = layout_->reserved_bytes(version_);
  for (int64_t row = begin; row < end; ++row) {
    if (reserved_->IsNull(row)) continue;
    uint8_t* record = records + (row - begin) * record_bytes_;
    const std::string_view bytes = reserved_->GetView(row);
    if (static_cast<int>(bytes.size()) == size) {
      std::memcpy(record, bytes.data(), bytes.size());
    } else if (static_cast<int>(bytes.size()) == carried) {
      const char* from = bytes.data();
      for (const ByteRange& range : layout_->reserved[version_ - 1]) {
        std::memcpy(record + range.offset, from, range.size);
        from += range.size;
      }
    } else {
      return Misfit(
          kReservedColumn, row,
          fmt::format("has {} bytes; expected {} or the whole record's {}", bytes.size(), carried, size));
    }
  }
  return arrow::Status::OK();
}

}  // namespace marquet::dbn
