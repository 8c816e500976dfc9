// Single values as text, in plain form and as JSON.
//
// Times are ISO-8601 in UTC with as many digits as the value needs ("2024-01-02T03:04:05.000000006Z"), dates
// "2024-01-02", decimals and integers exact, floats the shortest text that reads back to the same value,
// bytes hexadecimal, nested values their JSON. NaN and the infinities, which JSON lacks, are the strings
// "NaN", "Infinity" and "-Infinity" there; in text that is not UTF-8 JSON has U+FFFD for the bytes beyond
// ASCII.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace marquet::jobs {

// Writes the values of one column; bound to one array at a time.
class CellWriter {
 public:
  virtual ~CellWriter() = default;
  virtual void Bind(const std::shared_ptr<arrow::Array>& column) = 0;
  // Appends the value as plain text, without quotes; nothing for a null.
  virtual void Plain(int64_t row, std::string* out) const = 0;
  // Appends the value as JSON.
  virtual void Json(int64_t row, std::string* out) const = 0;
  virtual bool IsNull(int64_t row) const = 0;
  virtual bool is_text() const = 0;    // its plain text may need CSV quotes
  virtual bool is_number() const = 0;  // to be aligned to the right
};

// kUnsupported for a type that has no text (naming it).
arrow::Result<std::unique_ptr<CellWriter>> MakeCellWriter(const arrow::DataType& type);

// A JSON string literal of `text`, quotes included.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace marquet::jobs
