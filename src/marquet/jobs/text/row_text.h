// Rows as text: CSV (RFC 4180) and JSON Lines.
//
// Values as in cell_text.h. In CSV a null is an empty field and an empty text, or bytes of none, are "", so
// that the two stay apart. Where there is one column, a null is "", too: pandas, pyarrow and others pass over
// a blank line, and a row would be gone. Such nulls are counted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/jobs/text/cell_text.h"

namespace marquet::jobs {

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

  // Rows so far whose only value is a null, which CSV spells as an empty text.
  int64_t quoted_nulls() const { return quoted_nulls_; }

 private:
  RowTextWriter() = default;
  int64_t quoted_nulls_ = 0;
  std::shared_ptr<arrow::Schema> schema_;
  TextFormat format_ = TextFormat::kCsv;
  std::vector<std::unique_ptr<CellWriter>> cells_;
  std::vector<std::string> keys_;  // JSON: what stands before each value, "{\"a\":" and ",\"b\":"
};

}  // namespace marquet::jobs
