#include <algorithm>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/table/scan_internal.h"
#include "marquet/table/time_column.h"

namespace marquet::table {
namespace {

constexpr int64_t kBatchRows = 262'144;

arrow::Result<int64_t> BatchRows(int64_t asked) {
  if (asked < 0) return InvalidInput(fmt::format("a batch of {} rows", asked));
  if (asked > 0) return std::min(asked, pq::kMostBatchRows);
  const char* text = std::getenv("MARQUET_SCAN_BATCH_SIZE");
  if (text == nullptr || *text == '\0') return kBatchRows;
  const std::string_view value = text;
  int64_t rows = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), rows);
  if (error != std::errc() || end != value.data() + value.size() || rows <= 0) {
    return InvalidInput(
        fmt::format("MARQUET_SCAN_BATCH_SIZE is {}; expected a positive number of rows", Quoted(value)));
  }
  return std::min(rows, pq::kMostBatchRows);
}

}  // namespace

std::string TimeColumnOf(const arrow::Schema& schema) {
  if (schema.GetFieldIndex("ts") >= 0) return "ts";
  for (const auto& field : schema.fields()) {
    if (field->type()->id() == arrow::Type::TIMESTAMP) return field->name();
  }
  for (const auto& field : schema.fields()) {
    if (field->type()->id() == arrow::Type::INT64 && field->metadata() != nullptr &&
        field->metadata()->Get("unit").ValueOr("") == "ns") {
      return field->name();
    }
  }
  return {};
}

arrow::Result<std::shared_ptr<const ScanSpec>> BindScan(std::shared_ptr<TableState> table,
                                                        ScanOptions options) {
  ARROW_RETURN_NOT_OK(InitializeKernels());
  auto spec = std::make_shared<ScanSpec>();
  ARROW_ASSIGN_OR_RAISE(spec->index, table->index());
  const arrow::Schema& schema = *spec->index->snapshot().schema;
  if (options.start_ns || options.end_ns) {
    const std::string column = options.time_column.empty() ? TimeColumnOf(schema) : options.time_column;
    if (column.empty()) {
      return InvalidInput(
          fmt::format("{}: a start or end needs a time column, and the table has none", table->path),
          "Use a filter (--where, filter= in Python), or name a column of times (time_column= in Python).");
    }
    if (options.start_ns && options.end_ns && *options.start_ns >= *options.end_ns) {
      return InvalidInput(
          fmt::format("the start {} is not before the end {}", FormatNanos(*options.start_ns),
                      FormatNanos(*options.end_ns)),
          "Rows at or after the start and before the end are selected; give an end that is later.");
    }
    options.where = predicate::Predicate::And(
        options.where, predicate::Predicate::TimeRange(column, options.start_ns, options.end_ns));
  }
  if (options.limit && *options.limit < 0)
    return InvalidInput(fmt::format("a limit of {} rows", *options.limit));
  ARROW_ASSIGN_OR_RAISE(spec->where, options.where.Bind(schema, options.price));
  ARROW_ASSIGN_OR_RAISE(spec->columns, ColumnsOfScan(schema, options));
  ARROW_ASSIGN_OR_RAISE(spec->batch_rows, BatchRows(options.batch_rows));
  if (options.memory <= 0) {
    return InvalidInput(fmt::format("{}: memory of {} bytes for a scan", table->path, options.memory),
                        "Give a positive number of bytes, or leave it out.");
  }
  ARROW_RETURN_NOT_OK(spec->index->Prepare(spec->where));
  spec->stored = spec->columns.stored;
  spec->table = std::move(table);
  spec->sort_by = std::move(options.sort_by);
  spec->limit = options.limit;
  spec->memory = options.memory;
  spec->use_threads = options.use_threads;
  spec->stop = options.stop;
  return spec;
}

}  // namespace marquet::table
