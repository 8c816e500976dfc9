#include "marquet/jobs/text/row_text.h"

#include <arrow/api.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::jobs {
namespace {

// As CSV wants it: quoted where a reader would otherwise split it, take it for a null, or, as pandas does
// with lines of blanks, pass over it.
void AppendCsvField(std::string_view text, std::string* out) {
  const bool blank = text.find_first_not_of(" \t") == std::string_view::npos;
  if (!blank && text.find_first_of("\",\r\n") == std::string_view::npos) {
    *out += text;
    return;
  }
  out->push_back('"');
  for (const char c : text) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

}  // namespace

arrow::Result<std::unique_ptr<RowTextWriter>> RowTextWriter::Make(std::shared_ptr<arrow::Schema> schema,
                                                                  TextFormat format) {
  std::unique_ptr<RowTextWriter> writer(new RowTextWriter());
  for (const auto& field : schema->fields()) {
    auto cell = MakeCellWriter(*field->type());
    if (!cell.ok()) return WithContext(cell.status(), "column " + Quoted(field->name()));
    std::string key = writer->cells_.empty() ? "{" : ",";
    AppendJsonString(field->name(), &key);
    writer->keys_.push_back(key + ":");
    writer->cells_.push_back(*std::move(cell));
  }
  writer->schema_ = std::move(schema);
  writer->format_ = format;
  return writer;
}

void RowTextWriter::AppendHeader(std::string* out) const {
  if (format_ != TextFormat::kCsv) return;
  for (int i = 0; i < schema_->num_fields(); ++i) {
    if (i > 0) out->push_back(',');
    AppendCsvField(schema_->field(i)->name(), out);
  }
  out->push_back('\n');
}

void RowTextWriter::Append(const arrow::RecordBatch& batch, std::string* out) {
  for (size_t i = 0; i < cells_.size(); ++i) cells_[i]->Bind(batch.column(static_cast<int>(i)));
  std::string text;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    if (format_ == TextFormat::kJsonLines) {
      if (cells_.empty()) out->push_back('{');
      for (size_t i = 0; i < cells_.size(); ++i) {
        *out += keys_[i];
        cells_[i]->Json(row, out);
      }
      out->push_back('}');
    } else {
      if (cells_.size() == 1 && cells_[0]->IsNull(row)) {
        AppendCsvField({}, out);
        ++quoted_nulls_;
        out->push_back('\n');
        continue;
      }
      for (size_t i = 0; i < cells_.size(); ++i) {
        if (i > 0) out->push_back(',');
        if (!cells_[i]->is_text()) {
          cells_[i]->Plain(row, out);
        } else if (!cells_[i]->IsNull(row)) {
          text.clear();
          cells_[i]->Plain(row, &text);
          AppendCsvField(text, out);
        }
      }
    }
    out->push_back('\n');
  }
}

}  // namespace marquet::jobs
