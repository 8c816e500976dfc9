// Decoding and encoding of DBN in memory, in nanoseconds a record (the inverse of items_per_second).
//
//   Decode/KIND       uncompressed content that lies in main memory
//   DecodeZstd/KIND   one zstd frame, decompressed in the reader's thread
//   DecodeSplit/KIND  as Decode, into one batch a symbol and date
//   Encode/KIND       batches to uncompressed content
//
// Records are random where entropy matters (prices, sizes, times), of two instruments.
#include <benchmark/benchmark.h>

#include "marquet/dbn/test_records.h"

namespace marquet::dbn {
namespace {

constexpr int kRecords = 200'000;

struct Kind {
  const char* name;
  RecordKind kind;
  uint8_t rtype;
};
constexpr Kind kKinds[] = {{"mbp-10", RecordKind::kMbp10, 0x0A},
                           {"mbo", RecordKind::kMbo, 0xA0},
                           {"trades", RecordKind::kTrades, 0x00},
                           {"mbp-1", RecordKind::kMbp1, 0x01}};

std::string Stream(const Kind& kind) {
  Metadata metadata = TestMetadata();
  metadata.mappings.push_back({"NQH4", {{kNoonDate, kNoonDate + 1, "8"}}});
  std::string bytes = Header(metadata);
  uint64_t state = 1;
  auto random = [&state](uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  const KindLayout& layout = LayoutOf(kind.kind);
  uint64_t now = kNoon;
  for (int i = 0; i < kRecords; ++i) {
    now += random(100'000);
    std::string record = Record(layout.sizes[2], kind.rtype, 7 + i % 2, now);
    for (const Column& column : layout.columns) {
      const Place& place = column.in(3);
      if (place.offset < 16) continue;
      if (column.role == Role::kTime) Put<uint64_t>(record, place.offset, now + 90'000);
      if (column.role == Role::kPrice)
        Put<int64_t>(record, place.offset, 4'750'000'000'000 + 250'000'000 * random(40));
      if (column.role == Role::kMaximum) Put<uint32_t>(record, place.offset, random(100));
      if (place.wire == Wire::kChar) record[place.offset] = 'A';
    }
    bytes += record;
  }
  return bytes;
}

void Decode(benchmark::State& state, const std::string& bytes, bool split) {
  const auto buffer = std::make_shared<arrow::Buffer>(bytes);
  for (auto _ : state) {
    ReadOptions options;
    options.name = "memory";
    options.split_by_symbol_and_date = split;
    auto reader = Reader::Open(std::make_shared<arrow::io::BufferReader>(buffer), options).ValueOrDie();
    while (auto batch = reader->Next().ValueOrDie()) benchmark::DoNotOptimize(batch->rows.get());
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
}

void Encode(benchmark::State& state, const Kind& kind, const std::string& bytes) {
  const ReadAll all = Read(bytes);
  for (auto _ : state) {
    auto output = arrow::io::BufferOutputStream::Create(static_cast<int64_t>(bytes.size()) + 64).ValueOrDie();
    auto writer = Writer::Open(output, all.summary.metadata, {}).ValueOrDie();
    for (const Batch& batch : all.batches) Check(writer->Write(kind.kind, *batch.rows));
    Check(writer->Close());
    benchmark::DoNotOptimize(output->Finish().ValueOrDie());
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
}

const bool kRegistered = [] {
  for (const Kind& kind : kKinds) {
    auto bytes = std::make_shared<std::string>();
    auto stream = [bytes, kind]() -> const std::string& {
      if (bytes->empty()) *bytes = Stream(kind);
      return *bytes;
    };
    auto zstd = std::make_shared<std::string>();
    const std::string name = kind.name;
    auto add = [](const std::string& what, auto run) {
      benchmark::RegisterBenchmark(what.c_str(), run)->Unit(benchmark::kMillisecond)->UseRealTime();
    };
    add("Decode/" + name, [stream](benchmark::State& state) { Decode(state, stream(), false); });
    add("DecodeZstd/" + name, [stream, zstd](benchmark::State& state) {
      if (zstd->empty()) *zstd = WriteBack(Read(stream()), true);
      Decode(state, *zstd, false);
    });
    add("DecodeSplit/" + name, [stream](benchmark::State& state) { Decode(state, stream(), true); });
    add("Encode/" + name, [stream, kind](benchmark::State& state) { Encode(state, kind, stream()); });
  }
  return true;
}();

}  // namespace
}  // namespace marquet::dbn
