// Decoding without a table: what the tests compare with Databento's own decoder.
#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "arrow/io/memory.h"
#include "arrow/table.h"
#include "arrow_exchange.h"
#include "bindings.h"
#include "convert.h"
#include "errors.h"
#include "interrupt.h"
#include "marquet/dbn/reader.h"
#include "marquet/dbn/writer.h"
#include "marquet/file/file_system.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

struct Decoded {
  std::vector<dbn::Batch> batches;
  dbn::ReadSummary summary;
};

arrow::Result<Decoded> Decode(const std::string& path, const dbn::ReadOptions& options,
                              const StopFlag& stop) {
  ARROW_ASSIGN_OR_RAISE(auto input, file::LocalFileSystem()->OpenForReading(path));
  ARROW_ASSIGN_OR_RAISE(auto reader, dbn::Reader::Open(std::move(input), options));
  Decoded decoded;
  while (true) {
    ARROW_RETURN_NOT_OK(stop.Check());
    ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
    if (!batch) break;
    decoded.batches.push_back(*std::move(batch));
  }
  decoded.summary = reader->summary();
  return decoded;
}

// Writes records in the order of their source: rows of several kinds and raw records stand between each
// other.
arrow::Result<std::shared_ptr<arrow::Buffer>> Encode(const Decoded& decoded) {
  struct Run {
    int64_t source_row;
    const dbn::Batch* batch;  // null for a raw record
    int64_t begin, length;
    const dbn::KeptRecord* raw;
  };
  std::vector<Run> runs;
  for (const dbn::Batch& batch : decoded.batches) {
    const auto rows = std::static_pointer_cast<arrow::Int64Array>(batch.rows->GetColumnByName("source_row"));
    for (int64_t begin = 0, end; begin < rows->length(); begin = end) {
      end = begin + 1;
      while (end < rows->length() && rows->Value(end) == rows->Value(end - 1) + 1) ++end;
      runs.push_back({rows->Value(begin), &batch, begin, end - begin, nullptr});
    }
  }
  for (const dbn::KeptRecord& record : decoded.summary.kept_records) {
    runs.push_back({record.source_row, nullptr, 0, 1, &record});
  }
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.source_row < b.source_row; });

  ARROW_ASSIGN_OR_RAISE(auto output, arrow::io::BufferOutputStream::Create());
  dbn::WriteOptions options;
  options.write_metadata = decoded.summary.has_metadata;
  ARROW_ASSIGN_OR_RAISE(auto writer, dbn::Writer::Open(output, decoded.summary.metadata, options));
  for (const Run& run : runs) {
    if (run.batch == nullptr) {
      ARROW_RETURN_NOT_OK(writer->WriteRaw(run.raw->bytes));
    } else {
      ARROW_RETURN_NOT_OK(writer->Write(run.batch->kind, *run.batch->rows->Slice(run.begin, run.length)));
    }
  }
  ARROW_RETURN_NOT_OK(writer->Close());
  return output->Finish();
}

Record ToDict(const dbn::ReadSummary& summary) {
  nb::dict rows;
  for (const auto& [kind, count] : summary.rows) rows[nb::cast(std::string(dbn::KindName(kind)))] = count;
  nb::list kept;
  for (const dbn::KeptRecord& record : summary.kept_records) {
    kept.append(nb::make_tuple(record.source_row, nb::bytes(record.bytes.data(), record.bytes.size())));
  }
  Record dict;
  dict["version"] = summary.metadata.version;
  dict["dataset"] = summary.metadata.dataset;
  dict["symbols"] = summary.metadata.symbols;
  dict["has_metadata"] = summary.has_metadata;
  dict["compressed"] = summary.compressed;
  dict["ts_out"] = summary.metadata.ts_out;
  dict["records"] = summary.records;
  dict["rows"] = rows;
  dict["control_records"] = summary.control_records;
  dict["unknown_records"] = summary.unknown_records;
  dict["unknown_by_rtype"] = summary.unknown_by_rtype;
  dict["unmapped_rows"] = summary.unmapped_rows;
  dict["nulled_times"] = summary.nulled_times;
  dict["truncated_bytes"] = summary.truncated_bytes;
  dict["truncated_records"] = summary.truncated_records;
  dict["bytes_decoded"] = summary.bytes_decoded;
  dict["kept_records"] = kept;
  dict["identical_export"] = summary.identical_export;
  return dict;
}

nb::typed<nb::tuple, nb::typed<nb::dict, nb::str, ArrowStream>, Record> DecodeFile(const std::string& path,
                                                                                   bool allow_truncated,
                                                                                   bool keep_unknown,
                                                                                   bool null_on_overflow) {
  dbn::ReadOptions options;
  options.name = path;
  options.allow_truncated = allow_truncated;
  options.keep_unknown = keep_unknown;
  if (null_on_overflow) options.on_time_overflow = dbn::OnTimeOverflow::kNull;
  auto stop = std::make_shared<StopFlag>();
  Decoded decoded = Unwrap(Interruptible(*stop, [&] { return Decode(path, options, *stop); }), path);
  std::map<dbn::RecordKind, arrow::RecordBatchVector> by_kind;
  for (dbn::Batch& batch : decoded.batches) by_kind[batch.kind].push_back(std::move(batch.rows));
  nb::dict kinds;
  for (auto& [kind, batches] : by_kind) {
    const auto schema = batches.front()->schema();
    auto reader = Unwrap(arrow::RecordBatchReader::Make(std::move(batches), schema));
    kinds[nb::cast(std::string(dbn::KindName(kind)))] = ArrowStream{std::move(reader), stop, nullptr};
  }
  return nb::make_tuple(kinds, ToDict(decoded.summary));
}

nb::bytes EncodeBack(const std::string& path) {
  StopFlag stop;
  dbn::ReadOptions options;
  options.name = path;
  options.keep_unknown = true;
  const auto bytes = Unwrap(Interruptible(stop,
                                          [&]() -> arrow::Result<std::shared_ptr<arrow::Buffer>> {
                                            ARROW_ASSIGN_OR_RAISE(auto decoded, Decode(path, options, stop));
                                            return Encode(decoded);
                                          }),
                            path);
  return nb::bytes(reinterpret_cast<const char*>(bytes->data()), static_cast<size_t>(bytes->size()));
}

}  // namespace

void RegisterDbn(nb::module_& module) {
  module.def("dbn_decode", &DecodeFile, nb::arg("path"), nb::arg("allow_truncated") = false,
             nb::arg("keep_unknown") = false, nb::arg("null_on_overflow") = false,
             "The rows of a DBN file by record kind, and a summary of what was read.");
  module.def("dbn_encode_back", &EncodeBack, nb::arg("path"),
             "A DBN file decoded and encoded again, uncompressed.");
}

}  // namespace marquet::python
