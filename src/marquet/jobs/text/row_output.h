// A stream of rows into a file or another byte stream, in one of the formats that users ask for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"

namespace marquet::jobs {

enum class RowFormat { kCsv, kJsonLines, kArrow, kParquet };

// "csv", "jsonl", "arrow", "parquet"; kInvalidInput for another name.
arrow::Result<RowFormat> ParseRowFormat(std::string_view name);

// The format that a file's name says by its ending; nothing where it says none.
std::optional<RowFormat> RowFormatOfName(std::string_view path);

// kNotFound when the folder of a file that is to be made is not there.
arrow::Status CheckFolderOf(file::FileSystem& fs, const std::string& path);

// kAlreadyExists when there is a file of the name that is not to be replaced; kInvalidInput for a folder,
// which no file takes the place of.
arrow::Status CheckFree(file::FileSystem& fs, const std::string& path, bool replace);

struct RowOutputReport {
  int64_t rows = 0;
  int64_t bytes = 0;
  int64_t quoted_nulls = 0;  // CSV of one column: rows of a null, written as "" (row_text.h), and warned of
};

// Writes every row as it arrives, without keeping any: kArrow as an IPC stream. kUnsupported for kParquet,
// which needs a file.
arrow::Result<RowOutputReport> WriteRows(arrow::RecordBatchReader& rows, RowFormat format,
                                         arrow::io::OutputStream& output,
                                         const ProgressCallback& progress = {},
                                         const StopFlag* stop = nullptr);

// The same into a file that appears whole and durable, or not at all: kArrow as an IPC file. kAlreadyExists
// for a taken name, unless `replace`; kInvalidInput for a name whose ending says another format (".json" may
// hold JSON Lines) or that the file is compressed; a Parquet file's name must end in ".parquet".
arrow::Result<RowOutputReport> WriteRowsToFile(const std::shared_ptr<file::FileSystem>& fs,
                                               arrow::RecordBatchReader& rows, RowFormat format,
                                               const std::string& path, bool replace,
                                               const ProgressCallback& progress = {},
                                               const StopFlag* stop = nullptr);

}  // namespace marquet::jobs
