// Handmade DBN for the tests: records byte by byte, streams, and a reader that takes all of one.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "arrow/api.h"
#include "arrow/io/api.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/dbn/layout.h"
#include "marquet/dbn/metadata_codec.h"
#include "marquet/dbn/reader.h"
#include "marquet/dbn/writer.h"

namespace marquet::dbn {

constexpr uint64_t kNoon = 1'704'283'200'000'000'000;  // 2024-01-03T12:00:00Z
constexpr int32_t kNoonDate = 19'725;

template <typename T>
void Put(std::string& record, size_t offset, T value) {
  std::memcpy(record.data() + offset, &value, sizeof value);
}

inline std::string Record(int bytes, uint8_t rtype, uint32_t instrument = 7, uint64_t ts_event = kNoon) {
  std::string record(bytes, '\0');
  Put<uint8_t>(record, 0, static_cast<uint8_t>(bytes / 4));
  Put<uint8_t>(record, 1, rtype);
  Put<uint16_t>(record, 2, 1);
  Put<uint32_t>(record, 4, instrument);
  Put<uint64_t>(record, 8, ts_event);
  return record;
}

inline std::string Trade(uint32_t instrument = 7, uint64_t ts_recv = kNoon, int64_t price = 5'000'000'000) {
  std::string record = Record(48, 0x00, instrument, ts_recv);
  Put<int64_t>(record, 16, price);
  Put<uint32_t>(record, 24, 3);
  record[28] = 'T';
  record[29] = 'B';
  Put<uint64_t>(record, 32, ts_recv);
  return record;
}

inline Metadata TestMetadata(int version = 3) {
  Metadata m;
  m.version = version;
  m.dataset = "TEST.SET";
  m.start = kNoon;
  m.stype_in = 1;
  m.stype_out = 0;
  m.symbol_cstr_len = version == 1 ? 22 : 71;
  m.symbols = {"ESH4"};
  m.mappings = {{"ESH4", {{kNoonDate, kNoonDate + 1, "7"}}}};
  return m;
}

inline std::string Header(const Metadata& metadata = TestMetadata()) {
  return EncodeMetadata(metadata).ValueOrDie();
}

struct ReadAll {
  arrow::Status status;
  std::vector<Batch> batches;
  ReadSummary summary;

  // All rows of one kind, in order.
  std::shared_ptr<arrow::RecordBatch> rows(RecordKind kind) const {
    arrow::RecordBatchVector of_kind;
    for (const Batch& batch : batches) {
      if (batch.kind == kind) of_kind.push_back(batch.rows);
    }
    return arrow::Table::FromRecordBatches(of_kind).ValueOrDie()->CombineChunksToBatch().ValueOrDie();
  }
};

inline ReadAll ReadStream(std::shared_ptr<arrow::io::InputStream> input, ReadOptions options = {}) {
  if (options.name.empty()) options.name = "day.dbn";
  ReadAll all;
  auto reader = Reader::Open(std::move(input), options);
  all.status = reader.status();
  if (!reader.ok()) return all;
  while (true) {
    auto batch = (*reader)->Next();
    all.status = batch.status();
    if (!batch.ok() || !*batch) break;
    all.status = (*batch)->rows->ValidateFull();
    if (!all.status.ok()) break;
    all.batches.push_back(**batch);
  }
  all.summary = (*reader)->summary();
  return all;
}
inline ReadAll Read(const std::string& bytes, ReadOptions options = {}) {
  return ReadStream(std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes)),
                    std::move(options));
}

inline void Check(const arrow::Status& status) {
  if (!status.ok()) status.Abort();
}

// What was read, encoded again: rows and kept records merged by their place.
inline std::string WriteBack(const ReadAll& all, bool compress = false) {
  struct Piece {
    int64_t source_row;
    const Batch* batch;
    int64_t row;
    const KeptRecord* kept;
  };
  std::vector<Piece> pieces;
  for (const Batch& batch : all.batches) {
    const auto column = batch.rows->GetColumnByName(kSourceRowColumn);
    const auto& rows = static_cast<const arrow::Int64Array&>(*column);
    for (int64_t i = 0; i < rows.length(); ++i) pieces.push_back({rows.Value(i), &batch, i, nullptr});
  }
  for (const KeptRecord& kept : all.summary.kept_records)
    pieces.push_back({kept.source_row, nullptr, 0, &kept});
  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.source_row < b.source_row; });

  auto output = arrow::io::BufferOutputStream::Create().ValueOrDie();
  WriteOptions options;
  options.compress = compress;
  options.write_metadata = all.summary.has_metadata;
  auto writer = Writer::Open(output, all.summary.metadata, options).ValueOrDie();
  for (const Piece& piece : pieces) {
    if (piece.kept) {
      Check(writer->WriteRaw(piece.kept->bytes));
    } else {
      Check(writer->Write(piece.batch->kind, *piece.batch->rows->Slice(piece.row, 1)));
    }
  }
  Check(writer->Close());
  return output->Finish().ValueOrDie()->ToString();
}

}  // namespace marquet::dbn
