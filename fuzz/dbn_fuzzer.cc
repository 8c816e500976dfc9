// Any bytes through the DBN reader; what it takes must come back from the writer, record for record.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "arrow/api.h"
#include "arrow/io/memory.h"
#include "marquet/dbn/reader.h"
#include "marquet/dbn/writer.h"

namespace {

using marquet::dbn::Batch;
using marquet::dbn::ReadOptions;
using marquet::dbn::ReadSummary;

struct Contents {
  std::vector<Batch> batches;
  ReadSummary summary;
};

void Require(bool condition) {
  if (!condition) std::abort();
}

arrow::Result<Contents> ReadAll(std::shared_ptr<arrow::Buffer> bytes, bool split) {
  ReadOptions options;
  options.name = "input";
  options.keep_unknown = true;
  options.batch_rows = 4'096;
  options.split_by_symbol_and_date = split;
  auto input = std::make_shared<arrow::io::BufferReader>(std::move(bytes));
  ARROW_ASSIGN_OR_RAISE(auto reader, marquet::dbn::Reader::Open(std::move(input), options));
  Contents contents;
  // A small input that unpacks into a day of data is read to its end, but only its start is kept.
  int64_t kept_rows = 0;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
    if (!batch) break;
    Require(batch->rows->ValidateFull().ok());
    if ((kept_rows += batch->rows->num_rows()) <= 4'096) contents.batches.push_back(*std::move(batch));
  }
  contents.summary = reader->summary();
  if (kept_rows > 4'096) return arrow::Status::Cancelled("too long to compare");
  return contents;
}

// Each kind's rows in file order; the order between kinds does not matter here.
arrow::Result<std::shared_ptr<arrow::Buffer>> WriteAll(const Contents& contents) {
  ARROW_ASSIGN_OR_RAISE(auto output, arrow::io::BufferOutputStream::Create());
  marquet::dbn::WriteOptions options;
  options.write_metadata = contents.summary.has_metadata;
  ARROW_ASSIGN_OR_RAISE(auto writer, marquet::dbn::Writer::Open(output, contents.summary.metadata, options));
  for (const Batch& batch : contents.batches) ARROW_RETURN_NOT_OK(writer->Write(batch.kind, *batch.rows));
  for (const auto& kept : contents.summary.kept_records) ARROW_RETURN_NOT_OK(writer->WriteRaw(kept.bytes));
  ARROW_RETURN_NOT_OK(writer->Close());
  return output->Finish();
}

// True when the records behind both headers are the same bytes. `records` of one size lie behind each.
bool SameRecords(const arrow::Buffer& input, const arrow::Buffer& written, bool has_metadata) {
  uint32_t length = 0;
  if (has_metadata) std::memcpy(&length, written.data() + 4, sizeof length);
  const int64_t header = has_metadata ? 8 + int64_t{length} : 0;
  const int64_t bytes = written.size() - header;
  return input.size() >= bytes &&
         std::memcmp(input.data() + input.size() - bytes, written.data() + header, bytes) == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto bytes = std::make_shared<arrow::Buffer>(data, static_cast<int64_t>(size));
  auto split = ReadAll(bytes, true);
  auto read = ReadAll(bytes, false);
  Require(split.ok() == read.ok());
  if (!read.ok()) return 0;
  Require(split->summary.rows == read->summary.rows);

  auto written = WriteAll(*read);
  Require(written.ok());
  const ReadSummary& summary = read->summary;
  if (summary.rows.size() == 1 && summary.kept_records.empty() && !summary.compressed) {
    Require(SameRecords(*bytes, **written, summary.has_metadata));
  }
  // Writing put one kind behind the other; from here on nothing may change any more.
  if (summary.rows.empty()) return 0;
  auto again = ReadAll(*written, false);
  Require(again.ok());
  Require(again->summary.records == summary.records);
  auto rewritten = WriteAll(*again);
  Require(rewritten.ok());
  Require((*rewritten)->Equals(**written));
  return 0;
}
