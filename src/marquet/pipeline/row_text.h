// Rows as text: CSV (RFC 4180) and JSON Lines.
//
// Values as in cell_text.h. In CSV a null is an empty field and an empty string is "", so that the two stay
// apart.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/pipeline/cell_text.h"

namespace marquet::pipeline {

enum class TextFormat { kCsv, kJsonLines };

// Rows of one schema as text. Not thread safe.
class RowTextWriter {
 public:
  static arrow::Result<std::unique_ptr<RowTextWriter>> Make(std::shared_ptr<arrow::Schema> schema,
                                                            TextFormat format);
  // The header line of CSV; nothing for JSON Lines.
  void AppendHeader(std::string* out) const;
  // Every row of the batch, each ended by a line feed. The batch has the writer's schema.
  void Append(const arrow::RecordBatch& batch, std::string* out);

 private:
  RowTextWriter() = default;
  std::shared_ptr<arrow::Schema> schema_;
  TextFormat format_ = TextFormat::kCsv;
  std::vector<std::unique_ptr<CellWriter>> cells_;
  std::vector<std::string> keys_;  // JSON: what stands before each value, "{\"a\":" and ",\"b\":"
};

}  // namespace marquet::pipeline
