// A table, or one source of it, back into a file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"
#include "marquet/table/scan.h"

namespace marquet::jobs {

enum class ExportFormat { kDbn, kCsv, kJsonLines, kParquet };
arrow::Result<ExportFormat> ParseExportFormat(std::string_view name);

struct ExportOptions {
  std::string table;
  ExportFormat format = ExportFormat::kDbn;
  std::string output;  // a file, published whole; for several DBN sources a directory
  std::shared_ptr<arrow::io::OutputStream> stream;  // instead: what is written stays, whatever comes after
  std::optional<std::string> source;  // DBN: one source, by name or digest; default: the only one, or all
  table::ScanOptions scan;            // other formats: columns, filter, order
  std::optional<int64_t> version;
  bool replace = false;  // take the place of an existing output
  ProgressCallback progress;
  const StopFlag* stop = nullptr;
};

struct ExportReport {
  int64_t rows = 0;
  int64_t bytes = 0;
  std::vector<std::string> files;
  int64_t quoted_nulls = 0;  // of RowOutputReport
};

// DBN: each source's identical records in their original order, with its metadata; compressed where the
// output's name ends in ".zst", never into a stream. kUnsupported when a source was ingested with losses
// (named), kAlreadyExists for a taken output, kInvalidInput for Parquet or several DBN sources into a stream.
arrow::Result<ExportReport> Export(std::shared_ptr<file::FileSystem> fs, ExportOptions options);

}  // namespace marquet::jobs
