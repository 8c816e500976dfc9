// marquet_generate: a synthetic day of market data as a DBN file, for the demo and the benchmarks.
//
//   marquet_generate --kind mbp-10 --symbols ESH4,NQH4 --records 400000 --seed 7 --date 2024-01-03 --out
//   day.dbn.zst
//
// One simulated book a symbol (market_simulation.h) gives mbo messages; mbp-10 keeps those that touch the
// first ten levels, with the book after each; trades keeps the trades. The same arguments give the same
// bytes.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "arrow/api.h"
#include "arrow/io/file.h"
#include "fmt/format.h"
#include "market_simulation.h"
#include "marquet/base/error.h"
#include "marquet/base/time.h"
#include "marquet/dbn/reader.h"
#include "marquet/dbn/writer.h"

namespace marquet::bench {
namespace {

constexpr int kLevels = 10;
constexpr int64_t kFlushRows = 65'536;
constexpr uint32_t kFirstInstrument = 5001;
constexpr int64_t kTickPrice = 250'000'000;  // a quarter, in units of 1e-9
constexpr int64_t kUndefinedPrice = INT64_MAX;
constexpr int64_t kFlagLast = 128;
constexpr int64_t kFlagSnapshot = 32;
constexpr int64_t kOpen = 14 * 3600 + 30 * 60;  // seconds into the day
constexpr double kSessionNanos = 6.5 * 3600 * 1e9;

struct Arguments {
  dbn::RecordKind kind = dbn::RecordKind::kMbp10;
  std::vector<std::string> symbols = {"ESH4", "NQH4"};
  int64_t records = 100'000;
  uint64_t seed = 1;
  int32_t date = 0;
  std::string out;
};

arrow::Result<Arguments> Parse(int argc, char** argv) {
  Arguments a;
  ARROW_ASSIGN_OR_RAISE(a.date, ParseDate("2024-01-03"));
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--kind") {
      ARROW_ASSIGN_OR_RAISE(a.kind, dbn::KindFromName(value));
    } else if (name == "--symbols") {
      a.symbols.clear();
      for (size_t at = 0; at <= value.size();) {
        const size_t comma = std::min(value.find(',', at), value.size());
        a.symbols.push_back(value.substr(at, comma - at));
        at = comma + 1;
      }
    } else if (name == "--records") {
      a.records = std::atoll(value.c_str());
    } else if (name == "--seed") {
      a.seed = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--date") {
      ARROW_ASSIGN_OR_RAISE(a.date, ParseDate(value));
    } else if (name == "--out") {
      a.out = value;
    } else {
      return InvalidInput(fmt::format("unknown argument {}", name));
    }
  }
  if (argc % 2 == 0 || a.out.empty() || a.records < 0) {
    return InvalidInput(
        "usage: marquet_generate --kind mbp-10|mbo|trades --symbols A,B --records N --seed S --date D --out "
        "FILE[.zst]");
  }
  if (a.kind != dbn::RecordKind::kMbp10 && a.kind != dbn::RecordKind::kMbo &&
      a.kind != dbn::RecordKind::kTrades) {
    return InvalidInput(fmt::format("cannot generate {}: mbp-10, mbo or trades", dbn::KindName(a.kind)));
  }
  return a;
}

// Rows of one kind on their way into the writer: a vector of numbers a column; characters by their codes.
class Rows {
 public:
  explicit Rows(dbn::RecordKind kind) {
    for (const auto& field : dbn::TableSchema(kind)->fields()) {
      if (field->name() == "symbol") break;  // the columns that the writer does not need
      fields_.push_back(field);
    }
    columns_.resize(fields_.size());
  }

  int Index(const char* name) const {
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (fields_[i]->name() == name) return static_cast<int>(i);
    }
    std::abort();
  }
  void Add(int column, int64_t value) { columns_[column].push_back(value); }
  int64_t size() const { return static_cast<int64_t>(columns_[0].size()); }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Take() {
    arrow::ArrayVector arrays;
    const int64_t rows = size();
    for (size_t i = 0; i < fields_.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(auto array, ToArray(*fields_[i]->type(), columns_[i]));
      arrays.push_back(std::move(array));
      columns_[i].clear();
    }
    return arrow::RecordBatch::Make(arrow::schema(fields_), rows, std::move(arrays));
  }

 private:
  template <typename Builder>
  static arrow::Result<std::shared_ptr<arrow::Array>> Build(const std::vector<int64_t>& values) {
    Builder builder;
    ARROW_RETURN_NOT_OK(builder.Reserve(static_cast<int64_t>(values.size())));
    for (int64_t value : values) {
      if constexpr (std::is_same_v<Builder, arrow::StringBuilder>) {
        ARROW_RETURN_NOT_OK(builder.Append(std::string(1, static_cast<char>(value))));
      } else if (value == kUndefinedPrice) {
        builder.UnsafeAppendNull();
      } else {
        builder.UnsafeAppend(static_cast<typename Builder::value_type>(value));
      }
    }
    return builder.Finish();
  }
  static arrow::Result<std::shared_ptr<arrow::Array>> ToArray(const arrow::DataType& type,
                                                              const std::vector<int64_t>& values) {
    switch (type.id()) {
      case arrow::Type::INT16:
        return Build<arrow::Int16Builder>(values);
      case arrow::Type::INT32:
        return Build<arrow::Int32Builder>(values);
      case arrow::Type::STRING:
        return Build<arrow::StringBuilder>(values);
      default:
        return Build<arrow::Int64Builder>(values);
    }
  }

  arrow::FieldVector fields_;
  std::vector<std::vector<int64_t>> columns_;
};

// One instrument: its book, and what the feed counts.
struct Instrument {
  uint32_t id;
  Book book;
};

// Turns messages into rows of the kind asked for.
class Recorder {
 public:
  explicit Recorder(dbn::RecordKind kind) : kind_(kind), rows_(kind) {}

  Rows& rows() { return rows_; }

  // True when the message became a row.
  bool Record(const Instrument& instrument, const Message& m, int64_t ts_event, int64_t latency,
              int64_t ts_in_delta, uint32_t sequence) {
    if (kind_ == dbn::RecordKind::kTrades && m.action != 'T') return false;
    // A book by price shows no fills, and nothing beyond its tenth level.
    if (kind_ == dbn::RecordKind::kMbp10 && (m.action == 'F' || m.depth >= kLevels)) return false;
    next_ = 0;
    Put(ts_event + latency);  // ts_recv
    Put(ts_event);
    Put(kind_ == dbn::RecordKind::kMbo ? 0xA0 : kind_ == dbn::RecordKind::kMbp10 ? 0x0A : 0x00);
    Put(1);  // publisher_id
    Put(instrument.id);
    Put(m.action);
    Put(m.side);
    if (kind_ != dbn::RecordKind::kMbo) Put(m.depth);
    Put(m.action == 'R' ? kUndefinedPrice : m.tick * kTickPrice);
    Put(m.size);
    if (kind_ == dbn::RecordKind::kMbo) {
      Put(static_cast<int64_t>(instrument.id) % 4);  // channel_id
      Put(static_cast<int64_t>(m.order_id));
    }
    Put((m.last ? kFlagLast : 0) | (m.action == 'R' ? kFlagSnapshot : 0));
    Put(ts_in_delta);
    Put(sequence);
    if (kind_ == dbn::RecordKind::kMbp10) PutLevels(instrument.book);
    return true;
  }

 private:
  void Put(int64_t value) { rows_.Add(next_++, value); }

  void PutLevels(const Book& book) {
    auto bid = book.bids().begin();
    auto ask = book.asks().begin();
    static const Level kEmpty;
    for (int i = 0; i < kLevels; ++i) {
      const bool has_bid = bid != book.bids().end();
      const bool has_ask = ask != book.asks().end();
      const Level& bids = has_bid ? bid->second : kEmpty;
      const Level& asks = has_ask ? ask->second : kEmpty;
      Put(has_bid ? bid->first * kTickPrice : kUndefinedPrice);
      Put(has_ask ? ask->first * kTickPrice : kUndefinedPrice);
      Put(bids.size);
      Put(asks.size);
      Put(static_cast<int64_t>(bids.orders.size()));
      Put(static_cast<int64_t>(asks.orders.size()));
      if (has_bid) ++bid;
      if (has_ask) ++ask;
    }
  }

  dbn::RecordKind kind_;
  Rows rows_;
  int next_ = 0;
};

dbn::Metadata MetadataFor(const Arguments& a) {
  dbn::Metadata m;
  m.dataset = "SYNTHETIC";
  m.schema = a.kind == dbn::RecordKind::kMbo ? 0 : a.kind == dbn::RecordKind::kMbp10 ? 2 : 4;
  m.start = static_cast<uint64_t>(a.date * kNanosPerDay);
  m.end = m.start + static_cast<uint64_t>(kNanosPerDay);
  m.stype_in = 1;   // raw_symbol
  m.stype_out = 0;  // instrument_id
  m.symbols = a.symbols;
  uint32_t id = kFirstInstrument;
  for (const auto& symbol : a.symbols) {
    m.mappings.push_back({symbol, {{a.date, a.date + 1, std::to_string(id++)}}});
  }
  return m;
}

arrow::Status Generate(const Arguments& a) {
  ARROW_ASSIGN_OR_RAISE(auto output, arrow::io::FileOutputStream::Open(a.out));
  dbn::WriteOptions options;
  options.compress = a.out.ends_with(".zst");
  ARROW_ASSIGN_OR_RAISE(auto writer, dbn::Writer::Open(output, MetadataFor(a), options));

  Random random(a.seed);
  std::vector<Instrument> instruments;
  for (size_t i = 0; i < a.symbols.size(); ++i) {
    instruments.push_back({kFirstInstrument + static_cast<uint32_t>(i),
                           Book(random.Next(), 19'000 + 1'500 * static_cast<int64_t>(i))});
  }
  Recorder recorder(a.kind);
  int64_t now = a.date * kNanosPerDay + kOpen * kNanosPerSecond;
  int64_t last_recv = 0;
  int64_t recorded = 0;
  uint32_t sequence = 1;
  // Most events follow their predecessor within microseconds; the pauses between bursts fill the session.
  const double mean_gap = kSessionNanos / static_cast<double>(std::max<int64_t>(a.records, 1));
  while (recorded < a.records) {
    now += 1 + static_cast<int64_t>(random.Below(10) < 7 ? random.Exponential(mean_gap * 0.05)
                                                         : random.Exponential(mean_gap * 3));
    Instrument& instrument = instruments[random.Below(instruments.size())];
    // The capture time never runs backwards.
    const int64_t recv = std::max(last_recv, now + 80'000 + static_cast<int64_t>(random.Exponential(40'000)));
    const auto ts_in_delta = 10'000 + static_cast<int64_t>(random.Below(15'000));
    last_recv = recv;
    instrument.book.Step([&](const Message& message) {
      if (recorded == a.records) return;
      recorded += recorder.Record(instrument, message, now, recv - now, ts_in_delta, sequence++);
    });
    if (recorder.rows().size() >= kFlushRows || recorded == a.records) {
      ARROW_ASSIGN_OR_RAISE(auto rows, recorder.rows().Take());
      ARROW_RETURN_NOT_OK(writer->Write(a.kind, *rows));
    }
  }
  ARROW_RETURN_NOT_OK(writer->Close());
  return output->Close();
}

arrow::Status Run(int argc, char** argv) {
  ARROW_ASSIGN_OR_RAISE(Arguments arguments, Parse(argc, argv));
  return Generate(arguments);
}

}  // namespace
}  // namespace marquet::bench

int main(int argc, char** argv) {
  const arrow::Status status = marquet::bench::Run(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "marquet_generate: %s\n", marquet::OneLine(status).c_str());
  return 1;
}
