// A file that claims to be Parquet: its footer, its pages, what verify says of it, and what a rescue makes of
// it.
//
// What verify calls whole is read whole, row for row, by the reader. What a rescue writes is whole, and it
// writes nothing for a file that is.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/parquet/decode/reader.h"
#include "marquet/parquet/rescue/rescue.h"
#include "marquet/parquet/verify/verify.h"
#include "parquet/metadata.h"

namespace {

namespace pq = marquet::pq;
using marquet::ErrorKind;
using marquet::IsKind;

constexpr const char* kFile = "in.parquet";
constexpr const char* kOut = "out.parquet";

// A few bytes may stand for any number of nulls; to decode more than this only takes time.
constexpr int64_t kMostValues = 1 << 18;
constexpr int64_t kBatchRows = 1 << 10;
constexpr int64_t kBatchesOfMany = 4;  // read of a file with more values

void Require(bool condition, const std::string& found = {}) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", found.c_str());
  std::abort();
}

// What may come of any input; everything else is a fault of the program's.
void RequireToldFault(const arrow::Status& status) {
  Require(status.ok() || IsKind(status, ErrorKind::kCorruptData) || IsKind(status, ErrorKind::kUnsupported) ||
              IsKind(status, ErrorKind::kInvalidInput) || IsKind(status, ErrorKind::kSchema),
          status.ToString());
}

// By the footer's word, which the pages may fall short of, and not exceed.
bool HasFewValues(const ::parquet::FileMetaData& footer) {
  int64_t values = 0;
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    for (int leaf = 0; leaf < footer.num_columns(); ++leaf) {
      const int64_t more = footer.RowGroup(group)->ColumnChunk(leaf)->num_values();
      if (more > kMostValues - values) return false;
      values += more;
    }
  }
  return footer.num_rows() <= kMostValues;
}

// Those of the columns that can be asked for: of several with one name there is none.
std::vector<std::string> Columns(const pq::FileReader& reader) {
  std::vector<std::string> names;
  for (const auto& field : reader.schema()->fields()) {
    if (reader.schema()->GetFieldIndex(field->name()) >= 0) names.push_back(field->name());
  }
  return names;
}

void AskForBounds(const pq::FileReader& reader) {
  for (int group = 0; group < reader.num_row_groups(); ++group) {
    for (const std::string& column : Columns(reader)) {
      RequireToldFault(reader.Statistics(group, column).status());
      RequireToldFault(reader.Pages(group, column).status());
    }
  }
}

// Gives the number of rows read, or what was wrong.
arrow::Result<int64_t> ReadRows(const pq::FileReader& reader, int64_t most_batches) {
  pq::ReadRequest request;
  request.batch_rows = kBatchRows;
  request.use_threads = false;
  request.columns = Columns(reader);
  for (int group = 0; group < reader.num_row_groups(); ++group) request.parts.push_back({group, {}});
  ARROW_ASSIGN_OR_RAISE(const auto stream, reader.Read(std::move(request)));
  int64_t rows = 0;
  for (int64_t batches = 0; batches < most_batches; ++batches) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(stream->ReadNext(&batch));
    if (batch == nullptr) break;
    Require(batch->Validate().ok());
    rows += batch->num_rows();
  }
  return rows;
}

// Every third row of each row group, which asks for pages by the offset index.
arrow::Status ReadSomeRows(const pq::FileReader& reader) {
  for (int group = 0; group < reader.num_row_groups(); ++group) {
    pq::ReadRequest request;
    request.use_threads = false;
    request.columns = Columns(reader);
    pq::ReadRequest::Part part{group, {}};
    const int64_t rows = std::min(reader.row_group_rows(group), kBatchRows);
    for (int64_t row = rows > 1 ? 1 : 0; row < rows; row += 3) part.rows.push_back({row, row + 1});
    if (part.rows.empty()) continue;
    request.parts = {part};
    ARROW_ASSIGN_OR_RAISE(const auto stream, reader.Read(std::move(request)));
    for (std::shared_ptr<arrow::RecordBatch> batch;;) {
      ARROW_RETURN_NOT_OK(stream->ReadNext(&batch));
      if (batch == nullptr) break;
      Require(batch->Validate().ok());
    }
  }
  return arrow::Status::OK();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto fs = std::make_shared<marquet::file::MemoryFileSystem>();
  {
    auto file = fs->CreateNew(kFile).ValueOrDie();
    if (size > 0) Require(file->Append(data, static_cast<int64_t>(size)).ok());
    Require(file->Close().ok());
  }
  for (const auto level : {pq::VerifyLevel::kFooter, pq::VerifyLevel::kCrc}) {
    RequireToldFault(pq::VerifyFile(*fs, kFile, level, {}, nullptr, /*parallel=*/false).status());
  }

  const auto reader = pq::FileReader::Open(fs, kFile);
  RequireToldFault(reader.status());
  if (reader.ok()) {
    AskForBounds(**reader);
    if (!HasFewValues(*(*reader)->footer())) {
      RequireToldFault(ReadRows(**reader, kBatchesOfMany).status());
      return 0;
    }
    RequireToldFault(ReadSomeRows(**reader));
  }
  const auto verdict = pq::VerifyFile(*fs, kFile, pq::VerifyLevel::kFull, {}, nullptr, /*parallel=*/false);
  RequireToldFault(verdict.status());
  const bool whole = verdict.ok() && verdict->ok;
  if (reader.ok()) {
    const auto rows = ReadRows(**reader, INT64_MAX);
    RequireToldFault(rows.status());
    if (whole && rows.ok()) Require(*rows == verdict->rows);
    if (whole && !rows.ok())
      Require(!IsKind(rows.status(), ErrorKind::kCorruptData), rows.status().ToString());
  }

  pq::RescueOptions options;
  options.parallel = options.write.parallel = false;
  const auto report = pq::Rescue(
      fs, kFile, kOut, []() -> arrow::Result<std::optional<pq::RescueSchema>> { return std::nullopt; },
      options);
  RequireToldFault(report.status());
  const auto source = marquet::file::ReadAll(*fs, kFile).ValueOrDie();
  Require(std::string_view(source) == std::string_view(reinterpret_cast<const char*>(data), size));
  const bool written = marquet::file::Exists(*fs, kOut).ValueOrDie();
  Require(written == (report.ok() && !report->out.empty()));
  if (!written) return 0;
  Require(!report->intact);
  const auto out = pq::VerifyFile(*fs, kOut, pq::VerifyLevel::kFull).ValueOrDie();
  Require(out.ok && out.rows == report->rows && report->rows > 0);
  return 0;
}
