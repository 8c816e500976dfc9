#include "marquet/jobs/text/cell_text.h"

#include <cmath>

#include <arrow/api.h>
#include <fmt/compile.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"

namespace marquet::jobs {
namespace {

void AppendTwoDigits(int value, std::string* out) {
  out->push_back(static_cast<char>('0' + value / 10));
  out->push_back(static_cast<char>('0' + value % 10));
}

// The date of a time costs most of its text, and rows that follow each other mostly share it.
class TimeText {
 public:
  explicit TimeText(int64_t nanos_per_unit)
      : nanos_per_unit_(nanos_per_unit), units_per_day_(kNanosPerDay / nanos_per_unit) {}

  void Append(int64_t count, std::string* out) {
    const int64_t day = FloorDiv(count, units_per_day_);
    if (day != day_ || date_.empty()) {
      day_ = day;
      date_ = FormatDate(day) + "T";
    }
    int64_t rest = FloorMod(count, units_per_day_) * nanos_per_unit_;
    const int second = static_cast<int>(rest / kNanosPerSecond);
    rest %= kNanosPerSecond;
    *out += date_;
    AppendTwoDigits(second / 3600, out);
    out->push_back(':');
    AppendTwoDigits(second / 60 % 60, out);
    out->push_back(':');
    AppendTwoDigits(second % 60, out);
    if (rest != 0) {
      int digits = 9;
      while (rest % 1000 == 0) {
        rest /= 1000;
        digits -= 3;
      }
      fmt::format_to(std::back_inserter(*out), ".{:0{}}", rest, digits);
    }
    out->push_back('Z');
  }

 private:
  const int64_t nanos_per_unit_, units_per_day_;
  int64_t day_ = 0;
  std::string date_;
};

template <typename ArrayType>
class TypedCell : public CellWriter {
 public:
  void Bind(const std::shared_ptr<arrow::Array>& column) override {
    array_ = std::static_pointer_cast<ArrayType>(column);
  }
  bool IsNull(int64_t row) const override { return array_->IsNull(row); }
  bool is_text() const override { return false; }
  bool is_number() const override { return false; }
  void Json(int64_t row, std::string* out) const override {
    if (IsNull(row)) {
      *out += "null";
      return;
    }
    out->push_back('"');
    Plain(row, out);
    out->push_back('"');
  }

 protected:
  std::shared_ptr<ArrayType> array_;
};

template <typename ArrayType>
class IntegerCell final : public TypedCell<ArrayType> {
 public:
  void Plain(int64_t row, std::string* out) const override {
    if (this->IsNull(row)) return;
    const fmt::format_int text(this->array_->Value(row));
    out->append(text.data(), text.size());
  }
  void Json(int64_t row, std::string* out) const override {
    this->IsNull(row) ? void(*out += "null") : Plain(row, out);
  }
  bool is_number() const override { return true; }
};

template <typename ArrayType>
class FloatCell final : public TypedCell<ArrayType> {
 public:
  void Plain(int64_t row, std::string* out) const override {
    if (this->IsNull(row)) return;
    const auto value = this->array_->Value(row);
    if (std::isnan(value)) {
      *out += "NaN";
    } else if (std::isinf(value)) {
      *out += value > 0 ? "Infinity" : "-Infinity";
    } else {
      fmt::format_to(std::back_inserter(*out), FMT_COMPILE("{}"), value);
    }
  }
  void Json(int64_t row, std::string* out) const override {
    if (this->IsNull(row)) {
      *out += "null";
    } else if (std::isfinite(this->array_->Value(row))) {
      Plain(row, out);
    } else {
      TypedCell<ArrayType>::Json(row, out);
    }
  }
  bool is_number() const override { return true; }
};

class BooleanCell final : public TypedCell<arrow::BooleanArray> {
 public:
  void Plain(int64_t row, std::string* out) const override {
    if (!IsNull(row)) *out += array_->Value(row) ? "true" : "false";
  }
  void Json(int64_t row, std::string* out) const override {
    IsNull(row) ? void(*out += "null") : Plain(row, out);
  }
};

// In JSON a number too: its digits are kept, whatever a reader makes of them.
template <typename ArrayType>
class DecimalCell final : public TypedCell<ArrayType> {
 public:
  void Plain(int64_t row, std::string* out) const override {
    if (!this->IsNull(row)) *out += this->array_->FormatValue(row);
  }
  void Json(int64_t row, std::string* out) const override {
    this->IsNull(row) ? void(*out += "null") : Plain(row, out);
  }
  bool is_number() const override { return true; }
};

template <typename ArrayType>
class StringCell final : public TypedCell<ArrayType> {
 public:
  void Plain(int64_t row, std::string* out) const override {
    if (!this->IsNull(row)) *out += this->array_->GetView(row);
  }
  void Json(int64_t row, std::string* out) const override {
    this->IsNull(row) ? void(*out += "null") : AppendJsonString(this->array_->GetView(row), out);
  }
  bool is_text() const override { return true; }
};

template <typename ArrayType>
class BinaryCell final : public TypedCell<ArrayType> {
 public:
  void Plain(int64_t row, std::string* out) const override {
    if (this->IsNull(row)) return;
    constexpr char kDigits[] = "0123456789abcdef";
    for (const char c : this->array_->GetView(row)) {
      out->push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
      out->push_back(kDigits[static_cast<unsigned char>(c) & 15]);
    }
  }
  bool is_text() const override { return true; }  // bytes of none, like an empty text
};

class DateCell final : public TypedCell<arrow::Date32Array> {
 public:
  void Plain(int64_t row, std::string* out) const override {
    if (IsNull(row)) return;
    const int32_t day = array_->Value(row);
    if (day != day_ || text_.empty()) {
      day_ = day;
      text_ = FormatDate(day);
    }
    *out += text_;
  }

 private:
  mutable int32_t day_ = 0;
  mutable std::string text_;
};

class TimestampCell final : public TypedCell<arrow::TimestampArray> {
 public:
  explicit TimestampCell(int64_t nanos_per_unit) : text_(nanos_per_unit) {}
  void Plain(int64_t row, std::string* out) const override {
    if (!IsNull(row)) text_.Append(array_->Value(row), out);
  }

 private:
  mutable TimeText text_;
};

class NullCell final : public TypedCell<arrow::NullArray> {
 public:
  void Plain(int64_t, std::string*) const override {}
};

template <typename ArrayType>
class ListCell final : public TypedCell<ArrayType> {
 public:
  explicit ListCell(std::unique_ptr<CellWriter> item) : item_(std::move(item)) {}
  void Bind(const std::shared_ptr<arrow::Array>& column) override {
    TypedCell<ArrayType>::Bind(column);
    item_->Bind(this->array_->values());
  }
  void Plain(int64_t row, std::string* out) const override {
    if (!this->IsNull(row)) Json(row, out);
  }
  void Json(int64_t row, std::string* out) const override {
    if (this->IsNull(row)) {
      *out += "null";
      return;
    }
    out->push_back('[');
    const int64_t begin = this->array_->value_offset(row);
    for (int64_t i = 0; i < this->array_->value_length(row); ++i) {
      if (i > 0) out->push_back(',');
      item_->Json(begin + i, out);
    }
    out->push_back(']');
  }
  bool is_text() const override { return true; }

 private:
  std::unique_ptr<CellWriter> item_;
};

class StructCell final : public TypedCell<arrow::StructArray> {
 public:
  StructCell(std::vector<std::string> names, std::vector<std::unique_ptr<CellWriter>> fields)
      : names_(std::move(names)), fields_(std::move(fields)) {}
  void Bind(const std::shared_ptr<arrow::Array>& column) override {
    TypedCell::Bind(column);
    for (size_t i = 0; i < fields_.size(); ++i) fields_[i]->Bind(array_->field(static_cast<int>(i)));
  }
  void Plain(int64_t row, std::string* out) const override {
    if (!IsNull(row)) Json(row, out);
  }
  void Json(int64_t row, std::string* out) const override {
    if (IsNull(row)) {
      *out += "null";
      return;
    }
    out->push_back('{');
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (i > 0) out->push_back(',');
      AppendJsonString(names_[i], out);
      out->push_back(':');
      fields_[i]->Json(row, out);
    }
    out->push_back('}');
  }
  bool is_text() const override { return true; }

 private:
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<CellWriter>> fields_;
};

template <typename T>
std::unique_ptr<CellWriter> Made() {
  return std::make_unique<T>();
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  const bool utf8 = IsUtf8(text);
  out->push_back('"');
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (byte < 0x20) {
      *out += "\\u00";
      out->push_back(kDigits[byte >> 4]);
      out->push_back(kDigits[byte & 15]);
    } else if (byte >= 0x80 && !utf8) {
      *out += "\xEF\xBF\xBD";
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

arrow::Result<std::unique_ptr<CellWriter>> MakeCellWriter(const arrow::DataType& type) {
  using arrow::Type;
  switch (type.id()) {
    case Type::INT8:
      return Made<IntegerCell<arrow::Int8Array>>();
    case Type::INT16:
      return Made<IntegerCell<arrow::Int16Array>>();
    case Type::INT32:
      return Made<IntegerCell<arrow::Int32Array>>();
    case Type::INT64:
      return Made<IntegerCell<arrow::Int64Array>>();
    case Type::UINT8:
      return Made<IntegerCell<arrow::UInt8Array>>();
    case Type::UINT16:
      return Made<IntegerCell<arrow::UInt16Array>>();
    case Type::UINT32:
      return Made<IntegerCell<arrow::UInt32Array>>();
    case Type::UINT64:
      return Made<IntegerCell<arrow::UInt64Array>>();
    case Type::FLOAT:
      return Made<FloatCell<arrow::FloatArray>>();
    case Type::DOUBLE:
      return Made<FloatCell<arrow::DoubleArray>>();
    case Type::BOOL:
      return Made<BooleanCell>();
    case Type::DECIMAL128:
      return Made<DecimalCell<arrow::Decimal128Array>>();
    case Type::STRING:
      return Made<StringCell<arrow::StringArray>>();
    case Type::LARGE_STRING:
      return Made<StringCell<arrow::LargeStringArray>>();
    case Type::STRING_VIEW:
      return Made<StringCell<arrow::StringViewArray>>();
    case Type::BINARY:
      return Made<BinaryCell<arrow::BinaryArray>>();
    case Type::LARGE_BINARY:
      return Made<BinaryCell<arrow::LargeBinaryArray>>();
    case Type::DATE32:
      return Made<DateCell>();
    case Type::NA:
      return Made<NullCell>();
    case Type::TIMESTAMP: {
      const auto unit = static_cast<const arrow::TimestampType&>(type).unit();
      return std::make_unique<TimestampCell>(NanosPerUnit(unit));
    }
    case Type::LIST: {
      ARROW_ASSIGN_OR_RAISE(auto item, MakeCellWriter(*type.field(0)->type()));
      return std::make_unique<ListCell<arrow::ListArray>>(std::move(item));
    }
    case Type::LARGE_LIST: {
      ARROW_ASSIGN_OR_RAISE(auto item, MakeCellWriter(*type.field(0)->type()));
      return std::make_unique<ListCell<arrow::LargeListArray>>(std::move(item));
    }
    case Type::MAP: {  // a list of {"key", "value"}
      ARROW_ASSIGN_OR_RAISE(auto item, MakeCellWriter(*type.field(0)->type()));
      return std::make_unique<ListCell<arrow::MapArray>>(std::move(item));
    }
    case Type::STRUCT: {
      std::vector<std::string> names;
      std::vector<std::unique_ptr<CellWriter>> fields;
      for (const auto& field : type.fields()) {
        ARROW_ASSIGN_OR_RAISE(auto cell, MakeCellWriter(*field->type()));
        names.push_back(field->name());
        fields.push_back(std::move(cell));
      }
      return std::make_unique<StructCell>(std::move(names), std::move(fields));
    }
    default:
      return Unsupported("values of type " + type.ToString() + " have no text form");
  }
}

}  // namespace marquet::jobs
