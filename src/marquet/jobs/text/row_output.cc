#include "marquet/jobs/text/row_output.h"

#include <arrow/api.h>
#include <arrow/ipc/writer.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/file/durable_file.h"
#include "marquet/file/temporary_name.h"
#include "marquet/jobs/text/row_text.h"
#include "marquet/parquet/write/writer.h"
#include "spdlog/logger.h"

namespace marquet::jobs {
namespace {

using BatchSink = std::function<arrow::Status(const arrow::RecordBatch&)>;

arrow::Result<int64_t> Drain(arrow::RecordBatchReader& rows, const std::string& phase, const BatchSink& sink,
                             const ProgressCallback& progress, const StopFlag* stop) {
  constexpr auto kInterval = std::chrono::milliseconds(100);
  auto reported = std::chrono::steady_clock::now();
  int64_t count = 0;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
    ARROW_RETURN_NOT_OK(rows.ReadNext(&batch));
    if (batch == nullptr) return count;
    ARROW_RETURN_NOT_OK(sink(*batch));
    count += batch->num_rows();
    if (progress && std::chrono::steady_clock::now() - reported >= kInterval) {
      reported = std::chrono::steady_clock::now();
      progress(Progress{phase, count, 0, 0});
    }
  }
}

arrow::Status WriteText(arrow::RecordBatchReader& rows, TextFormat format, arrow::io::OutputStream& output,
                        const ProgressCallback& progress, const StopFlag* stop, RowOutputReport* report) {
  constexpr int64_t kSliceRows = 4096;  // bounds the text that is held at once
  ARROW_ASSIGN_OR_RAISE(auto writer, RowTextWriter::Make(rows.schema(), format));
  std::string text;
  writer->AppendHeader(&text);
  ARROW_RETURN_NOT_OK(output.Write(text.data(), static_cast<int64_t>(text.size())));
  const auto write = [&](const arrow::RecordBatch& batch) -> arrow::Status {
    for (int64_t first = 0; first < batch.num_rows(); first += kSliceRows) {
      if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
      text.clear();
      writer->Append(*batch.Slice(first, kSliceRows), &text);
      ARROW_RETURN_NOT_OK(output.Write(text.data(), static_cast<int64_t>(text.size())));
    }
    return arrow::Status::OK();
  };
  ARROW_ASSIGN_OR_RAISE(report->rows, Drain(rows, "write rows", write, progress, stop));
  report->quoted_nulls = writer->quoted_nulls();
  if (report->quoted_nulls > 0) {
    Log().warn(
        "{} of the only column, {}, {} written as \"\", as an empty value is: most readers pass over a blank "
        "line",
        Counted(report->quoted_nulls, "null"), Quoted(rows.schema()->field(0)->name()),
        report->quoted_nulls == 1 ? "is" : "are");
  }
  return arrow::Status::OK();
}

arrow::Result<int64_t> WriteIpc(arrow::RecordBatchReader& rows,
                                const std::shared_ptr<arrow::ipc::RecordBatchWriter>& writer,
                                const ProgressCallback& progress, const StopFlag* stop) {
  ARROW_ASSIGN_OR_RAISE(
      const int64_t count,
      Drain(
          rows, "write rows",
          [&](const arrow::RecordBatch& batch) { return writer->WriteRecordBatch(batch); }, progress, stop));
  ARROW_RETURN_NOT_OK(writer->Close());
  return count;
}

// A Parquet file takes the place of another in two steps, because its writer publishes under free names only:
//
// 1. It is written, verified and made durable in a directory of its own beside the old file, which has a
//    temporary name. A crash after it leaves that directory (`marquet clean`), and the old file as it was.
// 2. It is renamed over the old file, and the directory synced. A crash after it leaves an empty directory.
arrow::Result<RowOutputReport> WriteParquet(const std::shared_ptr<file::FileSystem>& fs,
                                            arrow::RecordBatchReader& rows, const std::string& path,
                                            bool replace, const ProgressCallback& progress,
                                            const StopFlag* stop) {
  std::string staging, written = path;
  if (replace) {
    staging = file::MakeTemporaryPath(path);
    ARROW_RETURN_NOT_OK(fs->CreateDirectory(staging));
    written = file::JoinPath(staging, file::FileName(path));
  }
  const auto write = [&]() -> arrow::Result<RowOutputReport> {
    ARROW_ASSIGN_OR_RAISE(auto writer, pq::FileWriter::Open(fs, written, rows.schema(), pq::WriteOptions{}));
    auto count = Drain(
        rows, "write " + file::FileName(path),
        [&](const arrow::RecordBatch& batch) { return writer->Write(batch); }, progress, stop);
    if (!count.ok()) {
      ARROW_RETURN_NOT_OK(writer->Abort());
      return count.status();
    }
    const arrow::Result<pq::WrittenFile> closed = writer->Close();
    // A doubt about the staged file is none about the old one, which stands.
    if (!closed.ok()) return replace ? file::NotYetCommitted(closed.status()) : closed.status();
    const pq::WrittenFile& file = *closed;
    if (replace) ARROW_RETURN_NOT_OK(file::PutInPlace(*fs, written, path, file.bytes));
    return RowOutputReport{*count, file.bytes};
  };
  auto report = Caught(path, write);
  if (replace) {
    // The file is there or it is not; a directory that stays behind changes nothing about that.
    if (!report.ok()) BestEffort([&] { return fs->Remove(written); });
    BestEffort([&] { return fs->Remove(staging); });
  }
  return report;
}

constexpr std::pair<std::string_view, RowFormat> kEndings[] = {{".csv", RowFormat::kCsv},
                                                               {".jsonl", RowFormat::kJsonLines},
                                                               {".arrow", RowFormat::kArrow},
                                                               {".parquet", RowFormat::kParquet}};

// Endings that name formats which are not written here, with the one of ours that such files may hold.
constexpr std::pair<std::string_view, std::optional<RowFormat>> kOtherEndings[] = {
    {".json", RowFormat::kJsonLines},
    {".ndjson", RowFormat::kJsonLines},
    {".feather", RowFormat::kArrow},
    {".ipc", RowFormat::kArrow},
    {".pq", RowFormat::kParquet},
    {".tsv", std::nullopt},
    {".dbn", std::nullopt},
    {".xlsx", std::nullopt},
    {".avro", std::nullopt},
    {".orc", std::nullopt},
    {".h5", std::nullopt},
    {".html", std::nullopt}};

// Upper and lower case alike.
bool EndsWith(std::string_view path, std::string_view ending) {
  return path.size() >= ending.size() &&
         std::equal(ending.begin(), ending.end(), path.end() - static_cast<std::ptrdiff_t>(ending.size()),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
}

std::string_view NameOf(RowFormat format) {
  for (const auto& [ending, known] : kEndings) {
    if (known == format) return ending.substr(1);
  }
  return {};
}

arrow::Status CheckName(const std::string& path, RowFormat format) {
  for (const std::string_view ending : {".gz", ".zst", ".bz2", ".xz", ".lz4", ".zip"}) {
    if (!EndsWith(path, ending)) continue;
    return InvalidInput(
        fmt::format("{}: its name says {}; {} is written uncompressed", path, ending, NameOf(format)),
        fmt::format("leave {} out, or compress what goes to standard output (-o -)", ending));
  }
  const auto refused = [&](std::string_view said) {
    return InvalidInput(fmt::format("{}: its name says {}; {} was asked for", path, said, NameOf(format)),
                        "choose one of the two");
  };
  const auto said = RowFormatOfName(path);
  if (said && *said != format) return refused(NameOf(*said));
  for (const auto& [ending, may_be] : kOtherEndings) {
    if (EndsWith(path, ending) && may_be != format) return refused(ending.substr(1));
  }
  return arrow::Status::OK();
}

}  // namespace

std::optional<RowFormat> RowFormatOfName(std::string_view path) {
  for (const auto& [ending, format] : kEndings) {
    if (EndsWith(path, ending)) return format;
  }
  return std::nullopt;
}

arrow::Status CheckFolderOf(file::FileSystem& fs, const std::string& path) {
  const std::string folder = file::ParentPath(path);
  const auto there = fs.Stat(folder);
  if (!IsKind(there.status(), ErrorKind::kNotFound)) return there.status();
  return NotFound(fmt::format("{}: there is no folder {}", path, folder), "make it first, or choose another");
}

// Found again at the end, but not after an hour of work.
arrow::Status CheckFree(file::FileSystem& fs, const std::string& path, bool replace) {
  const auto there = fs.Stat(path);
  if (IsKind(there.status(), ErrorKind::kNotFound)) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(there.status());
  if (there->is_directory) {
    return InvalidInput(path + ": is a folder; expected the name of a file", "name a file in it");
  }
  if (replace) return arrow::Status::OK();
  return AlreadyExists(path + ": there is a file of this name",
                       "pass --replace (replace=True in Python), or another name");
}

arrow::Result<RowFormat> ParseRowFormat(std::string_view name) {
  if (name == "csv") return RowFormat::kCsv;
  if (name == "jsonl") return RowFormat::kJsonLines;
  if (name == "arrow") return RowFormat::kArrow;
  if (name == "parquet") return RowFormat::kParquet;
  return InvalidInput("there is no row format " + Quoted(name), "use csv, jsonl, arrow or parquet");
}

arrow::Result<RowOutputReport> WriteRows(arrow::RecordBatchReader& rows, RowFormat format,
                                         arrow::io::OutputStream& output, const ProgressCallback& progress,
                                         const StopFlag* stop) {
  RowOutputReport report;
  ARROW_ASSIGN_OR_RAISE(const int64_t begin, output.Tell());
  switch (format) {
    case RowFormat::kCsv:
      ARROW_RETURN_NOT_OK(WriteText(rows, TextFormat::kCsv, output, progress, stop, &report));
      break;
    case RowFormat::kJsonLines:
      ARROW_RETURN_NOT_OK(WriteText(rows, TextFormat::kJsonLines, output, progress, stop, &report));
      break;
    case RowFormat::kArrow: {
      ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeStreamWriter(&output, rows.schema()));
      ARROW_ASSIGN_OR_RAISE(report.rows, WriteIpc(rows, writer, progress, stop));
      break;
    }
    case RowFormat::kParquet:
      return Unsupported("Parquet cannot be written to a stream that is not a file", "name a file with -o");
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t end, output.Tell());
  report.bytes = end - begin;
  return report;
}

arrow::Result<RowOutputReport> WriteRowsToFile(const std::shared_ptr<file::FileSystem>& fs,
                                               arrow::RecordBatchReader& rows, RowFormat format,
                                               const std::string& path, bool replace,
                                               const ProgressCallback& progress, const StopFlag* stop) {
  ARROW_RETURN_NOT_OK(CheckName(path, format));
  ARROW_RETURN_NOT_OK(CheckFolderOf(*fs, path));
  ARROW_RETURN_NOT_OK(CheckFree(*fs, path, replace));
  if (format == RowFormat::kParquet) return WriteParquet(fs, rows, path, replace, progress, stop);
  ARROW_ASSIGN_OR_RAISE(auto output, file::DurableFile::Create(fs, path));
  RowOutputReport report;
  if (format == RowFormat::kArrow) {
    ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeFileWriter(output, rows.schema()));
    ARROW_ASSIGN_OR_RAISE(report.rows, WriteIpc(rows, writer, progress, stop));
  } else {
    ARROW_ASSIGN_OR_RAISE(report, WriteRows(rows, format, *output, progress, stop));
  }
  report.bytes = output->size();
  ARROW_RETURN_NOT_OK(replace ? output->PublishReplacing() : output->Publish());
  return report;
}

}  // namespace marquet::jobs
